import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { AuthenticationEvent, Secret } from '../../lib/index.js';
import { assertClientSecrets } from '../../lib/index.js';
import { signAssertion, validClaims } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { pssSigner, rawAssertion, signer } from '../support/raw-jws.js';
import { outcome, validatorOf } from '../support/validator.js';

const A = newKeyPair('ES256');
const B = newKeyPair('ES256');
const RSA = newKeyPair('RS256');

const jwk = ({ publicJwk }: KeyPair, members = {}): Secret => ({
  type: 'JsonWebKey',
  value: { ...publicJwk, ...members },
});

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

test('for a signature in DER, actual says so (RFC 7518 §3.4)', async () => {
  const sign = signer('sha256', A.privateKey, { dsaEncoding: 'der' });
  const { reason, actual } = await refusal(
    [jwk(A)],
    rawAssertion({ alg: 'ES256' }, validClaims(), sign),
  );
  assert.equal(reason, 'signature_invalid');
  assert.deepEqual(actual, [
    'alg=ES256',
    'the signature is in DER: RFC 7518 §3.4 requires R and S, each in full length',
  ]);
});

test('a DER signature of another key is not reported as DER', async () => {
  const sign = signer('sha256', B.privateKey, { dsaEncoding: 'der' });
  const { actual } = await refusal([jwk(A)], rawAssertion({ alg: 'ES256' }, validClaims(), sign));
  assert.deepEqual(actual, ['alg=ES256']);
});

for (const saltLength of [0, 20, 222]) {
  test(`for a PSS salt of ${saltLength} bytes, actual says so (RFC 7518 §3.5)`, async () => {
    const sign = pssSigner('sha256', RSA.privateKey, saltLength);
    const assertion = rawAssertion({ alg: 'PS256' }, validClaims(), sign);
    const { reason, actual } = await refusal([jwk(RSA)], assertion);
    assert.equal(reason, 'signature_invalid');
    assert.deepEqual(actual, [
      'alg=PS256',
      'the PSS salt has the wrong length: RFC 7518 §3.5 requires the length of the hash',
    ]);
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

test('actual names at most eight untried keys, and counts the others', async () => {
  const many = Array.from({ length: 30 }, (_, index) =>
    jwk(newKeyPair('ES256'), { kid: `${index}` }),
  );
  const { actual } = await refusal(many, await signAssertion('client', { pair: A, header: {} }));
  assert.equal((actual as string[]).length, 10);
  assert.equal((actual as string[]).at(-1), 'not tried: 14 more');
});

test('a key is shown with the same kind of thumbprint as in the header', async () => {
  const own = await clientCertificate(B);
  const hash = (name: string) => createHash(name).update(own.der).digest('base64url');
  const secrets: Secret[] = [{ type: 'X509CertificateBase64', value: own.base64 }];
  for (const [header, shown] of [
    [{ x5t: 'AA' }, `x5t#S256=${hash('sha256')}, x5t=${hash('sha1')}`],
    [{ 'x5t#S256': 'AA' }, `x5t#S256=${hash('sha256')}`],
  ] as const) {
    const { expected } = await refusal(secrets, await signAssertion('client', { pair: A, header }));
    assert.deepEqual(expected, [`X509CertificateBase64: ${shown}, ES256`]);
  }
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
] as const) {
  test(`the expiration ${expiration} is refused`, () => {
    const secrets = [{ ...jwk(A), expiration }];
    assert.throws(() => assertClientSecrets({ clientId: 'client', secrets }), {
      name: 'SecretError',
      message,
    });
  });
}

for (const expiration of ['2090-11-25', '2090-11-25T01:42:01Z', '2090-11-25T01:42:01.5+01:00']) {
  test(`the expiration ${expiration} is accepted`, () => {
    assertClientSecrets({ clientId: 'client', secrets: [{ ...jwk(A), expiration }] });
  });
}
