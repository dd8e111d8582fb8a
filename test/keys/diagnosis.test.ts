import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { AuthenticationEvent, Secret } from '../../lib/index.js';
import { assertClientSecrets } from '../../lib/index.js';
import { signAssertion, validClaims } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { pssSigner, rawAssertion, type Signer, signer } from '../support/raw-jws.js';
import { outcome, validatorOf } from '../support/validator.js';

const A = newKeyPair('ES256');
const B = newKeyPair('ES256');
const RSA = newKeyPair('RS256');

const jwk = ({ publicJwk }: KeyPair, members = {}): Secret => ({
  type: 'JsonWebKey',
  value: { ...publicJwk, ...members },
});

const namesIn = (header: Record<string, string>): string[] =>
  Object.entries(header).map(([name, value]) => `${name}=${value}`);

/** What the operator learns of an assertion that is refused. */
async function refusal(secrets: readonly Secret[], assertion: string) {
  const events: AuthenticationEvent[] = [];
  const validator = validatorOf([{ clientId: 'client', secrets }], {
    onAuthentication: (event) => events.push(event),
  });
  await outcome(validator, assertion);
  const [event] = events;
  return { reason: event?.reason, expected: event?.expected, actual: event?.actual };
}

const IN_DER = 'the signature is in DER: RFC 7518 §3.4 requires R and S, each in full length';
const SALT = 'the PSS salt has the wrong length: RFC 7518 §3.5 requires the length of the hash';

for (const [alg, pair] of [
  ['ES256', A],
  ['ES384', newKeyPair('ES384')],
  ['ES512', newKeyPair('ES512')],
] as const) {
  test(`for an ${alg} signature in DER, actual says so (RFC 7518 §3.4)`, async () => {
    const sign = signer(`sha${alg.slice(2)}`, pair.privateKey, { dsaEncoding: 'der' });
    const assertion = rawAssertion({ alg }, validClaims(), sign);
    const { reason, actual } = await refusal([jwk(pair)], assertion);
    assert.equal(reason, 'signature_invalid');
    assert.deepEqual(actual, [`alg=${alg}`, IN_DER]);
  });
}

/** An RSASSA-PSS key that prescribes its salt: Node throws for another one (RFC 4055 §3.1). */
const restricted = generateKeyPairSync('rsa-pss', {
  modulusLength: 2048,
  hashAlgorithm: 'sha256',
  mgf1HashAlgorithm: 'sha256',
  saltLength: 32,
} as { modulusLength: number });
const restrictedPem: Secret = {
  type: 'PublicKeyPem',
  value: restricted.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
};
const LONG_RSA = { ...RSA.publicJwk, n: Buffer.alloc(384, 0xc5).toString('base64url') };
const OTHER_RSA = { ...RSA.publicJwk, n: Buffer.alloc(256, 0xc5).toString('base64url') };
const inDer = (pair: KeyPair) => signer('sha256', pair.privateKey, { dsaEncoding: 'der' });
const bytes = (size: number) => () => Buffer.alloc(size, 0x30);
const hmac: Secret = { type: 'SharedSecret', value: 'a shared secret of 32 bytes, long' };

/** Signatures that no guess explains: the key is another one, or the header names another alg. */
const UNEXPLAINED: readonly (readonly [string, readonly Secret[], string, Signer])[] = [
  ['a DER signature of another key', [jwk(A)], 'ES256', inDer(B)],
  [
    'a DER signature of the third key',
    [jwk(A), jwk(newKeyPair('ES256')), jwk(B)],
    'ES256',
    inDer(A),
  ],
  ['bytes that begin like DER', [jwk(A)], 'ES256', bytes(64)],
  [
    'a PSS signature of another key',
    [{ type: 'JsonWebKey', value: OTHER_RSA }],
    'PS256',
    pssSigner('sha256', RSA.privateKey, 20),
  ],
  [
    'a PSS signature whose header says RS256',
    [jwk(RSA)],
    'RS256',
    pssSigner('sha256', RSA.privateKey, 20),
  ],
  ['bytes that a key with prescribed salt cannot read', [restrictedPem], 'PS256', bytes(256)],
  [
    'a signature of the size of one of two RSA keys',
    [jwk(RSA), { type: 'JsonWebKey', value: LONG_RSA }],
    'RS256',
    bytes(256),
  ],
  ['an HMAC of another secret', [hmac], 'HS256', bytes(32)],
];

