import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import { assertClientSecrets, type Secret } from '../../lib/index.js';
import { validClaims } from '../support/assertion.js';
import { rawAssertion } from '../support/raw-jws.js';
import { outcome, validatorOf } from '../support/validator.js';

const pss = (options: object = {}) =>
  generateKeyPairSync('rsa-pss', { modulusLength: 2048, ...options } as { modulusLength: 2048 });

const secretOf = (publicKey: KeyObject): Secret => ({
  type: 'PublicKeyPem',
  value: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
});

const signerOf = (key: KeyObject, alg: string) => (data: string) =>
  sign(`sha${alg.slice(2)}`, Buffer.from(data), {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  });

const ALGS = ['PS256', 'PS384', 'PS512'] as const;

/** Parameters of RSASSA-PSS keys (RFC 4055 §3.1), and what they may sign. */
const KEYS: Readonly<Record<string, readonly [object, readonly string[]]>> = {
  'without parameters': [{}, ALGS],
  'for SHA-256': [
    { hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha256', saltLength: 32 },
    ['PS256'],
  ],
  'for SHA-384 and any salt': [
    { hashAlgorithm: 'sha384', mgf1HashAlgorithm: 'sha384', saltLength: 0 },
    ['PS384'],
  ],
};

for (const [name, [options, accepted]] of Object.entries(KEYS)) {
  const { publicKey, privateKey } = pss(options);
  const validator = validatorOf([{ clientId: 'client', secrets: [secretOf(publicKey)] }]);

  test(`an RSASSA-PSS key ${name} verifies ${accepted.join(', ')} (RFC 7518 §3.5)`, async () => {
    for (const alg of accepted) {
      const assertion = rawAssertion({ alg }, validClaims(), signerOf(privateKey, alg));
      assert.equal(await outcome(validator, assertion), undefined);
    }
  });

  test(`an RSASSA-PSS key ${name} does not fit any other alg`, async () => {
    for (const alg of ['RS256', ...ALGS].filter((one) => !accepted.includes(one))) {
      const assertion = rawAssertion({ alg }, validClaims(), () => Buffer.alloc(256, 1));
      assert.equal(await outcome(validator, assertion), 'no_matching_key');
    }
  });
}

for (const [name, options, message] of [
  [
    'for SHA-1',
    { hashAlgorithm: 'sha1', mgf1HashAlgorithm: 'sha1' },
    /is for sha1, MGF1 with sha1/,
  ],
  [
    'with another hash in MGF1',
    { hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha512' },
    /is for sha256, MGF1 with sha512/,
  ],
  [
    'with a longer salt than its hash',
    { hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha256', saltLength: 64 },
    /a salt of 64 bytes, which no alg has/,
  ],
  ['of 1024 bits', { modulusLength: 1024 }, /the RSA key has 1024 bits/],
] as const) {
  test(`an RSASSA-PSS key ${name} is refused when it is configured`, () => {
    const secrets = [secretOf(pss(options).publicKey)];
    assert.throws(() => assertClientSecrets({ clientId: 'client', secrets }), {
      name: 'SecretError',
      message,
    });
  });
}
