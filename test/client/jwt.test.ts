import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  claimsOfAuthorizationRequest,
  headerOf,
  isFixedAudience,
  type JwtOptions,
  jwtOptions,
  resolveAudience,
  validityClaims,
} from '../../lib/client/jwt.js';
import { readOptions } from '../../lib/shared/options.js';
import { fakeClock } from '../support/fake-clock.js';

// What goes into each JWT of a client, before it is signed.

const read = (options: JwtOptions | object = {}) =>
  readOptions('A JWT', options, jwtOptions('a+jwt'));

test('options that are left out get their defaults', () => {
  assert.deepEqual(read(), {
    audience: undefined,
    lifetime: 60,
    typ: 'a+jwt',
    notBefore: 0,
    header: {},
    claims: {},
  });
});

const TAKEN: readonly JwtOptions[] = [
  { audience: 'https://as.example' },
  { audience: ['a', 'b'] },
  { audience: () => 'a' },
  { lifetime: 1 },
  { lifetime: 3600 },
  { typ: 'JWT' },
  { typ: false },
  { notBefore: false },
  { notBefore: 3600 },
  { header: { 'x-a': 1 } },
  { claims: Object.create(null) },
];

for (const options of TAKEN) {
  test(`${JSON.stringify(options)} is accepted`, () => {
    const [[name, value] = []] = Object.entries(options);
    assert.deepEqual((read(options) as Record<string, unknown>)[name ?? ''], value);
  });
}

const AUDIENCE = 'audience must be a non-empty string, an array of them, or a function';
const TYP = 'typ must be a media type such as JWT, or false for none';

const WRONG: readonly (readonly [object, string | RegExp])[] = [
  ...['', [], ['a', ''], ['a', 7], 7, null, {}].map(
    (audience) => [{ audience }, AUDIENCE] as const,
  ),
  ...['', true, 7, null].map((typ) => [{ typ }, TYP] as const),
  ...[0, 3601, '60'].map((lifetime) => [{ lifetime }, /^lifetime must/] as const),
  ...[-1, 3601, true].map((notBefore) => [{ notBefore }, /^notBefore must/] as const),
  ...[[], 'a', null, new Map()].map((header) => [{ header }, 'header must be an object'] as const),
  ...[[], 7].map((claims) => [{ claims }, 'claims must be an object'] as const),
  [{ header: { alg: 'a' } }, 'header must not have alg: it follows from the key'],
  [{ header: { kid: 'a' } }, 'header must not have kid: set it with the key'],
  [{ header: { typ: 'a' } }, 'header must not have typ: use the option typ'],
  [{ header: { crit: [] } }, 'header must not have crit: critical members are not supported'],
  [{ header: { b64: false } }, 'header must not have b64: critical members are not supported'],
  [{ header: { jwk: {} } }, 'header must not have jwk: the server knows the key'],
  [{ claims: { iss: 'a' } }, 'claims must not have iss: it is the clientId'],
  [{ claims: { sub: 'a' } }, 'claims must not have sub: it is the clientId'],
  [{ claims: { client_id: 'a' } }, 'claims must not have client_id: it is the clientId'],
  [{ claims: { aud: 'a' } }, 'claims must not have aud: use the option audience'],
  [{ claims: { exp: undefined } }, 'claims must not have exp: use the option lifetime'],
  [
    { claims: { iat: 1 } },
    'claims must not have iat: it is the time of the call: createClientToken({ clockOffset }) moves it',
  ],
  [{ claims: { nbf: 1 } }, 'claims must not have nbf: use the option notBefore'],
  [{ claims: { jti: 'a' } }, 'claims must not have jti: it is new for every JWT'],
];

for (const [options, message] of WRONG) {
  test(`${JSON.stringify(options)} is refused: ${message}`, () => {
    assert.throws(() => read(options), { name: 'TypeError', message });
  });
}

test('the header has its own members, and the typ unless typ is false', () => {
  const header = { 'x-a': 1 };
  assert.deepEqual(headerOf(read({ header })), { 'x-a': 1, typ: 'a+jwt' });
  assert.deepEqual(Object.keys(headerOf(read({ header, typ: false }))), ['x-a']);
  assert.ok(Object.isFrozen(headerOf(read())));
});

const SERVER = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };

test('the audience is the fixed value, the result of the function, or the issuer', () => {
  assert.equal(resolveAudience('a', undefined), 'a');
  assert.deepEqual(resolveAudience(['a', 'b'], SERVER), ['a', 'b']);
  assert.equal(resolveAudience(undefined, SERVER), SERVER.issuer);
  assert.equal(
    resolveAudience(({ token_endpoint }) => token_endpoint, SERVER),
    SERVER.token_endpoint,
  );
});

