import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readJwt } from '../../lib/assertion/read.js';
import { assertClientSecrets, type Secret } from '../../lib/index.js';
import { KeyError } from '../../lib/keys/algorithms.js';
import { findSigner } from '../../lib/keys/find-signer.js';
import { RemoteJwkSets } from '../../lib/keys/jwks-uri.js';
import { KeyCache } from '../../lib/keys/key-cache.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { signAssertion } from '../support/assertion.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { outcome, validatorOf } from '../support/validator.js';

const A = newKeyPair('ES256');
const B = newKeyPair('ES256');

const jwk = ({ publicJwk }: KeyPair, members = {}): Secret => ({
  type: 'JsonWebKey',
  value: { ...publicJwk, ...members },
});

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

test('a secret that is refused is read once', () => {
  const cache = new KeyCache();
  const weak: Secret = { type: 'SharedSecret', value: 'short' };
  const refusal = () => {
    try {
      return cache.keysOf(weak);
    } catch (error) {
      return error;
    }
  };
  const first = refusal();
  assert.ok(first instanceof KeyError);
  assert.equal(refusal(), first);
});

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

const MANY = Array.from({ length: 10 }, () => newKeyPair('ES256'));

for (const [what, secretOf] of Object.entries<(pair: KeyPair) => Secret>({
  'public keys in PEM': ({ publicKey }) => ({
    type: 'PublicKeyPem',
    value: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }),
  'shared secrets': ({ publicJwk }) => ({ type: 'SharedSecret', value: String(publicJwk['x']) }),
  'JWK Sets': ({ publicJwk }) => ({ type: 'JsonWebKeySet', value: { keys: [publicJwk] } }),
  'symmetric JWKs': ({ publicJwk }) => ({
    type: 'JsonWebKey',
    value: { kty: 'oct', k: String(publicJwk['x']) },
  }),
})) {
  test(`any number of ${what} are cached side by side`, () => {
    const cache = new KeyCache();
    const keys = MANY.map((pair) => cache.keysOf(secretOf(pair)));
    assert.ok(MANY.every((pair, index) => cache.keysOf(secretOf(pair)) === keys[index]));
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
  const settings = {
    keys: new KeyCache(1),
    jwksUri: new RemoteJwkSets(),
    certificateValidity: true,
  };
  for (let round = 0; round < 2; round += 1) {
    for (const [index, pair] of [A, B].entries()) {
      const assertion = await signAssertion(String(index), { pair });
      const { jws } = readJwt(assertion, assertion.length);
      assert.ok(jws !== undefined);
      const { secrets } = clients[index] as (typeof clients)[number];
      const { signer } = await findSigner({ jws, secrets, now: Date.now() / 1000, settings });
      assert.equal(signer?.secret, secrets[0]);
    }
  }
});
