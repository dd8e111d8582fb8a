import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readJwt } from '../../lib/assertion/read.js';
import { assertClientSecrets, type Secret } from '../../lib/index.js';
import { KeyError } from '../../lib/keys/algorithms.js';
import { findSigner } from '../../lib/keys/find-signer.js';
import { RemoteJwkSets } from '../../lib/keys/jwks-uri.js';
import {
  documentKeysOf,
  isSameJson,
  KeyCache,
  noteProved,
  secretOfDocument,
} from '../../lib/keys/key-cache.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { signAssertion } from '../support/assertion.js';
import { usedBytes } from '../support/garbage.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { outcome, validatorOf } from '../support/validator.js';

const A = newKeyPair('ES256');
const B = newKeyPair('ES256');

const jwk = ({ publicJwk }: KeyPair, members = {}): Secret => ({
  type: 'JsonWebKey',
  value: { ...publicJwk, ...members },
});

/** What asks who of the secrets signed an assertion. */
async function queryOf(
  pair: KeyPair,
  secrets: readonly Secret[],
  { keys = new KeyCache(), jwksUri = new RemoteJwkSets(), now = Date.now() / 1000 } = {},
) {
  const assertion = await signAssertion('client', { pair });
  const { jws } = readJwt(assertion, assertion.length);
  assert.ok(jws !== undefined);
  return { jws, secrets, now, settings: { keys, jwksUri, certificateValidity: true } };
}

/** Objects whose members are a JWK's and whose JSON is not. */
const DISGUISES: Readonly<Record<string, (jwk: JsonWebKey) => object>> = {
  'a toJSON that leaves the key out': (jwk) => ({ ...jwk, toJSON: () => ({ kty: jwk.kty }) }),
  'accessors in its class': (jwk) =>
    new (class {
      get kty() {
        return jwk.kty;
      }
      get crv() {
        return jwk['crv'];
      }
      get x() {
        return jwk['x'];
      }
      get y() {
        return jwk['y'];
      }
    })(),
  'members that it inherits': (jwk) => Object.create(jwk),
};

for (const [name, disguise] of Object.entries(DISGUISES)) {
  const secretOf = ({ publicJwk }: KeyPair): Secret => ({
    type: 'JsonWebKey',
    value: disguise(publicJwk) as JsonWebKey,
  });

  test(`a JWK with ${name} is never taken for another client's`, async () => {
    const validator = validatorOf([
      { clientId: 'attacker', secrets: [secretOf(A)] },
      { clientId: 'victim', secrets: [secretOf(B)] },
    ]);
    await outcome(validator, await signAssertion('attacker', { pair: A }));
    const forged = await signAssertion('victim', { pair: A });
    assert.equal(await outcome(validator, forged), 'secret_refused');
  });

  test(`a JWK with ${name} is refused when it is configured, as when it is used`, () => {
    const client = { clientId: 'client', secrets: [secretOf(A)] };
    assert.throws(() => assertClientSecrets(client), { name: 'SecretError' });
  });
}

test('a JWK whose toJSON gives the key is used as its JSON is', async () => {
  const value = { toJSON: () => A.publicJwk } as unknown as JsonWebKey;
  const validator = validatorOf([
    { clientId: 'client', secrets: [{ type: 'JsonWebKey', value: value }] },
  ]);
  for (let round = 0; round < 2; round += 1) {
    assert.equal(await outcome(validator, await signAssertion('client', { pair: A })), undefined);
  }
});

test('a secret is imported once, even if each lookup makes a new object', () => {
  const cache = new KeyCache();
  const keys = cache.keysOf(jwk(A, { key_ops: ['verify'], kid: undefined }));
  assert.equal(cache.keysOf(jwk(A, { key_ops: ['verify'] })), keys);
  assert.equal(cache.keysOf(jwk(A, { key_ops: ['verify'], kid: undefined })), keys);
  assert.notEqual(cache.keysOf(jwk(A, { key_ops: ['verify', 'sign'] })), keys);
  assert.notEqual(cache.keysOf(jwk(A, { key_ops: 'verify' })), keys);
  assert.notEqual(cache.keysOf(jwk(A, { kid: 'a' })), keys);
  assert.notEqual(cache.keysOf(jwk(A)), keys);
  assert.equal(cache.keysOf(jwk(A, { key_ops: ['verify'] })), keys);
});

