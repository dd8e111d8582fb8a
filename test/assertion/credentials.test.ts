import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertionFailure,
  credentialsIn,
  formOf,
  hasAssertion,
  methodFailure,
  methodsIn,
} from '../../lib/assertion/credentials.js';
import { CLIENT_ASSERTION_TYPE } from '../../lib/index.js';

const NOTHING = {
  client_assertion: undefined,
  client_assertion_type: undefined,
  client_id: undefined,
  client_secret: undefined,
  authorization: false,
};

const VALUES = {
  client_assertion: 'a.b.c',
  client_assertion_type: CLIENT_ASSERTION_TYPE,
  client_id: 'client',
  client_secret: 'secret',
};

for (const name of Object.keys(VALUES) as (keyof typeof VALUES)[]) {
  for (const [what, value, read] of [
    ['a text', VALUES[name], VALUES[name]],
    ['an empty text', '', undefined],
    ['null', null, undefined],
    ['a list', ['a', 'b'], ['a', 'b']],
    ['0', 0, 0],
  ] as const) {
    test(`${name} as ${what} is read as ${JSON.stringify(read)} (RFC 6749 §3.2)`, () => {
      assert.deepEqual(credentialsIn({ [name]: value }, undefined), { ...NOTHING, [name]: read });
    });
  }

  test(`an inherited ${name} of the form is ignored`, () => {
    assert.deepEqual(credentialsIn(Object.create({ [name]: 'x' }), undefined), NOTHING);
  });

  test(`a repeated ${name} is refused by its name (RFC 6749 §3.2)`, () => {
    const sent = { ...NOTHING, [name]: ['a', 'b'] };
    assert.deepEqual(methodFailure(sent), { reason: 'parameter_repeated', actual: name });
  });
}

for (const [header, counts] of [
  [undefined, false],
  ['', false],
  ['  ', false],
  ['Basic eDp5', true],
  [' x ', true],
  [true, true],
  [false, false],
] as const) {
  test(`the Authorization header ${JSON.stringify(header)} ${counts ? 'counts' : 'does not count'}`, () => {
    assert.equal(credentialsIn({}, header).authorization, counts);
  });
}

for (const [what, make] of [
  ['URLSearchParams', () => new URLSearchParams()],
  ['FormData', () => new FormData()],
] as const) {
  test(`${what} give each parameter once as a text, and twice as a list`, () => {
    const form = make();
    for (const [name, value] of Object.entries(VALUES)) form.append(name, value);
    assert.deepEqual(formOf(form), VALUES);
    form.append('client_id', 'another');
    form.append('scope', 'x');
    assert.deepEqual(formOf(form), { ...VALUES, client_id: ['client', 'another'] });
  });
}

for (const [what, value] of [
  ['a text', 'client_id=x'],
  ['a number', 1],
  ['bytes', new Uint8Array(1)],
  ['a list', []],
  ['a Map', new Map()],
  ['a DataView', new DataView(new ArrayBuffer(1))],
] as const) {
  test(`${what} is refused as a form`, () => {
    assert.throws(() => formOf(value), {
      name: 'TypeError',
      message: /^parameters must be the parsed form/,
    });
  });
}

test('an object is used as the form; null and undefined are an empty form', () => {
  assert.equal(formOf(VALUES), VALUES);
  assert.deepEqual([formOf(null), formOf(undefined)], [{}, {}]);
});

const SENT = (...names: readonly (keyof typeof NOTHING)[]) => ({
  ...NOTHING,
  ...Object.fromEntries(
    names.map((name) => [name, name === 'authorization' ? true : VALUES[name]]),
  ),
});

for (const [sent, methods] of [
  [SENT(), []],
  [SENT('client_id'), []],
  [SENT('client_assertion'), ['client_assertion']],
  [SENT('client_assertion_type'), ['client_assertion']],
  [SENT('client_secret'), ['client_secret']],
  [SENT('authorization'), ['Authorization']],
  [SENT('client_assertion', 'client_secret'), ['client_assertion', 'client_secret']],
  [SENT('client_assertion_type', 'client_secret'), ['client_assertion', 'client_secret']],
  [SENT('client_secret', 'authorization'), ['client_secret', 'Authorization']],
  [SENT('client_assertion', 'authorization'), ['client_assertion', 'Authorization']],
] as const) {
  test(`${methods.length} methods at once: ${methods.join(', ') || 'none'} (RFC 6749 §2.3)`, () => {
    assert.deepEqual(methodsIn(sent), methods);
    assert.equal(
      hasAssertion(sent),
      methods.some((method) => method === 'client_assertion'),
    );
    assert.deepEqual(
      methodFailure(sent),
      methods.length > 1
        ? { reason: 'multiple_authentication_methods', expected: 'one method', actual: methods }
        : undefined,
    );
  });
}

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

for (const [what, sent, accepts, failure] of [
  ['nothing', {}, false, { reason: 'client_assertion_absent' }],
  ['a secret alone', { client_secret: 'x' }, false, { reason: 'client_assertion_absent' }],
  [
    'a type alone',
    { client_assertion_type: CLIENT_ASSERTION_TYPE },
    false,
    { reason: 'client_assertion_missing' },
  ],
  [
    'an assertion alone',
    { client_assertion: 'x' },
    false,
    { reason: 'client_assertion_type_missing' },
  ],
  [
    'both',
    { client_assertion: 'x', client_assertion_type: CLIENT_ASSERTION_TYPE },
    false,
    undefined,
  ],
  [
    'the URN of the grant',
    { client_assertion: 'x', client_assertion_type: GRANT_TYPE },
    false,
    { reason: 'client_assertion_type_is_grant_type' },
  ],
  [
    'the URN of the grant, if that option is set',
    { client_assertion: 'x', client_assertion_type: GRANT_TYPE },
    true,
    undefined,
  ],
  [
    'another type',
    { client_assertion: 'x', client_assertion_type: 'y' },
    true,
    {
      reason: 'client_assertion_type_unsupported',
      expected: CLIENT_ASSERTION_TYPE,
      actual: 'y',
    },
  ],
  [
    'a repeated type',
    { client_assertion: 'x', client_assertion_type: ['y'] },
    false,
    { reason: 'parameter_repeated', actual: 'client_assertion_type' },
  ],
] as const) {
  test(`of ${what}: ${failure?.reason ?? 'accepted'} (RFC 7521 §4.2)`, () => {
    assert.deepEqual(assertionFailure({ ...NOTHING, ...sent }, accepts), failure);
  });
}
