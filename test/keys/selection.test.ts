import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Reason, Secret } from '../../lib/index.js';
import { signAssertion } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { outcome, validatorOf } from '../support/validator.js';

const A = newKeyPair('ES256');
const B = newKeyPair('ES256');
const RSA = newKeyPair('RS256');
const certificateA = await clientCertificate(A);
const certificateB = await clientCertificate(B);

const thumbprint = (hash: string, { der }: { readonly der: Buffer }): string =>
  createHash(hash).update(der).digest('base64url');
const S256_A = thumbprint('sha256', certificateA);
const S256_B = thumbprint('sha256', certificateB);
const SHA1_A = thumbprint('sha1', certificateA);
const SHA1_B = thumbprint('sha1', certificateB);

const jwk = ({ publicJwk }: KeyPair, members = {}): Secret => ({
  type: 'JsonWebKey',
  value: { ...publicJwk, ...members },
});
const x509 = ({ base64 }: { readonly base64: string }): Secret => ({
  type: 'X509CertificateBase64',
  value: base64,
});
const pem = ({ publicKey }: KeyPair): Secret => ({
  type: 'PublicKeyPem',
  value: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
});

const many = (count: number): Secret[] =>
  Array.from({ length: count }, () => jwk(newKeyPair('ES256')));

interface Selection {
  readonly name: string;
  readonly secrets: readonly Secret[];
  /** Beside `alg`; the assertion is signed with A. */
  readonly header: Record<string, unknown>;
  readonly reason?: Reason;
}