test('an audience that is not known is an error', () => {
  for (const audience of [undefined, () => 'a']) {
    assert.throws(() => resolveAudience(audience, undefined), {
      name: 'TypeError',
      message: /^The audience is not known: give the AssertionService the issuer of the server, or/,
    });
  }
  for (const nothing of [undefined, '', []]) {
    assert.throws(() => resolveAudience(() => nothing, SERVER), {
      name: 'TypeError',
      message: /^The function audience returned no audience for the server: call createClientToken/,
    });
  }
  assert.throws(() => resolveAudience((async () => 'a') as never, SERVER), {
    name: 'TypeError',
    message: 'The function audience returned a Promise: it must not be asynchronous',
  });
});

test('a fixed audience is one text or a list of texts', () => {
  for (const fixed of ['a', ['a'], ['a', 'b']]) assert.equal(isFixedAudience(fixed), true);
  for (const other of ['', [], [''], ['a', 1], undefined, () => 'a']) {
    assert.equal(isFixedAudience(other), false);
  }
});

test('the times are whole seconds from the moment of the call (RFC 7523 §3)', () => {
  const time = fakeClock(1_000_000);
  try {
    const claims = (options: JwtOptions, offset = 0) => {
      const { jti, ...times } = validityClaims(read(options), offset);
      assert.match(String(jti), /^[\da-f-]{36}$/);
      return times;
    };
    assert.deepEqual(claims({}), { iat: 1_000_000, nbf: 1_000_000, exp: 1_000_060 });
    assert.deepEqual(claims({ lifetime: 10, notBefore: 5 }), {
      iat: 1_000_000,
      nbf: 999_995,
      exp: 1_000_010,
    });
    time.advance(0.9);
    assert.deepEqual(claims({ notBefore: false }), { iat: 1_000_000, exp: 1_000_060 });
    assert.deepEqual(claims({ notBefore: false }, -30), { iat: 999_970, exp: 1_000_030 });
    assert.deepEqual(claims({ notBefore: false }, 30), { iat: 1_000_030, exp: 1_000_090 });
  } finally {
    time.restore();
  }
});

const CLAIMS: readonly (readonly [URLSearchParams | object, object])[] = [
  [new URLSearchParams('scope=openid&state=1'), { scope: 'openid', state: '1' }],
  [new URLSearchParams('resource=a&resource=b'), { resource: ['a', 'b'] }],
  [new URLSearchParams('max_age=0'), { max_age: 0 }],
  [new URLSearchParams('claims={"id_token":{}}'), { claims: { id_token: {} } }],
  [new URLSearchParams('authorization_details=[{}]'), { authorization_details: [{}] }],
  [
    { max_age: '60', state: '60' },
    { max_age: 60, state: '60' },
  ],
  [
    { max_age: 60, claims: {} },
    { max_age: 60, claims: {} },
  ],
];

for (const [parameters, claims] of CLAIMS) {
  test(`${parameters instanceof URLSearchParams ? parameters : JSON.stringify(parameters)} becomes ${JSON.stringify(claims)} (OpenID Connect Core §6.1)`, () => {
    assert.deepEqual(claimsOfAuthorizationRequest(parameters as Record<string, unknown>), claims);
  });
}

const NO_CLAIMS: readonly (readonly [unknown, string])[] = [
  [{ request: 'a' }, 'request cannot be inside a request object (RFC 9101 §4)'],
  [
    new URLSearchParams('request_uri=a'),
    'request_uri cannot be inside a request object (RFC 9101 §4)',
  ],
  [{ claims: '{' }, 'The parameter claims must be JSON'],
  [{ authorization_details: '' }, 'The parameter authorization_details must be JSON'],
  ...['', '1.5', 'x', '1e99'].map(
    (max_age) => [{ max_age }, 'The parameter max_age must be a whole number'] as const,
  ),
  ...[undefined, 'a=b', [], new Map()].map(
    (parameters) => [parameters, 'The parameters must be URLSearchParams or an object'] as const,
  ),
];

for (const [parameters, message] of NO_CLAIMS) {
  test(`${JSON.stringify(parameters)} cannot be signed: ${message}`, () => {
    assert.throws(() => claimsOfAuthorizationRequest(parameters as never), {
      name: 'TypeError',
      message,
    });
  });
}