/** Both are cached: the keys of a secret, and why it has none. */
function keysOrRefusal(cache: KeyCache, secret: Secret): unknown {
  try {
    return cache.keysOf(secret);
  } catch (error) {
    assert.ok(error instanceof KeyError);
    return error;
  }
}

const refused = (value: string): Secret => ({ type: 'PublicKeyPem', value });

test('a secret that is refused is read once', () => {
  const cache = new KeyCache();
  const weak: Secret = { type: 'SharedSecret', value: 'short' };
  assert.throws(() => cache.keysOf(weak), KeyError);
  assert.equal(keysOrRefusal(cache, weak), keysOrRefusal(cache, weak));
});

test('a shared secret that is not text is refused', () => {
  for (const value of [5, null, undefined, {}, ['secret']]) {
    const secret = { type: 'SharedSecret', value } as unknown as Secret;
    assert.throws(() => new KeyCache().keysOf(secret), { name: 'KeyError' });
  }
});

test('nothing remains of secrets that the cache has dropped', async () => {
  const cache = new KeyCache(1);
  const keep = (from: number) => {
    for (let count = from; count < from + 200; count += 1) {
      keysOrRefusal(cache, refused(Buffer.alloc(20_000, `secret ${count} `).toString('latin1')));
    }
  };
  keep(0);
  const before = await usedBytes();
  keep(200);
  const kept = (await usedBytes()) - before;
  assert.ok(kept < 1_000_000, `${kept} bytes`);
});

test('a secret of another type with the same value is another secret', () => {
  const cache = new KeyCache();
  const text = JSON.stringify(A.publicJwk);
  const keys = cache.keysOf({ type: 'JsonWebKey', value: text });
  assert.throws(() => cache.keysOf({ type: 'PublicKeyPem', value: text }), KeyError);
  assert.equal(cache.keysOf({ type: 'JsonWebKey', value: text }), keys);
});

const SAME: readonly (readonly [unknown, unknown])[] = [
  ['x', 'x'],
  [null, null],
  [{}, {}],
  [[], []],
  [
    { a: 1, b: ['x', { c: null }] },
    { b: ['x', { c: null }], a: 1 },
  ],
  [{ a: 1 }, { a: 1, b: undefined }],
];

const DIFFERENT: readonly (readonly [unknown, unknown])[] = [
  ['1', 1],
  [1, {}],
  [{}, 1],
  ['x', {}],
  [{}, 'x'],
  [null, {}],
  [{}, null],
  [[], {}],
  [{}, []],
  [{ a: 1 }, {}],
  [{}, { a: 1 }],
  [{ a: 1 }, { b: 1 }],
  [{ a: 1 }, { a: 1, b: 2 }],
  [
    { a: 1, b: 2 },
    { a: 1, b: 3 },
  ],
  [{ a: {} }, { a: null }],
  [{ a: { b: 1 } }, { a: { b: 2 } }],
  [[1], [1, 2]],
  [
    [1, 2],
    [2, 1],
  ],
];

for (const [pairs, expected] of [
  [SAME, true],
  [DIFFERENT, false],
] as const) {
  for (const [copy, value] of pairs) {
    const [one, other] = [copy, value].map((each) => JSON.stringify(each));
    test(`${one} and ${other} are ${expected ? 'the same' : 'different'} JSON`, () => {
      assert.equal(isSameJson(copy, value), expected);
    });
  }
}

test('a forgotten secret is imported again, and secrets with the same kid are not', () => {
  const cache = new KeyCache();
  const [one, other] = [jwk(A, { kid: 'one' }), jwk(A, { kid: 'other' })];
  const [oneKeys, otherKeys] = [cache.keysOf(one), cache.keysOf(other)];
  cache.forget(one);
  assert.equal(cache.keysOf(other), otherKeys);
  assert.notEqual(cache.keysOf(one), oneKeys);
  cache.forget(jwk(B));
});

