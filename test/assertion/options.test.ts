import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_ASSERTION_OPTIONS, settingsFrom } from '../../lib/assertion/options.js';
import { CLIENT_ASSERTION_HINTS, readRules } from '../../lib/assertion/rules.js';
import { MemoryReplayStore, RemoteJwkSets } from '../../lib/index.js';
import { isVerifiable } from '../../lib/keys/jwk.js';
import { ALGORITHMS, isSameAlgorithm } from '../../lib/shared/jose.js';
import { readOptions } from '../../lib/shared/options.js';

const settings = (options: object = {}) =>
  settingsFrom(readOptions('test', options, CLIENT_ASSERTION_OPTIONS, CLIENT_ASSERTION_HINTS));

test('without options, the settings are those of the guides', () => {
  const { replay, jwksUri, keys, algorithms, additionalTypes, ...plain } = settings();
  assert.ok(replay instanceof MemoryReplayStore);
  assert.ok(jwksUri instanceof RemoteJwkSets);
  assert.deepEqual([...algorithms], ALGORITHMS.filter(isVerifiable));
  assert.deepEqual(additionalTypes, new Set());
  assert.ok(keys !== settings().keys, 'each has keys of its own');
  assert.deepEqual(plain, {
    profile: undefined,
    ignoreTrailingSlash: false,
    requireTyp: false,
    clockTolerance: 60,
    maxLifetime: 3600,
    audience: 'compatible',
    additionalAudiences: [],
    maxAssertionLength: 16_384,
    acceptGrantTypeAsAssertionType: false,
    timeout: undefined,
    certificateValidity: true,
    ignoreAuthorizationHeader: false,
    invalidClientStatus: 401,
    detailedErrors: false,
    onAuthentication: undefined,
    lookupTimeout: 10,
    replayTimeout: 2,
  });
});

for (const [options, audience, maxLifetime] of [
  [{ audience: 'issuer' }, 'issuer', 600],
  [{ audience: 'issuer-string' }, 'issuer-string', 600],
  [{ profile: 'fapi2' }, 'issuer-string', 600],
  [{ profile: 'fapi2', maxLifetime: 60 }, 'issuer-string', 60],
  [{ audience: 'compatible', maxLifetime: 1 }, 'compatible', 1],
] as const) {
  test(`${JSON.stringify(options)} means audience ${audience} and ${maxLifetime} seconds`, () => {
    const rules = readRules('test', options);
    assert.deepEqual([rules.audience, rules.maxLifetime], [audience, maxLifetime]);
  });
}

test('profile fapi2 sets the algorithms of FAPI 2.0 Security Profile §5.4.1', () => {
  const { algorithms } = readRules('test', { profile: 'fapi2' });
  assert.deepEqual([...algorithms], ['PS256', 'ES256', 'EdDSA', 'Ed25519']);
});

test('one timeout holds for the lookup and the replay store', () => {
  const { lookupTimeout, replayTimeout } = settings({ timeout: 0.5 });
  assert.deepEqual([lookupTimeout, replayTimeout], [0.5, 0.5]);
});

test('a given store, jwksUri and status are used unchanged', () => {
  const replay = { insert: () => true };
  const jwksUri = new RemoteJwkSets();
  const kept = settings({ replay, jwksUri, invalidClientStatus: 400 });
  assert.equal(kept.replay, replay);
  assert.equal(kept.jwksUri, jwksUri);
  assert.equal(kept.invalidClientStatus, 400);
  assert.equal(settings({ invalidClientStatus: 401 }).invalidClientStatus, 401);
});

test('types are compared as media types (RFC 7515 §4.1.9)', () => {
  const { additionalTypes } = readRules('test', { additionalTypes: ['application/A+jwt', 'B'] });
  assert.deepEqual([...additionalTypes], ['a+jwt', 'b']);
});

test('the names of algorithms are those of RFC 7518 §3.1, RFC 8037, RFC 9864 and ML-DSA', () => {
  const names = [
    ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
    ...['EdDSA', 'Ed25519', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87', 'HS256', 'HS384', 'HS512'],
  ];
  assert.throws(() => settings({ algorithms: ['RS1'] }), {
    message: `algorithms has "RS1": choose from ${names.join(', ')}`,
  });
});

for (const alg of ALGORITHMS) {
  test(`${alg} can be asked for only if this Node can verify it`, () => {
    if (isVerifiable(alg)) assert.deepEqual([...settings({ algorithms: [alg] }).algorithms], [alg]);
    else
      assert.throws(() => settings({ algorithms: ['ES256', alg] }), /^TypeError: algorithms: .+/);
  });
}

for (const [one, other, same] of [
  ['ES256', 'ES256', true],
  ['ES256', 'ES384', false],
  ['EdDSA', 'Ed25519', true],
  ['Ed25519', 'EdDSA', true],
  ['EdDSA', 'ES256', false],
  ['ES256', 'Ed25519', false],
  ['Ed25519', undefined, false],
] as const) {
  test(`${one} and ${other} are ${same ? 'one algorithm' : 'different algorithms'} (RFC 9864 §2.2)`, () => {
    assert.equal(isSameAlgorithm(one, other), same);
  });
}

const REPLAY = 'replay must be a ReplayStore: an object with the method insert';
const STATUS = 'invalidClientStatus must be 400 or 401';
const ARRAY = 'algorithms must be a non-empty array';
const AUDIENCE =
  "audience must be 'compatible', 'issuer' or 'issuer-string'; put more accepted values into additionalAudiences";

for (const [options, message] of [
  [{ replay: null }, REPLAY],
  [{ replay: {} }, REPLAY],
  [{ replay: { insert: true } }, REPLAY],
  [{ invalidClientStatus: 403 }, STATUS],
  [{ invalidClientStatus: '401' }, STATUS],
  [{ timeout: 0 }, /^timeout must be a finite number of at least 0\.001/],
  [{ algorithms: [] }, ARRAY],
  [{ algorithms: 'ES256' }, ARRAY],
  [{ algorithms: '' }, ARRAY],
  [{ algorithms: {} }, ARRAY],
  [
    { algorithms: ['ES256', 'none'] },
    `algorithms has "none": choose from ${ALGORITHMS.join(', ')}`,
  ],
  [{ audience: 'strict' }, AUDIENCE],
  [{ audience: ['https://as.example'] }, AUDIENCE],
  [
    { audience: 'issuer', additionalAudiences: ['x'] },
    "additionalAudiences has an effect only with audience 'compatible': remove it",
  ],
  [
    { profile: 'fapi2', additionalAudiences: ['x'] },
    "additionalAudiences has an effect only with audience 'compatible': remove it",
  ],
  [{ strict: true }, "test has no option strict: use audience: 'issuer'"],
  [{ clockSkew: 5 }, 'test has no option clockSkew: use clockTolerance'],
  [
    { clock: Date.now },
    'test has no option clock: the time is Date.now(), which fake timers replace',
  ],
] as const) {
  test(`${JSON.stringify(options)} is refused, and the error says what to write instead`, () => {
    assert.throws(() => settings(options), { name: 'TypeError', message });
  });
}