for (const [name, secrets, alg, sign] of UNEXPLAINED) {
  test(`for ${name}, actual names no mistake`, async () => {
    const assertion = rawAssertion({ alg }, validClaims(), sign);
    const { reason, actual } = await refusal(secrets, assertion);
    assert.equal(reason, 'signature_invalid');
    assert.deepEqual(actual, [`alg=${alg}`]);
  });
}

for (const saltLength of [0, 20, 222]) {
  test(`for a PSS salt of ${saltLength} bytes, actual says so (RFC 7518 §3.5)`, async () => {
    const sign = pssSigner('sha256', RSA.privateKey, saltLength);
    const assertion = rawAssertion({ alg: 'PS256' }, validClaims(), sign);
    const { reason, actual } = await refusal([jwk(RSA)], assertion);
    assert.equal(reason, 'signature_invalid');
    assert.deepEqual(actual, ['alg=PS256', SALT]);
  });
}

test('a signature of another size suggests another RSA key, and the event says only probably', async () => {
  const assertion = rawAssertion({ alg: 'RS256' }, validClaims(), () => Buffer.alloc(512, 1));
  const { actual } = await refusal([jwk(RSA)], assertion);
  assert.deepEqual(actual, [
    'alg=RS256',
    'probably another RSA key: the signature has 512 bytes, not 256',
  ]);
});

test('actual names the key with the kid of the header if the key does not fit the alg', async () => {
  const secrets = [jwk(RSA, { kid: 'a' }), jwk(B, { kid: 'b' })];
  const header = { kid: 'a' };
  const { reason, expected, actual } = await refusal(
    secrets,
    await signAssertion('client', { pair: A, header }),
  );
  assert.equal(reason, 'signature_invalid');
  assert.deepEqual(expected, ['JsonWebKey: kid=b, ES256']);
  assert.deepEqual(actual, [
    'alg=ES256',
    'kid=a',
    'not tried: JsonWebKey: kid=a, RS256/RS384/RS512/PS256/PS384/PS512: not for ES256',
  ]);
});

test('actual names the keys that were not tried because others came first', async () => {
  const others = Array.from({ length: 9 }, (_, index) =>
    jwk(newKeyPair('ES256'), { kid: `${index}` }),
  );
  const { actual } = await refusal(
    [jwk(A, { kid: 'old' }), ...others],
    await signAssertion('client', { pair: A, header: {} }),
  );
  assert.deepEqual(actual, [
    'alg=ES256',
    'not tried: JsonWebKey: kid=old, ES256: 8 others came first',
    'not tried: JsonWebKey: kid=0, ES256: 8 others came first',
  ]);
});

for (const [count, lines, last] of [
  [16, 9, /^not tried: JsonWebKey: kid=7, ES256: 8 others came first$/],
  [17, 10, /^not tried: 1 more$/],
  [30, 10, /^not tried: 14 more$/],
] as const) {
  test(`actual names at most eight untried keys of ${count}, and counts the others`, async () => {
    const many = Array.from({ length: count }, (_, index) =>
      jwk(newKeyPair('ES256'), { kid: `${index}` }),
    );
    const { actual } = await refusal(many, await signAssertion('client', { pair: A, header: {} }));
    assert.equal((actual as string[]).length, lines);
    assert.match((actual as string[]).at(-1) ?? '', last);
  });
}

test('a key of another type that the header does not name is left out', async () => {
  const secrets = [jwk(B, { kid: 'b' }), jwk(RSA), jwk(RSA, { kid: 'r' })];
  for (const header of [{}, { kid: 'z' }]) {
    const { actual } = await refusal(secrets, await signAssertion('client', { pair: A, header }));
    assert.deepEqual(actual, namesIn({ alg: 'ES256', ...header }));
  }
});

test('the first eight keys are listed if none fits', async () => {
  const secrets = Array.from({ length: 9 }, (_, index) => jwk(RSA, { kid: `${index}` }));
  const { reason, expected } = await refusal(
    secrets,
    await signAssertion('client', { pair: A, header: {} }),
  );
  assert.equal(reason, 'no_matching_key');
  assert.deepEqual(
    expected,
    [...'01234567'].map((kid) => `JsonWebKey: kid=${kid}, RS256/RS384/RS512/PS256/PS384/PS512`),
  );
});

