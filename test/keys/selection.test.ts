import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Reason, Secret } from '../../lib/index.js';
import { RemoteJwkSets } from '../../lib/keys/jwks-uri.js';
import { signAssertion } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { outcome, validatorOf } from '../support/validator.js';

const A = newKeyPair('ES256');
const B = newKeyPair('ES256');
const RSA = newKeyPair('RS256');
// Long enough that no event warns of their end.
const notAfter = new Date(Date.now() + 100 * 86_400_000);
const certificateA = await clientCertificate(A, { notAfter });
const certificateB = await clientCertificate(B, { notAfter });

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

const many = (count: number, kid?: string): Secret[] =>
  Array.from({ length: count }, () => jwk(newKeyPair('ES256'), kid === undefined ? {} : { kid }));

const expiring = (count: number, expiration: string): Secret[] =>
  many(count).map((secret) => ({ ...secret, expiration }));

interface Selection {
  readonly name: string;
  readonly secrets: readonly Secret[];
  /** Beside `alg`; the assertion is signed with A. */
  readonly header: Record<string, unknown>;
  readonly reason?: Reason;
  /** Whether the operator is told that the key has another `kid` than the header. */
  readonly mismatch?: boolean;
}

const SELECTIONS: readonly Selection[] = [
  {
    name: 'the key with the kid (RFC 7515 §4.1.4)',
    secrets: [jwk(B, { kid: 'b' }), jwk(A, { kid: 'a' })],
    header: { kid: 'a' },
  },
  {
    name: 'the key with another kid, with a warning (RFC 7515 §4.1.4: a hint)',
    secrets: [jwk(A, { kid: 'a' })],
    header: { kid: 'b' },
    mismatch: true,
  },
  {
    name: 'a key with another kid, though one with the kid was tried first',
    secrets: [jwk(B, { kid: 'b' }), jwk(A, { kid: 'a' })],
    header: { kid: 'b' },
    mismatch: true,
  },
  {
    name: 'a key without a kid, though one with the kid was tried first',
    secrets: [jwk(A), jwk(B, { kid: 'b' })],
    header: { kid: 'b' },
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
    name: 'a certificate with another x5t#S256, which has no kid',
    secrets: [x509(certificateA)],
    header: { 'x5t#S256': S256_B },
  },
  {
    name: 'the certificate with the x5t (RFC 7515 §4.1.7)',
    secrets: [x509(certificateB), x509(certificateA)],
    header: { x5t: SHA1_A },
  },
  {
    name: 'a certificate with another x5t, which has no kid',
    secrets: [x509(certificateA)],
    header: { x5t: SHA1_B },
  },
  {
    name: 'a key without a certificate where none has that x5t#S256',
    secrets: [x509(certificateB), jwk(A)],
    header: { 'x5t#S256': S256_A },
  },
  {
    name: 'a certificate by its x5t#S256, though a key with the kid was tried first',
    secrets: [x509(certificateA), jwk(B, { kid: 'b' })],
    header: { kid: 'b', 'x5t#S256': S256_A },
  },
  {
    name: 'x5t#S256 before x5t',
    secrets: [x509(certificateB), x509(certificateA)],
    header: { 'x5t#S256': S256_A, x5t: SHA1_B },
  },
  {
    name: 'a key that names nothing, though a certificate with the x5t was tried first',
    secrets: [jwk(A), x509(certificateB)],
    header: { x5t: SHA1_B },
  },
  {
    name: 'a JWK by its own x5t#S256 (RFC 7517 §4.9)',
    secrets: [jwk(B, { 'x5t#S256': 'b' }), jwk(A, { 'x5t#S256': 'a' })],
    header: { 'x5t#S256': 'a' },
  },
  {
    name: 'a JWK with another x5t#S256 of its own and no kid',
    secrets: [jwk(A, { 'x5t#S256': 'a' })],
    header: { 'x5t#S256': 'b' },
  },
  {
    name: 'a JWK by the certificate in its x5c, whatever x5t stands beside it',
    secrets: [...many(8), jwk(A, { x5c: [certificateA.base64], x5t: SHA1_B }), ...many(8)],
    header: { x5t: SHA1_A },
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
    name: 'a JWK whose x5c is null and whose x5t is an empty list, as one without',
    secrets: [jwk(A, { x5c: null, x5t: [] })],
    header: { x5t: SHA1_B },
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
    secrets: [jwk(A), ...many(8)],
    header: {},
    reason: 'signature_invalid',
  },
  {
    name: 'the newest of nine keys without a name: the later in the list',
    secrets: [...many(8), jwk(A)],
    header: {},
  },
  {
    name: 'the newest of nine keys without a name: the later expiration',
    secrets: [{ ...jwk(A), expiration: '2090-01-01' }, ...expiring(8, '2080-01-01')],
    header: {},
  },
  {
    name: 'the newest of nine keys without a name: none is the latest expiration',
    secrets: [jwk(A), ...expiring(8, '2090-01-01')],
    header: {},
  },
  {
    name: 'not the oldest of nine keys without a name',
    secrets: [...many(8), { ...jwk(A), expiration: '2090-01-01' }],
    header: {},
    reason: 'signature_invalid',
  },
  {
    name: 'a key with the kid before newer ones without',
    secrets: [{ ...jwk(A, { kid: 'a' }), expiration: '2080-01-01' }, ...many(8)],
    header: { kid: 'a' },
  },
  {
    name: 'a certificate with the x5t before newer keys without a kid',
    secrets: [x509(certificateA), ...many(8)],
    header: { kid: 'a', x5t: SHA1_A },
  },
  {
    name: 'a key without a kid before newer ones with another',
    secrets: [jwk(A), ...many(8, 'b')],
    header: { kid: 'a' },
  },
  {
    name: 'not the ninth key: those with another kid come last',
    secrets: [...many(8), jwk(A, { kid: 'b' })],
    header: { kid: 'a' },
    reason: 'signature_invalid',
  },
  {
    name: 'a key behind any number of copies of another: each key is tried once',
    secrets: [jwk(A), ...Array.from({ length: 9 }, (_, index) => jwk(B, { kid: `${index}` }))],
    header: {},
  },
  {
    name: 'the thousandth key by its kid',
    secrets: [...many(999), jwk(A, { kid: 'a' })],
    header: { kid: 'a' },
  },
];