const SELECTIONS: readonly Selection[] = [
  {
    name: 'the key with the kid (RFC 7515 §4.1.4)',
    secrets: [jwk(B, { kid: 'b' }), jwk(A, { kid: 'a' })],
    header: { kid: 'a' },
  },
  {
    name: 'not the key with another kid',
    secrets: [jwk(A, { kid: 'a' })],
    header: { kid: 'b' },
    reason: 'no_matching_key',
  },
  {
    name: 'the key with the kid alone, though another one signed',
    secrets: [jwk(B, { kid: 'b' }), jwk(A, { kid: 'a' })],
    header: { kid: 'b' },
    reason: 'signature_invalid',
  },
  {
    name: 'the key with the kid before one without',
    secrets: [jwk(A), jwk(B, { kid: 'b' })],
    header: { kid: 'b' },
    reason: 'signature_invalid',
  },
  {
    name: 'both keys with one kid',
    secrets: [jwk(B, { kid: 'same' }), jwk(A, { kid: 'same' })],
    header: { kid: 'same' },
  },
  {
    name: 'a key without a kid where none has that kid',
    secrets: [jwk(B, { kid: 'b' }), jwk(A)],
    header: { kid: 'a' },
  },
  {
    name: 'a PEM, which has no kid, whatever the kid is',
    secrets: [pem(A)],
    header: { kid: 'whatever' },
  },
  {
    name: 'a certificate, which has no kid, whatever the kid is',
    secrets: [x509(certificateA)],
    header: { kid: SHA1_A },
  },
  {
    name: 'every key where the header names none',
    secrets: [jwk(B, { kid: 'b' }), x509(certificateB), jwk(A, { kid: 'a' })],
    header: {},
  },
  {
    name: 'the certificate with the x5t#S256 (RFC 7515 §4.1.8)',
    secrets: [x509(certificateB), x509(certificateA)],
    header: { 'x5t#S256': S256_A },
  },
  {
    name: 'not the certificate with another x5t#S256',
    secrets: [x509(certificateA)],
    header: { 'x5t#S256': S256_B },
    reason: 'no_matching_key',
  },
  {
    name: 'the certificate with the x5t (RFC 7515 §4.1.7)',
    secrets: [x509(certificateB), x509(certificateA)],
    header: { x5t: SHA1_A },
  },
  {
    name: 'not the certificate with another x5t',
    secrets: [x509(certificateA)],
    header: { x5t: SHA1_B },
    reason: 'no_matching_key',
  },
  {
    name: 'a key without a certificate where none has that x5t#S256',
    secrets: [x509(certificateB), jwk(A)],
    header: { 'x5t#S256': S256_A },
  },
  {
    name: 'kid before x5t#S256',
    secrets: [x509(certificateA), jwk(B, { kid: 'b' })],
    header: { kid: 'b', 'x5t#S256': S256_A },
    reason: 'signature_invalid',
  },
  {
    name: 'x5t#S256 before x5t',
    secrets: [x509(certificateB), x509(certificateA)],
    header: { 'x5t#S256': S256_A, x5t: SHA1_B },
  },
  {
    name: 'x5t before a key that names nothing',
    secrets: [jwk(A), x509(certificateB)],
    header: { x5t: SHA1_B },
    reason: 'signature_invalid',
  },
  {
    name: 'x5t before a key that names nothing, also where that one comes later',
    secrets: [x509(certificateB), jwk(A)],
    header: { x5t: SHA1_B },
    reason: 'signature_invalid',
  },
  {
    name: 'a JWK by its own x5t#S256 (RFC 7517 §4.9)',
    secrets: [jwk(B, { 'x5t#S256': 'b' }), jwk(A, { 'x5t#S256': 'a' })],
    header: { 'x5t#S256': 'a' },
  },
  {
    name: 'not a JWK with another x5t#S256 of its own (RFC 7517 §4.9)',
    secrets: [jwk(A, { 'x5t#S256': 'a' })],
    header: { 'x5t#S256': 'b' },
    reason: 'no_matching_key',
  },
  {
    name: 'not a JWK with another x5t of its own (RFC 7517 §4.8)',
    secrets: [jwk(A, { x5t: 'a' })],
    header: { x5t: 'b' },
    reason: 'no_matching_key',
  },
  {
    name: 'a JWK by the certificate in its x5c (RFC 7517 §4.7)',
    secrets: [
      jwk(B, { x5c: [certificateB.base64] }),
      jwk(A, { x5c: [certificateA.base64, certificateB.base64] }),
    ],
    header: { 'x5t#S256': S256_A, x5t: SHA1_A },
  },
  {
    name: 'not a JWK with another certificate in its x5c',
    secrets: [jwk(A, { x5c: [certificateA.base64] })],
    header: { x5t: SHA1_B },
    reason: 'no_matching_key',
  },
  {
    name: 'a JWK whose kid and x5c are of other types, as one that names nothing',
    secrets: [jwk(A, { kid: 5, x5c: 'x', x5t: null })],
    header: { kid: 'a', x5t: 'a' },
  },
  {
    name: 'only keys that fit alg',
    secrets: [jwk(RSA, { kid: 'a' }), jwk(A, { kid: 'a' })],
    header: { kid: 'a' },
  },
  {
    name: 'not a key that does not fit alg, though it has the kid',
    secrets: [jwk(RSA, { kid: 'a' })],
    header: { kid: 'a' },
    reason: 'no_matching_key',
  },
  {
    name: 'a key from a set by its kid',
    secrets: [
      {
        type: 'JsonWebKeySet',
        value: { keys: [B, A].map(({ publicJwk }, index) => ({ ...publicJwk, kid: `${index}` })) },
      },
    ],
    header: { kid: '1' },
  },
  { name: 'the eighth key without a name', secrets: [...many(7), jwk(A)], header: {} },
  {
    name: 'not the ninth key without a name: tries are bounded',
    secrets: [...many(8), jwk(A)],
    header: {},
    reason: 'signature_invalid',
  },
  {
    name: 'the thousandth key by its kid',
    secrets: [...many(999), jwk(A, { kid: 'a' })],
    header: { kid: 'a' },
  },
];

