import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AssertionClient, assertClientSecrets, SecretError } from '../../lib/index.js';
import { clientWith, jwkSecret } from '../support/attacks.js';
import { clientCertificate } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';

const EC = jwkSecret(keyPair('ES256'));
const RSA = jwkSecret(keyPair('RS256'));
const SHARED = { type: 'SharedSecret', value: 'a shared secret of 32 bytes, long' } as const;
const REMOTE = { type: 'JwksUri', value: 'https://client.example/jwks' } as const;

type Row = readonly [AssertionClient['secrets'], Partial<AssertionClient>, RegExp | undefined];

/** Secrets, registration, and what the error says; undefined if the client can work. */
const ROWS: readonly Row[] = [
  [[EC], { tokenEndpointAuthMethod: 'private_key_jwt' }, undefined],
  [[EC], { tokenEndpointAuthSigningAlg: 'ES256' }, undefined],
  [[EC, RSA], { tokenEndpointAuthSigningAlg: 'RS256' }, undefined],
  [[REMOTE], { tokenEndpointAuthMethod: 'private_key_jwt' }, undefined],
  [[REMOTE, EC], { tokenEndpointAuthSigningAlg: 'RS256' }, undefined],
  [[], {}, undefined],
  [[EC], { maxLifetime: 600 }, undefined],
  [[EC], { maxLifetime: '600' as never }, /its maxLifetime must be a finite number of seconds/],
  [[], { tokenEndpointAuthMethod: 'client_secret_basic' }, undefined],
  [[EC], { tokenEndpointAuthMethod: 'none', tokenEndpointAuthSigningAlg: 'RS256' }, undefined],
  [[], { tokenEndpointAuthMethod: 'private_key_jwt' }, /private_key_jwt needs a key/],
  [[], { tokenEndpointAuthMethod: 'client_secret_jwt' }, /client_secret_jwt needs a key/],
  [
    [EC],
    { tokenEndpointAuthMethod: 'private_key_jwt', tokenEndpointAuthSigningAlg: 'HS256' },
    /private_key_jwt cannot use HS256/,
  ],
  [
    [REMOTE],
    { tokenEndpointAuthMethod: 'private_key_jwt', tokenEndpointAuthSigningAlg: 'HS512' },
    /private_key_jwt cannot use HS512/,
  ],
  [
    [SHARED],
    { tokenEndpointAuthMethod: 'client_secret_jwt', tokenEndpointAuthSigningAlg: 'RS256' },
    /client_secret_jwt cannot use RS256/,
  ],
  [
    [EC],
    { tokenEndpointAuthMethod: 'private_key_jwt', tokenEndpointAuthSigningAlg: 'RS256' },
    /none of its keys can verify RS256, only ES256/,
  ],
  [[RSA], { tokenEndpointAuthSigningAlg: 'ES256' }, /none of its keys can verify ES256/],
];

for (const [secrets, members, message] of ROWS) {
  const types = secrets.map(({ type }) => type).join(', ') || 'no secrets';
  test(`${types} with ${JSON.stringify(members)}: ${message ?? 'can work'} (RFC 7591 §2)`, () => {
    const check = () => assertClientSecrets(clientWith('client', secrets, members));
    if (message === undefined) check();
    else
      assert.throws(check, (error) => error instanceof SecretError && message.test(error.message));
  });
}

test('a client with another method may have a set only for encryption', () => {
  const { publicJwk } = keyPair('RS256');
  const value = { keys: [{ ...publicJwk, use: 'enc', alg: undefined }] };
  const secrets = [{ type: 'JsonWebKeySet', value }] as const;
  assertClientSecrets(clientWith('client', secrets, { tokenEndpointAuthMethod: 'none' }));
  const byKeys = clientWith('client', secrets, { tokenEndpointAuthMethod: 'private_key_jwt' });
  assert.throws(() => assertClientSecrets(byKeys), SecretError);
});

test('a client whose certificates have all expired causes a process warning', async (t) => {
  const warnings: string[] = [];
  const note = ({ message, name }: Error) =>
    name === 'PrivateKeyJwtWarning' && warnings.push(message);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  const notAfter = new Date(Date.now() - 1000);
  const { base64 } = await clientCertificate(keyPair('RS256'), { notAfter });
  const expired = { type: 'X509CertificateBase64', value: base64 } as const;
  assertClientSecrets(clientWith('moving', [expired, EC]));
  assertClientSecrets(clientWith('late', [expired]));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings, [
    'Client "late": every certificate among its secrets has expired, so it cannot authenticate.',
  ]);
});