test('the cache keeps at most maxCachedKeys keys, and drops the oldest first', () => {
  const cache = new KeyCache(3);
  const keysOfB = cache.keysOf(jwk(B));
  const keysOfA = cache.keysOf(jwk(A));
  const set: Secret = {
    type: 'JsonWebKeySet',
    value: { keys: [newKeyPair('ES256').publicJwk, newKeyPair('ES256').publicJwk] },
  };
  cache.keysOf(set);
  assert.equal(cache.keysOf(jwk(A)), keysOfA);
  assert.notEqual(cache.keysOf(jwk(B)), keysOfB);
});

test('a refused secret takes the place of one key, and a forgotten one none', () => {
  const cache = new KeyCache(3);
  const [one, two, three] = ['one', 'two', 'three'].map(refused) as [Secret, Secret, Secret];
  const first = keysOrRefusal(cache, one);
  const second = keysOrRefusal(cache, two);
  keysOrRefusal(cache, three);
  assert.equal(keysOrRefusal(cache, one), first, 'three fit');
  cache.forget(one);
  const keys = cache.keysOf(jwk(A));
  assert.equal(keysOrRefusal(cache, two), second);
  cache.keysOf(jwk(B));
  assert.notEqual(keysOrRefusal(cache, two), second, 'the oldest of four');
  assert.equal(cache.keysOf(jwk(A)), keys);
});

test('forgetting a secret makes no room for more keys than there were', () => {
  const cache = new KeyCache(2);
  const [one, other] = [jwk(A, { kid: 'one' }), jwk(A, { kid: 'other' })];
  for (const secret of [one, other]) cache.keysOf(secret);
  for (let count = 0; count < 3; count += 1) cache.forget(one);
  const keys = cache.keysOf(other);
  cache.keysOf(jwk(B));
  assert.equal(cache.keysOf(other), keys);
  cache.keysOf(jwk(newKeyPair('ES256')));
  assert.notEqual(cache.keysOf(other), keys);
});

test('the keys of a platform are none of the client (RFC 7523 §3)', () => {
  const cache = new KeyCache();
  const identity: Secret = {
    type: 'FederatedIdentity',
    issuer: 'https://platform.example',
    subject: 'workload',
    jwks: { keys: [A.publicJwk] },
  };
  assert.deepEqual(cache.keysOf(identity), { keys: [], refused: [] });
  cache.forget(identity);
});

const ID = 'https://client.example/id';

/** The secret of a client ID metadata document, and which URLs are noted as proved. */
function documentSecret(uri: string | undefined) {
  const proved: string[] = [];
  const sets = (name: string) =>
    Object.assign(new RemoteJwkSets(), {
      noteProved: (url: string) => proved.push(`${name}: ${url}`),
    });
  const imported = { keys: [], refused: [] };
  const keys = {
    imported,
    uri,
    jwksUri: sets('strangers'),
    noteProved: () => proved.push('document'),
  };
  return { secret: secretOfDocument(ID, 'jwks', keys), keys, proved, shared: sets('shared') };
}

test('the secret of a metadata document shows no keys, and its copy has none', () => {
  const { secret, keys } = documentSecret(undefined);
  assert.deepEqual(secret, { type: 'MetadataDocument', value: ID, description: 'jwks' });
  assert.ok(Object.isFrozen(secret));
  const cache = new KeyCache();
  assert.equal(cache.keysOf(secret), keys.imported);
  assert.equal(documentKeysOf(secret), keys);
  for (const copy of [{ ...secret }, jwk(A)]) assert.equal(documentKeysOf(copy), undefined);
  assert.throws(() => cache.keysOf({ ...secret }), { name: 'KeyError', message: /it is a copy/ });
});

