import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readJwt, viewOf } from '../../lib/assertion/read.js';
import { readRules } from '../../lib/assertion/rules.js';
import { encoded } from '../support/raw-jws.js';

const jwt = (header: object, claims: object) => `${encoded(header)}.${encoded(claims)}.c2ln`;

/** Objects or arrays in each other, the outermost counted. */
const nested = (levels: number, wrap: (inner: unknown) => object): object =>
  levels === 1 ? wrap(null) : wrap(nested(levels - 1, wrap));

for (const [kind, wrap] of [
  ['objects', (inner: unknown) => ({ a: null, b: 1, inner })],
  ['arrays', (inner: unknown) => [null, 'a', inner]],
] as const) {
  for (const part of ['header', 'claims'] as const) {
    const read = (levels: number) => {
      const deep = { deep: nested(levels, wrap) };
      return readJwt(part === 'header' ? jwt(deep, {}) : jwt({}, deep), 16_384);
    };
    test(`${kind} in the ${part} may go 20 levels deep and no deeper, the ${part} counted`, () => {
      assert.ok(read(18).jws !== undefined);
      assert.deepEqual(read(20), {
        failure: {
          reason: 'assertion_malformed',
          expected: 'at most 20 levels of objects and arrays',
          actual: 'more levels',
        },
      });
    });
  }
}

test('a text of the maximum length is read, and a text with one more character is refused', () => {
  const text = jwt({ alg: 'ES256' }, { iss: 'client' });
  assert.deepEqual(readJwt(text, text.length).jws?.claims, { iss: 'client' });
  assert.deepEqual(readJwt(text, text.length - 1), {
    failure: {
      reason: 'assertion_too_long',
      expected: `<= ${text.length - 1} characters`,
      actual: text.length,
    },
  });
});

test('a text that is not a JWT is refused, and the error says what it looks like', () => {
  assert.deepEqual(readJwt('x', 10).failure?.reason, 'assertion_malformed');
});

const TYP = 'client-authentication+jwt';

for (const [what, audience, typ, claims, names] of [
  ['a client’s own assertion', 'compatible', undefined, {}, ['exp', 'iat']],
  ['an assertion with typ JWT', 'compatible', 'JWT', {}, ['exp', 'iat']],
  ['an assertion of RFC 10070', 'compatible', TYP, {}, []],
  ['mode issuer', 'issuer', undefined, {}, []],
  ['a platform’s assertion', 'compatible', undefined, { sub: 'workload' }, []],
] as const) {
  test(`${what}: times as strings count for ${names.join(', ') || 'none'} (RFC 10070 §4)`, () => {
    const sent = { iss: 'client', sub: 'client', exp: '20', nbf: 5, iat: '10', ...claims };
    const { jws } = readJwt(jwt(typ === undefined ? {} : { typ }, sent), 1000);
    assert.ok(jws !== undefined);
    const view = viewOf(jws, readRules('test', { audience }));
    assert.deepEqual(view.timesAsStrings, names);
    assert.deepEqual(view.claims, names.length > 0 ? { ...sent, exp: 20, iat: 10 } : sent);
    assert.equal(view.typ, typ?.toLowerCase());
  });
}
