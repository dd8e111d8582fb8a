import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AssertionClient,
  assertClientSecrets,
  RemoteJwkSets,
  SecretError,
} from '../../lib/index.js';
import { importJwkSet } from '../../lib/keys/jwk.js';
import { secretOfDocument } from '../../lib/keys/key-cache.js';
import { clientWith, jwkSecret } from '../support/attacks.js';
import { clientCertificate } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';

const EC = jwkSecret(keyPair('ES256'));
const RSA = jwkSecret(keyPair('RS256'));
const SHARED = { type: 'SharedSecret', value: 'a shared secret of 32 bytes, long' } as const;
const REMOTE = { type: 'JwksUri', value: 'https://client.example/jwks' } as const;

/** The secret that a client ID metadata document has for its keys. */
const documentWith = (keys: readonly object[], uri?: string) =>
  secretOfDocument('https://client.example', 'jwks', {
    imported: importJwkSet({ keys }, 10),
    uri,
    jwksUri: new RemoteJwkSets(),
    noteProved: () => undefined,
  });
const DOCUMENT = documentWith([keyPair('ES256').publicJwk]);
const REMOTE_DOCUMENT = documentWith([], REMOTE.value);

type Row = readonly [AssertionClient['secrets'], Partial<AssertionClient>, RegExp | undefined];

/** Secrets, registration, and what the error says; undefined if the client can work. */
const ROWS: readonly Row[] = [
  [[EC], { tokenEndpointAuthMethod: 'private_key_jwt' }, undefined],
  [[EC], { tokenEndpointAuthSigningAlg: 'ES256' }, undefined],
  [[EC, RSA], { tokenEndpointAuthSigningAlg: 'RS256' }, undefined],
  [[REMOTE], { tokenEndpointAuthMethod: 'private_key_jwt' }, undefined],
  [[REMOTE, EC], { tokenEndpointAuthSigningAlg: 'RS256' }, undefined],
  [[SHARED], { tokenEndpointAuthMethod: 'client_secret_jwt' }, undefined],
  [[SHARED], { tokenEndpointAuthSigningAlg: 'HS256' }, undefined],
  [[DOCUMENT], { tokenEndpointAuthMethod: 'private_key_jwt' }, undefined],
  [[DOCUMENT], { tokenEndpointAuthSigningAlg: 'ES256' }, undefined],
  [[DOCUMENT], { tokenEndpointAuthSigningAlg: 'RS256' }, /can verify RS256, only ES256/],
  [[REMOTE_DOCUMENT], { tokenEndpointAuthSigningAlg: 'RS256' }, undefined],
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
    /private_key_jwt cannot use HS256: choose an algorithm with a private key\.$/,
  ],
  [
    [REMOTE],
    { tokenEndpointAuthMethod: 'private_key_jwt', tokenEndpointAuthSigningAlg: 'HS512' },
    /private_key_jwt cannot use HS512/,
  ],
  [
    [SHARED],
    { tokenEndpointAuthMethod: 'client_secret_jwt', tokenEndpointAuthSigningAlg: 'RS256' },
    /client_secret_jwt cannot use RS256: choose HS256, HS384 or HS512\.$/,
  ],
  [
    [EC],
    { tokenEndpointAuthMethod: 'private_key_jwt', tokenEndpointAuthSigningAlg: 'RS256' },
    /none of its keys can verify RS256, only ES256/,
  ],
  [
    [RSA],
    { tokenEndpointAuthSigningAlg: 'ES256' },
    /none of its keys can verify ES256, only RS256, RS384, /,
  ],
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

test('a set with only unusable keys is a mistake, whatever the method is', () => {
  const { publicJwk } = keyPair('RS256');
  const weak = { kty: 'RSA', n: 'AQAB', e: 'AQAB' };
  const check = (keys: readonly { kty: string }[]) =>
    assertClientSecrets(
      clientWith('client', [{ type: 'JsonWebKeySet', value: { keys } }], {
        tokenEndpointAuthMethod: 'none',
      }),
    );
  check([weak, publicJwk]);
  assert.throws(() => check([weak]), { name: 'SecretError', message: /RSA key has 17 bits/ });
});

test('a client whose certificates have all expired causes a process warning', async (t) => {
  const warnings: unknown[] = [];
  const note = ({ message, name, code }: Error & { code?: unknown }) =>
    name === 'PrivateKeyJwtWarning' && warnings.push(code, message);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  const notAfter = new Date(Date.now() - 1000);
  const { base64 } = await clientCertificate(keyPair('RS256'), { notAfter });
  const expired = { type: 'X509CertificateBase64', value: base64 } as const;
  const current = await clientCertificate(keyPair('RS256'));
  const valid = { type: 'X509CertificateBase64', value: current.base64 } as const;
  for (const secrets of [[expired, EC], [expired, valid], [valid], [EC], []]) {
    assertClientSecrets(clientWith('moving', secrets));
  }
  assertClientSecrets(clientWith('late', [expired]));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings, [
    'secret_expired',
    'Client "late": every certificate among its secrets has expired, so it cannot authenticate.',
  ]);
});