const EPOCH = '1970-01-01T00:00:01.000Z';
const expired = (secret: Secret, description?: string): Secret =>
  ({ ...secret, expiration: 1, description }) as Secret;
const past = await clientCertificate(B, { notBefore: new Date(0), notAfter: new Date(1000) });
const pastCertificate: Secret = { type: 'X509CertificateBase64', value: past.base64 };

test('what has expired and did not sign is named once, as not tried', async () => {
  const remote = expired({ type: 'JwksUri', value: 'https://client.example/jwks' });
  const secrets = [jwk(newKeyPair('ES256')), pastCertificate, remote, expired(jwk(B))];
  const { reason, actual } = await refusal(
    secrets,
    await signAssertion('client', { pair: A, header: {} }),
  );
  assert.equal(reason, 'signature_invalid');
  assert.deepEqual(actual, [
    'alg=ES256',
    `not tried: X509CertificateBase64, expired on ${EPOCH}`,
    `not tried: JwksUri, expired on ${EPOCH}`,
    `not tried: JsonWebKey, expired on ${EPOCH}`,
  ]);
});

test('at most eight expired secrets are named', async () => {
  const old = [...'abcdefgh'].map((name) => expired(jwk(A), name));
  const { reason, actual } = await refusal(
    [pastCertificate, ...old],
    await signAssertion('client', { pair: A, header: {} }),
  );
  assert.equal(reason, 'secret_expired');
  assert.deepEqual(actual, [
    'alg=ES256',
    `X509CertificateBase64, expired on ${EPOCH}`,
    ...[...'abcdefg'].map((name) => `JsonWebKey, "${name}", expired on ${EPOCH}`),
  ]);
});

test('of the expired keys, the one that the header names is tried first', async () => {
  const live = Array.from({ length: 8 }, () => jwk(newKeyPair('ES256')));
  const secrets = [...live, expired(jwk(B, { kid: 'b' })), expired(jwk(A, { kid: 'a' }))];
  for (const [kid, reason] of [
    ['a', 'secret_expired'],
    ['b', 'signature_invalid'],
  ] as const) {
    const assertion = await signAssertion('client', { pair: A, header: { kid } });
    assert.equal((await refusal(secrets, assertion)).reason, reason);
  }
});

test('a key is shown with the same kind of thumbprint as in the header', async () => {
  const own = await clientCertificate(B);
  const hash = (name: string) => createHash(name).update(own.der).digest('base64url');
  const secrets: Secret[] = [{ type: 'X509CertificateBase64', value: own.base64 }];
  for (const [header, shown] of [
    [{ x5t: 'AA' }, `x5t#S256=${hash('sha256')}, x5t=${hash('sha1')}`],
    [{ 'x5t#S256': 'AA' }, `x5t#S256=${hash('sha256')}`],
    [{}, `x5t#S256=${hash('sha256')}`],
  ] as const) {
    const { expected } = await refusal(secrets, await signAssertion('client', { pair: A, header }));
    assert.deepEqual(expected, [`X509CertificateBase64: ${shown}, ES256`]);
  }
});

test('a key with a kid is shown without its thumbprints if the header has none', async () => {
  const { base64 } = await clientCertificate(B);
  const secrets = [jwk(B, { kid: 'b', x5c: [base64] })];
  const { expected } = await refusal(
    secrets,
    await signAssertion('client', { pair: A, header: {} }),
  );
  assert.deepEqual(expected, ['JsonWebKey: kid=b, ES256']);
});

test('actual names a certificate that is not valid yet, with its date', async () => {
  const notBefore = new Date('2090-01-01T00:00:00Z');
  const notAfter = new Date('2091-01-01T00:00:00Z');
  const { base64 } = await clientCertificate(A, { notBefore, notAfter });
  const secrets: Secret[] = [{ type: 'X509CertificateBase64', value: base64 }];
  const told = 'X509CertificateBase64, not valid before 2090-01-01T00:00:00.000Z';
  for (const more of [[], [jwk(B)]]) {
    const { reason, actual } = await refusal(
      [...secrets, ...more],
      await signAssertion('client', { pair: A, header: {} }),
    );
    assert.equal(reason, 'secret_not_yet_valid');
    assert.deepEqual(actual, ['alg=ES256', told]);
  }
});