for (const { name, secrets, header, reason, mismatch } of SELECTIONS) {
  test(`chosen: ${name}${reason === undefined ? '' : ` (${reason})`}`, async () => {
    const warnings: string[][] = [];
    const validator = validatorOf([{ clientId: 'client', secrets }], {
      onAuthentication: (event) => warnings.push(event.warnings.map(({ code }) => code)),
    });
    // The second time from the cache of keys.
    for (const _ of [1, 2]) {
      const assertion = await signAssertion('client', { pair: A, header });
      assert.equal(await outcome(validator, assertion), reason);
    }
    const expected = mismatch === true ? ['kid_mismatch'] : [];
    assert.deepEqual(warnings, [expected, expected]);
  });
}

test('if no key fits, the event says what was looked for', async () => {
  const validator = validatorOf([{ clientId: 'client', secrets: [jwk(RSA, { kid: 'a' })] }], {
    onAuthentication: ({ actual, expected }) => seen.push(actual, expected),
  });
  const seen: unknown[] = [];
  const header = { kid: 'b', 'x5t#S256': S256_B };
  await outcome(validator, await signAssertion('client', { pair: A, header }));
  assert.deepEqual(seen, [
    ['alg=ES256', 'kid=b', `x5t#S256=${S256_B}`],
    ['JsonWebKey: kid=a, RS256/RS384/RS512/PS256/PS384/PS512'],
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
    [`JsonWebKey: kid=b, x5t#S256=${S256_B}, ES256`],
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
    Array.from({ length: 9 }, (_, index) => jwk(newKeyPair('ES256'), { kid: `${index}` })),
    Array.from({ length: 8 }, (_, index) => `JsonWebKey: kid=${8 - index}, ES256`),
  ],
};

for (const [name, [secrets, offered]] of Object.entries(OFFERED)) {
  test(`if no key fits, the event lists the keys of the client: ${name}`, async () => {
    const expected: unknown[] = [];
    const validator = validatorOf([{ clientId: 'client', secrets }], {
      onAuthentication: (event) => expected.push(event.expected),
    });
    const header = { kid: 'a', 'x5t#S256': S256_A };
    await outcome(validator, await signAssertion('client', { pair: A, header }));
    assert.deepEqual(expected, [offered]);
  });
}

test('the event lists the keys that were tried', async () => {
  const seen: unknown[] = [];
  const certificate = await clientCertificate(newKeyPair('ES256'));
  const S256_C = thumbprint('sha256', certificate);
  const secrets = [jwk(B, { kid: 'b' }), x509(certificate)];
  const validator = validatorOf([{ clientId: 'client', secrets }], {
    onAuthentication: ({ reason, actual, expected }) => seen.push(reason, actual, expected),
  });
  await outcome(validator, await signAssertion('client', { pair: A, header: {} }));
  assert.deepEqual(seen, [
    'signature_invalid',
    ['alg=ES256'],
    ['JsonWebKey: kid=b, ES256', `X509CertificateBase64: x5t#S256=${S256_C}, ES256`],
  ]);
});

test('of two keys without an end, the later in the list is tried first', async () => {
  const seen: unknown[] = [];
  const secrets = [jwk(B, { kid: 'old' }), jwk(newKeyPair('ES256'), { kid: 'new' })];
  const validator = validatorOf([{ clientId: 'client', secrets }], {
    onAuthentication: ({ expected }) => seen.push(expected),
  });
  await outcome(validator, await signAssertion('client', { pair: A, header: {} }));
  assert.deepEqual(seen, [['JsonWebKey: kid=new, ES256', 'JsonWebKey: kid=old, ES256']]);
});

test('the event of a success names the key, even if the assertion names none', async () => {
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

for (const member of ['x5t#S256', 'x5t']) {
  test(`the key that ${member} names is among the eight that are tried, however many others there are`, async () => {
    const others = Array.from({ length: 9 }, (_, index) =>
      jwk(newKeyPair('ES256'), { [member]: `${index}` }),
    );
    const validator = validatorOf([
      { clientId: 'client', secrets: [jwk(A, { [member]: 'a' }), ...others] },
    ]);
    const named = { pair: A, header: { [member]: 'a' } };
    assert.equal(await outcome(validator, await signAssertion('client', named)), undefined);
    const other = { pair: A, header: { [member]: 'b' } };
    const assertion = await signAssertion('client', other);
    assert.equal(await outcome(validator, assertion), 'signature_invalid');
  });
}

test('a FederatedIdentity beside the keys of a client is no problem to warn of', async () => {
  const warnings: unknown[] = [];
  const identity: Secret = {
    type: 'FederatedIdentity',
    issuer: 'https://platform.example',
    subject: 'workload',
  };
  const validator = validatorOf([{ clientId: 'client', secrets: [identity, jwk(A)] }], {
    onAuthentication: (event) => warnings.push(...event.warnings),
  });
  const assertion = await signAssertion('client', { pair: A, header: {} });
  assert.equal(await outcome(validator, assertion), undefined);
  assert.deepEqual(warnings, []);
});

test('an unexpected error of a fetch is an internal error, and does not end the process', async (t) => {
  t.mock.method(RemoteJwkSets.prototype, 'fetch', () => Promise.reject(new Error('a bug')));
  const secrets = ['one', 'two'].map((path) => ({
    type: 'JwksUri' as const,
    value: `https://client.example/${path}`,
  }));
  const validator = validatorOf([{ clientId: 'client', secrets }]);
  assert.equal(await outcome(validator, await signAssertion()), 'internal_error');
});
