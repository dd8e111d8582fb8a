import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import { assertClientSecrets, type Secret } from '../../lib/index.js';
import { cannotVerify, isVerifiable, mistakeInMlDsa, mlDsaOf } from '../../lib/keys/jwk.js';
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

for (const alg of [...Object.keys(SIZES), 'ES256', 'HS512', 'EdDSA']) {
  test(`${alg}: whether this Node can verify it is tried, and remembered`, () => {
    const expected = !(alg in SIZES) || newPair(alg) !== undefined;
    assert.deepEqual([isVerifiable(alg), isVerifiable(alg)], [expected, expected]);
  });
}

test('the error for an unusable ML-DSA key says whether the alg is wrong or Node is too old', () => {
  const { version, versions } = process;
  const node = `this Node (${version}, OpenSSL ${versions.openssl}) cannot`;
  assert.equal(cannotVerify('ML-DSA-44'), `${node} verify ML-DSA-44: use Node 24.6 or newer`);
  for (const alg of Object.keys(SIZES)) {
    const mistake = isVerifiable(alg)
      ? `the key for ${alg} is not a valid private key`
      : `${node} sign with ${alg}: use Node 24.6 or newer`;
    assert.equal(mistakeInMlDsa(alg), mistake);
  }
  for (const [alg, shown] of [
    ['ML-DSA-99', '"ML-DSA-99"'],
    ['ES256', '"ES256"'],
    [undefined, '"undefined"'],
  ] as const) {
    const mistake = `the AKP key has the alg ${shown}: use ML-DSA-44, ML-DSA-65, ML-DSA-87`;
    assert.equal(mistakeInMlDsa(alg), mistake);
  }
});

for (const [end, alg] of [
  [0x11, 'ML-DSA-44'],
  [0x12, 'ML-DSA-65'],
  [0x13, 'ML-DSA-87'],
  [0x14, undefined],
] as const) {
  test(`an object identifier that ends in ${end} is ${alg ?? 'not of ML-DSA'} (RFC 9881 §2)`, () => {
    const identifier = Buffer.from('300b0609608648016503040300', 'hex');
    identifier[identifier.length - 1] = end;
    assert.equal(mlDsaOf(Buffer.concat([Buffer.from('3082', 'hex'), identifier])), alg);
    assert.equal(mlDsaOf(identifier.subarray(0, -1)), undefined);
    assert.equal(mlDsaOf(Buffer.from('302a300506032b6570032100', 'hex')), undefined);
  });
}