for (const { name, secrets, header, reason } of SELECTIONS) {
  test(`chosen: ${name}${reason === undefined ? '' : ` (${reason})`}`, async () => {
    const validator = validatorOf([{ clientId: 'client', secrets }]);
    const assertion = await signAssertion('client', { pair: A, header });
    assert.equal(await outcome(validator, assertion), reason);
    // The same again, from the cache of keys.
    const again = await signAssertion('client', { pair: A, header });
    assert.equal(await outcome(validator, again), reason);
  });
}

test('what was looked for is reported where no key fits', async () => {
  const validator = validatorOf([{ clientId: 'client', secrets: [jwk(A, { kid: 'a' })] }], {
    onAuthentication: ({ actual, expected }) => seen.push(actual, expected),
  });
  const seen: unknown[] = [];
  const header = { kid: 'b', 'x5t#S256': S256_B };
  await outcome(validator, await signAssertion('client', { pair: A, header }));
  assert.deepEqual(seen, [
    ['alg=ES256', 'kid=b', `x5t#S256=${S256_B}`],
    ['JsonWebKey: kid=a, ES256'],
  ]);
});

/** Secrets that do not fit, and what the operator learns of them. */
const OFFERED: Readonly<Record<string, readonly [readonly Secret[], unknown]>> = {
  'no secret': [[], 'the client has no key that can be used'],
  'a certificate, by its x5t#S256': [
    [x509(certificateB)],
    [`X509CertificateBase64: x5t#S256=${S256_B}, ES256`],
  ],
  'a JWK with certificate and kid, by its kid': [
    [jwk(B, { kid: 'b', x5c: [certificateB.base64] })],
    ['JsonWebKey: kid=b, ES256'],
  ],
  'a description and every algorithm of a key': [
    [{ ...pem(RSA), description: 'of the console' }],
    ['PublicKeyPem, "of the console": no kid, RS256/RS384/RS512/PS256/PS384/PS512'],
  ],
  'what cannot be used is left out': [
    [
      { type: 'SharedSecret', value: 'short' },
      { ...jwk(B, { kid: 'b' }), expiration: 1 },
    ],
    'the client has no key that can be used',
  ],
  'the first eight of many': [
    Array.from({ length: 9 }, (_, index) => jwk(B, { kid: `${index}` })),
    Array.from({ length: 8 }, (_, index) => `JsonWebKey: kid=${index}, ES256`),
  ],
};

for (const [name, [secrets, offered]] of Object.entries(OFFERED)) {
  test(`where no key fits, those that the client has are reported: ${name}`, async () => {
    const expected: unknown[] = [];
    const validator = validatorOf([{ clientId: 'client', secrets }], {
      onAuthentication: (event) => expected.push(event.expected),
    });
    const header = { kid: 'a', 'x5t#S256': S256_A };
    await outcome(validator, await signAssertion('client', { pair: A, header }));
    assert.deepEqual(expected, [offered]);
  });
}

test('keys that were tried in vain are reported', async () => {
  const seen: unknown[] = [];
  const secrets = [jwk(B, { kid: 'b' }), x509(certificateB)];
  const validator = validatorOf([{ clientId: 'client', secrets }], {
    onAuthentication: ({ reason, actual, expected }) => seen.push(reason, actual, expected),
  });
  await outcome(validator, await signAssertion('client', { pair: A, header: {} }));
  assert.deepEqual(seen, [
    'signature_invalid',
    ['alg=ES256'],
    ['JsonWebKey: kid=b, ES256', `X509CertificateBase64: x5t#S256=${S256_B}, ES256`],
  ]);
});

test('a success names the key that verified, though the assertion does not', async () => {
  const names: unknown[] = [];
  const validator = validatorOf(
    [{ clientId: 'client', secrets: [x509(certificateB), x509(certificateA)] }],
    { onAuthentication: ({ keyId }) => names.push(keyId) },
  );
  assert.equal(
    await outcome(validator, await signAssertion('client', { pair: A, header: {} })),
    undefined,
  );
  assert.deepEqual(names, [S256_A]);
});
