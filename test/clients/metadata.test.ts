import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretsFromMetadata } from '../../lib/clients/metadata.js';
import {
  assertClientSecrets,
  type ClientMetadata,
  clientFromMetadata,
  type Reason,
  requiresClientAssertion,
  type Secret,
} from '../../lib/index.js';
import { seconds, validClaims } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import { hmacSigner, rawAssertion, rightSigner } from '../support/raw-jws.js';
import { outcome, validatorOf } from '../support/validator.js';

const EC = keyPair('ES256');
const SECRET = 'a client_secret that is long enough';
const jwks = { keys: [EC.publicJwk] };

const ofKey = (): string => rawAssertion({ alg: 'ES256' }, validClaims(), rightSigner(EC));
const ofSecret = (): string =>
  rawAssertion({ alg: 'HS256' }, validClaims(), hmacSigner('sha256', SECRET));

interface Row {
  readonly metadata: Omit<ClientMetadata, 'client_id'>;
  /** Why an assertion signed with the key, and one signed with the client_secret, is refused. */
  readonly key: Reason | undefined;
  readonly secret: Reason | undefined;
  /** Whether a plain client_secret is refused. */
  readonly pinned: boolean;
}

const both = { jwks, client_secret: SECRET };

const ROWS: readonly Row[] = [
  { metadata: { jwks }, key: undefined, secret: 'no_matching_key', pinned: true },
  { metadata: both, key: undefined, secret: 'no_matching_key', pinned: true },
  {
    metadata: { ...both, token_endpoint_auth_method: 'private_key_jwt' },
    key: undefined,
    secret: 'client_method_mismatch',
    pinned: true,
  },
  {
    metadata: { ...both, token_endpoint_auth_method: 'client_secret_jwt' },
    key: 'client_method_mismatch',
    secret: undefined,
    pinned: true,
  },
  ...['client_secret_basic', 'client_secret_post', 'none', 'tls_client_auth'].map((method) => ({
    metadata: { ...both, token_endpoint_auth_method: method },
    key: 'client_method_mismatch' as const,
    secret: 'client_method_mismatch' as const,
    pinned: false,
  })),
  {
    metadata: { client_secret: SECRET },
    key: 'no_matching_key',
    secret: 'no_matching_key',
    pinned: false,
  },
  {
    metadata: { token_endpoint_auth_method: 'client_secret_jwt' },
    key: 'client_method_mismatch',
    secret: 'no_matching_key',
    pinned: true,
  },
  {
    metadata: {
      client_secret: SECRET,
      client_secret_expires_at: 0,
      token_endpoint_auth_method: 'client_secret_jwt',
    },
    key: 'client_method_mismatch',
    secret: undefined,
    pinned: true,
  },
  {
    metadata: {
      client_secret: SECRET,
      client_secret_expires_at: seconds() - 1,
      token_endpoint_auth_method: 'client_secret_jwt',
    },
    key: 'client_method_mismatch',
    secret: 'secret_expired',
    pinned: true,
  },
  {
    metadata: {
      client_secret: SECRET,
      client_secret_expires_at: seconds() + 100,
      token_endpoint_auth_method: 'client_secret_jwt',
    },
    key: 'client_method_mismatch',
    secret: undefined,
    pinned: true,
  },
  {
    metadata: { jwks, token_endpoint_auth_signing_alg: 'ES256' },
    key: undefined,
    secret: 'client_algorithm_mismatch',
    pinned: true,
  },
  {
    metadata: { jwks, token_endpoint_auth_signing_alg: 'PS256' },
    key: 'client_algorithm_mismatch',
    secret: 'client_algorithm_mismatch',
    pinned: true,
  },
  {
    metadata: { jwks: JSON.stringify(jwks) },
    key: undefined,
    secret: 'no_matching_key',
    pinned: true,
  },
];

for (const { metadata, key, secret, pinned } of ROWS) {
  const { jwks: keys, client_secret, ...rest } = metadata;
  const shown = JSON.stringify({
    ...(keys !== undefined && { jwks: typeof keys }),
    ...(client_secret !== undefined && { client_secret: '…' }),
    ...rest,
  });

  test(`metadata ${shown}: key ${key ?? 'accepted'}, secret ${secret ?? 'accepted'} (RFC 7591 §2)`, async () => {
    const client = clientFromMetadata({ client_id: 'client', ...metadata });
    assert.equal(client.clientId, 'client');
    assert.equal(await outcome(validatorOf([client]), ofKey()), key);
    assert.equal(await outcome(validatorOf([client]), ofSecret()), secret);
    assert.equal(requiresClientAssertion(client), pinned);
  });
}

test('metadata become secrets whose description names their origin', () => {
  const expected: Secret[] = [
    {
      type: 'SharedSecret',
      value: SECRET,
      description: 'client_secret',
      expiration: 5,
    },
    { type: 'JsonWebKeySet', value: jwks, description: 'jwks' },
    { type: 'JwksUri', value: 'https://client.example/jwks', description: 'jwks_uri' },
  ];
  const secrets = secretsFromMetadata({
    client_id: 'client',
    client_secret: SECRET,
    client_secret_expires_at: 5,
    token_endpoint_auth_method: 'client_secret_jwt',
    jwks,
    jwks_uri: 'https://client.example/jwks',
  });
  assert.deepEqual(secrets, expected);
});

test('the client has its metadata and its algorithms', () => {
  const metadata = {
    client_id: 'client',
    jwks,
    token_endpoint_auth_signing_alg: 'ES256',
    request_object_signing_alg: 'PS256',
    redirect_uris: ['https://client.example/callback'],
  };
  const client = clientFromMetadata(metadata);
  assert.equal(client.metadata, metadata);
  assert.equal(client.tokenEndpointAuthSigningAlg, 'ES256');
  assert.equal(client.requestObjectSigningAlg, 'PS256');
});

test('a null from a database counts as unset', async () => {
  const unset = {
    client_secret: null,
    client_secret_expires_at: null,
    token_endpoint_auth_method: null,
    token_endpoint_auth_signing_alg: null,
    request_object_signing_alg: null,
    jwks_uri: null,
  } as unknown as Record<string, undefined>;
  const client = clientFromMetadata({ client_id: 'client', ...unset, jwks });
  assertClientSecrets(client);
  assert.deepEqual(
    client.secrets.map(({ type }) => type),
    ['JsonWebKeySet'],
  );
  assert.equal(await outcome(validatorOf([client]), ofKey()), undefined);
  for (const token_endpoint_auth_method of [undefined, 'client_secret_jwt']) {
    const none = { ...unset, jwks: null as unknown as undefined, token_endpoint_auth_method };
    assert.deepEqual(secretsFromMetadata({ client_id: 'client', ...none }), []);
  }
});