test('after an authentication the documents of the client are noted as proved', () => {
  const uri = 'https://client.example/jwks.json';
  const { secret, proved, shared } = documentSecret(uri);
  for (const [used, noted] of [
    [secret, ['document', `strangers: ${uri}`]],
    [documentSecret(undefined).secret, []],
    [{ ...secret }, []],
    [{ type: 'JwksUri', value: uri }, [`shared: ${uri}`]],
    [jwk(A), []],
  ] as const) {
    proved.length = 0;
    noteProved(used, shared);
    assert.deepEqual(proved, noted);
  }
});

const MANY = Array.from({ length: 10 }, () => newKeyPair('ES256'));

for (const [what, secretOf] of Object.entries<(pair: KeyPair) => Secret>({
  'public keys in PEM': ({ publicKey }) => ({
    type: 'PublicKeyPem',
    value: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }),
  'shared secrets': ({ publicJwk }) => ({ type: 'SharedSecret', value: String(publicJwk['x']) }),
  'JWK Sets': ({ publicJwk }) => ({ type: 'JsonWebKeySet', value: { keys: [publicJwk] } }),
  'RSA JWKs': ({ publicJwk }) => ({
    type: 'JsonWebKey',
    value: { kty: 'RSA', n: String(publicJwk['x']), e: 'AQAB' },
  }),
  'ML-DSA JWKs': ({ publicJwk }) => ({
    type: 'JsonWebKey',
    value: { kty: 'AKP', alg: 'ML-DSA-44', pub: String(publicJwk['x']) },
  }),
  'symmetric JWKs': ({ publicJwk }) => ({
    type: 'JsonWebKey',
    value: { kty: 'oct', k: String(publicJwk['x']) },
  }),
})) {
  test(`any number of ${what} are cached side by side`, () => {
    const cache = new KeyCache();
    const keys = MANY.map((pair) => keysOrRefusal(cache, secretOf(pair)));
    assert.ok(MANY.every((pair, index) => keysOrRefusal(cache, secretOf(pair)) === keys[index]));
  });
}

test('if too many keys share a kid, the oldest are dropped first', () => {
  const cache = new KeyCache();
  const named = (kid: number) => jwk(A, { kid: String(kid) });
  const [first, second] = [cache.keysOf(named(1)), cache.keysOf(named(2))];
  for (let kid = 3; kid <= 9; kid += 1) cache.keysOf(named(kid));
  assert.equal(cache.keysOf(named(2)), second);
  assert.notEqual(cache.keysOf(named(1)), first);
});

test('with more clients than cached keys, all clients still authenticate', async () => {
  const clients = [A, B].map((pair, index) => ({
    clientId: String(index),
    secrets: [jwk(pair)],
  }));
  const keys = new KeyCache(1);
  for (let round = 0; round < 2; round += 1) {
    for (const [index, pair] of [A, B].entries()) {
      const { secrets } = clients[index] as (typeof clients)[number];
      const { signer } = await findSigner(await queryOf(pair, secrets, { keys }));
      assert.equal(signer?.secret, secrets[0]);
    }
  }
});

test('a secret that has expired leaves the cache when it is used', async () => {
  const keys = new KeyCache();
  const secret = { ...jwk(A), expiration: 2_000_000_000 };
  const imported = keys.keysOf(secret);
  for (const [now, failure] of [
    [1_999_999_999, undefined],
    [2_000_000_000, 'secret_expired'],
  ] as const) {
    assert.equal(keys.keysOf(secret), imported);
    const query = await queryOf(A, [secret], { keys, now });
    assert.equal((await findSigner(query)).failure?.reason, failure);
  }
  assert.notEqual(keys.keysOf(secret), imported);
});

test('an error of the application or of a fetch function is no reason to refuse a client', async () => {
  const broken = new Error('the database is gone');
  const secret = Object.defineProperty({ ...jwk(A) }, 'value', {
    get() {
      throw broken;
    },
  });
  await assert.rejects(findSigner(await queryOf(A, [secret])), broken);
  const jwksUri = Object.assign(new RemoteJwkSets(), { fetch: () => Promise.reject(broken) });
  const remote: Secret = { type: 'JwksUri', value: 'https://client.example/jwks.json' };
  await assert.rejects(findSigner(await queryOf(A, [remote], { jwksUri })), broken);
});
