import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import { assertClientSecrets, type Secret } from '../../lib/index.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { validClaims } from '../support/assertion.js';
import { rawAssertion } from '../support/raw-jws.js';
import { outcome, validatorOf } from '../support/validator.js';

const SIZES = { 'ML-DSA-44': 1312, 'ML-DSA-65': 1952, 'ML-DSA-87': 2592 } as const;

/** A key pair of FIPS 204; undefined on a Node that has none. */
function newPair(alg: string): { publicKey: KeyObject; privateKey: KeyObject } | undefined {
  try {
    return generateKeyPairSync(alg.toLowerCase() as 'ed25519');
  } catch {
    return undefined;
  }
}

const jwk = (alg: string, pub: Uint8Array, members = {}): JsonWebKey => ({
  kty: 'AKP',
  alg,
  pub: Buffer.from(pub).toString('base64url'),
  ...members,
});

const secretOf = (value: JsonWebKey): Secret => ({ type: 'JsonWebKey', value });

for (const [alg, size] of Object.entries(SIZES)) {
  const pair = newPair(alg);
  if (pair === undefined) {
    const sentence = new RegExp(
      `this Node \\(v[\\d.]+, OpenSSL [^)]+\\) cannot verify ${alg}: use Node 24.6 or newer`,
    );

    test(`${alg}: on a Node that cannot verify it, a key is refused with a clear message`, () => {
      const secrets = [secretOf(jwk(alg, Buffer.alloc(size)))];
      assert.throws(() => assertClientSecrets({ clientId: 'client', secrets }), {
        name: 'SecretError',
        message: sentence,
      });
    });

    test(`${alg}: on such a Node, it is refused as the alg of a client with a clear message`, () => {
      const client = { clientId: 'client', secrets: [], tokenEndpointAuthSigningAlg: alg };
      assert.throws(() => assertClientSecrets(client), { name: 'SecretError', message: sentence });
    });
    continue;
  }

  const spki = pair.publicKey.export({ format: 'der', type: 'spki' });
  const pub = spki.subarray(spki.length - size);
  const signer = (data: string) => sign(null, Buffer.from(data), pair.privateKey);
  const pem = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();

  for (const [form, secret] of Object.entries<Secret>({
    'a JWK': secretOf(jwk(alg, pub)),
    'a JWK in a set': { type: 'JsonWebKeySet', value: { keys: [jwk(alg, pub, { kid: 'a' })] } },
    'a public key in PEM': { type: 'PublicKeyPem', value: pem },
  })) {
    test(`${alg}: ${form} verifies an assertion`, async () => {
      const validator = validatorOf([{ clientId: 'client', secrets: [secret] }]);
      assert.equal(
        await outcome(validator, rawAssertion({ alg }, validClaims(), signer)),
        undefined,
      );
      const forged = rawAssertion({ alg }, validClaims(), () => signer('something else'));
      assert.equal(await outcome(validator, forged), 'signature_invalid');
    });
  }

  test(`${alg}: a key of another size, a private key and another alg are refused`, () => {
    for (const [value, message] of [
      [jwk(alg, pub.subarray(1)), /the member pub has \d+ bytes: ML-DSA-\d+ needs \d+/],
      [jwk(alg, Buffer.concat([pub, pub])), /the member pub has \d+ bytes: at most \d+ are/],
      [jwk(alg, pub, { priv: 'AA' }), /holds a private key \(member priv\)/],
      [jwk('ML-DSA-99', pub), /the AKP key has the alg "ML-DSA-99": use ML-DSA-44/],
    ] as const) {
      assert.throws(() => assertClientSecrets({ clientId: 'client', secrets: [secretOf(value)] }), {
        name: 'SecretError',
        message,
      });
    }
  });
}
