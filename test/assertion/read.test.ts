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

const OBJECT = encoded({});
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');
const base64url = (text: string | Buffer): string => Buffer.from(text).toString('base64url');

const JSON_OBJECT = 'a JSON object: the JSON serialization of JWS is not accepted';
const BEARER = 'a JWT after the word Bearer: send only the JWT';
const QUOTED = 'a text in quotes: send the JWT alone';
const PEM = 'a PEM: the assertion must be a JWT that was signed with the key';
const AT_ENDS = 'a text that begins or ends with white space or a line break';
const WITHIN = 'a text with white space or line breaks in it';
const ENCODED_TWICE = 'a text that is URL-encoded twice';
const BASIC =
  'one segment that looks like base64(id:secret): probably the credentials of Basic authentication';

for (const [text, actual] of [
  ['{"payload":"e30"}', JSON_OBJECT],
  ['\n  {"payload":"e30"}', JSON_OBJECT],
  [`a{.${OBJECT}.c2ln`, 'the header is not base64url'],
  ['Bearer e30.e30.c2ln', BEARER],
  ['bearer\te30.e30.c2ln', BEARER],
  ['e30.e30.Bearer c2ln', WITHIN],
  ['"e30.e30.c2ln"', QUOTED],
  ["'e30.e30.c2ln'", QUOTED],
  ['"e30.\ne30.c2ln" \n', QUOTED],
  ['e30"."e30.c2ln"', 'the header is not base64url'],
  ['"e30".e30.c2ln', 'the header is not base64url'],
  ['-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n', PEM],
  ['"-----BEGIN PUBLIC KEY-----\\nMII="', PEM],
  [' e30.e30.c2ln', AT_ENDS],
  ['e30.e30.c2ln\r\n', AT_ENDS],
  ['e30. e30.c2ln', WITHIN],
  ['e30.e30\n.c2ln', WITHIN],
  ['e30%2Ee30%2Ec2ln', ENCODED_TWICE],
  ['e30%2ee30%2ec2ln', ENCODED_TWICE],
  ['%2.%g0.c2ln', 'the header is not base64url'],
  ['e30.e30.c2ln.e30.e30', 'five segments: a JWE, which is not accepted'],
  ['.'.repeat(5), 'more than five segments'],
  ['.'.repeat(1000), 'more than five segments'],
  ['e30.e30.c2ln.e30', '4 segment(s)'],
  ['e30.e30', '2 segment(s)'],
  ['', '1 segment(s)'],
  [base64('client:secret'), BASIC],
  [base64('c:s').replace('=', ''), BASIC],
  [base64(':secret'), '1 segment(s)'],
  [base64('client:'), '1 segment(s)'],
  [base64('client'), '1 segment(s)'],
  [base64('client:s\u00e9'), '1 segment(s)'],
  [base64('\u0000client:s'), '1 segment(s)'],
  [`${base64('c:s')}a`, '1 segment(s)'],
  ['e30.Y2xpZW50OnNlY3JldA', '2 segment(s)'],
  [`.${OBJECT}.c2ln`, 'the header is empty'],
  [`${OBJECT}..c2ln`, 'the payload is empty'],
  [`${OBJECT}.${OBJECT}.`, 'the signature is empty'],
  [
    `${OBJECT}.e30=.c2ln`,
    'the payload has padding (=), which the base64url of a JWT does not have',
  ],
  [`${OBJECT}.${OBJECT}.a+b`, 'the signature is in the standard base64 alphabet, not in base64url'],
  [`a/b.${OBJECT}.c2ln`, 'the header is in the standard base64 alphabet, not in base64url'],
  [`${OBJECT}.${OBJECT}.c2\u0430`, 'the signature is not base64url'],
  [`${OBJECT}.${OBJECT}.c`, 'the signature is not base64url'],
  [`${base64url(Buffer.of(0xff))}.${OBJECT}.c2ln`, 'the header is not UTF-8'],
  [`${OBJECT}.${base64url('{')}.c2ln`, 'the payload is not JSON'],
  [`${OBJECT}.${base64url('\ufeff{}')}.c2ln`, 'the payload is not JSON'],
  [`${base64url('null')}.${OBJECT}.c2ln`, 'the header is JSON, but not an object'],
  [`${base64url('[]')}.${OBJECT}.c2ln`, 'the header is JSON, but not an object'],
  [`${OBJECT}.${base64url('"x"')}.c2ln`, 'the payload is JSON, but not an object'],
] as const) {
  test(`the text ${JSON.stringify(text.slice(0, 40))} is no JWT: ${actual} (RFC 7515 §3.1)`, () => {
    assert.deepEqual(readJwt(text, 1000), {
      failure: {
        reason: 'assertion_malformed',
        expected: 'three segments of base64url, separated by dots',
        actual,
      },
    });
  });
}

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