test('if a key with another kid verifies, a warning names both', async () => {
  const events: AuthenticationEvent[] = [];
  const validator = validatorOf([{ clientId: 'client', secrets: [jwk(A, { kid: 'a' })] }], {
    onAuthentication: (event) => events.push(event),
  });
  const kid = 'E1DC5E6B2F2F4D5F2C5C8A0C6BBE0F4A9AB1C2D3';
  assert.equal(
    await outcome(validator, await signAssertion('client', { pair: A, header: { kid } })),
    undefined,
  );
  assert.equal(events[0]?.keyId, 'a');
  assert.deepEqual(events[0]?.warnings, [
    {
      code: 'kid_mismatch',
      secret: 'JsonWebKey',
      message: `The header names the kid "${kid}", but the key with the kid "a" made the signature.`,
    },
  ]);
});

for (const [name, secret, message] of [
  [
    'a JWK Set that is given as a JWK',
    { type: 'JsonWebKey', value: { keys: [A.publicJwk] } },
    /the value is a JWK Set: use the type JsonWebKeySet/,
  ],
  [
    'a JWK that is given as a JWK Set',
    { type: 'JsonWebKeySet', value: A.publicJwk },
    /the value is one JWK and has no array keys: use the type JsonWebKey/,
  ],
  [
    'a list of JWKs',
    { type: 'JsonWebKeySet', value: [A.publicJwk] },
    /the value is a list: a JWK Set is an object with the array keys/,
  ],
  [
    'a JWK with a use that is not for signatures',
    { type: 'JsonWebKey', value: { ...A.publicJwk, use: 'enc' } },
    /the JWK is not for signatures: its use is "enc", not "sig"/,
  ],
  [
    'a JWK with key_ops that are not for signatures',
    { type: 'JsonWebKey', value: { ...A.publicJwk, key_ops: ['deriveKey'] } },
    /the JWK is not for signatures: its key_ops "deriveKey" lack "verify"/,
  ],
  [
    'a jwks_uri by http',
    { type: 'JwksUri', value: 'http://client.example/jwks.json' },
    /secret 1 of 1 \(JwksUri\): the URL is not https\.$/,
  ],
  [
    'a copy of the secret of a metadata document',
    { type: 'MetadataDocument', value: 'https://client.example/oauth.json' },
    /it is a copy, which has no keys: return the secrets that clientMetadataDocuments returned/,
  ],
] as const) {
  test(`${name} is refused, and the error names the mistake`, () => {
    const secrets = [secret as unknown as Secret];
    assert.throws(() => assertClientSecrets({ clientId: 'client', secrets }), {
      name: 'SecretError',
      message,
    });
  });
}

/** Dates that mean another moment on another server, or none at all. */
for (const [expiration, message] of [
  ['2026-11-25T01:42:01', /its expiration has no time zone: add Z, or an offset such as \+01:00/],
  ['2026-11-25T01:42', /its expiration has no time zone/],
  ['2026-11-25 01:42:01', /is in the format of a database: use a Date, ISO 8601 or seconds/],
  ['2026-11-25 01:42:01.123+00', /is in the format of a database/],
  ['2026-11-25 01:42:01Z', /is in the format of a database/],
  ['2026-02-30', /its expiration is not a date: use a Date, ISO 8601 or seconds/],
  ['2026-02-30T00:00:00Z', /its expiration is not a date/],
  ['2026-13-01', /its expiration is not a date/],
  ['on 2026-11-25', /its expiration is not a date/],
  ['2026-11-25 (Wednesday)', /its expiration is not a date/],
  ['2026-11-25 01:42:01 +00', /is in the format of a database/],
] as const) {
  test(`the expiration ${expiration} is refused`, () => {
    const secrets = [{ ...jwk(A), expiration }];
    assert.throws(() => assertClientSecrets({ clientId: 'client', secrets }), {
      name: 'SecretError',
      message,
    });
  });
}

for (const expiration of [
  '2090-11-25',
  '2090-11-25T01:42:01Z',
  '2090-11-25T01:42:01.5+01:00',
  '2090-11-25T01:42:01-0100',
]) {
  test(`the expiration ${expiration} is accepted`, () => {
    assertClientSecrets({ clientId: 'client', secrets: [{ ...jwk(A), expiration }] });
  });
}

for (const name of ['exponent', 'email', 'eventExpires', 'noExp']) {
  test(`a member that is called ${name} is no misspelt expiration`, () => {
    assertClientSecrets({ clientId: 'client', secrets: [{ ...jwk(A), [name]: 'x' } as Secret] });
  });
}
