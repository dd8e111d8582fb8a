import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newKeyPair } from '../support/keys.js';
import {
  answerOf,
  CLIENT_CREDENTIALS,
  mcpAuthorizationServer,
  proved,
  REDIRECT_URI,
  withKeys,
} from '../support/mcp-authorization-server.js';

const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials'];

test('a client that registers keys gets no secret, and authenticates by them (RFC 7591)', async (t) => {
  const server = await mcpAuthorizationServer(t, [], { grantTypes });
  const { client_id, ...metadata } = withKeys;
  const registration = await answerOf(server.register(metadata));
  assert.equal(registration.status, 201);
  assert.ok(!('client_secret' in registration.body));
  const clientId = String(registration.body['client_id']);
  const form = await proved(CLIENT_CREDENTIALS, { clientId });
  assert.equal((await server.post('/token', form)).status, 200);
});

for (const [what, differences] of Object.entries({
  'no keys': { jwks: undefined },
  'a private key': { jwks: { keys: [newKeyPair('ES256').privateKey.export({ format: 'jwk' })] } },
  'both jwks and jwks_uri': { jwks_uri: 'https://client.example/jwks.json' },
  'more than 10 keys': {
    jwks: { keys: Array.from({ length: 11 }, () => newKeyPair('ES256').publicJwk) },
  },
  'more than 10 keys, and no method': {
    token_endpoint_auth_method: undefined,
    jwks: { keys: Array.from({ length: 11 }, () => newKeyPair('ES256').publicJwk) },
  },
  'an http jwks_uri': { jwks: undefined, jwks_uri: 'http://client.example/jwks.json' },
})) {
  test(`a registration with ${what} is refused (RFC 7591 §3.2.2)`, async (t) => {
    const server = await mcpAuthorizationServer(t, []);
    const { status, body } = await answerOf(server.register({ ...withKeys, ...differences }));
    assert.deepEqual([status, body['error']], [400, 'invalid_client_metadata']);
  });
}

test('a client that registers without keys gets a secret, as with the SDK', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  const { body } = await answerOf(server.register({ redirect_uris: [REDIRECT_URI] }));
  assert.equal(typeof body['client_secret'], 'string');
  assert.equal(body['token_endpoint_auth_method'], 'client_secret_basic');
});

test('a client that registers itself gets no grant without a user, unless the operator allows it', async (t) => {
  const { client_id, ...metadata } = withKeys;
  for (const [options, granted, status] of [
    [{}, ['authorization_code', 'refresh_token'], 400],
    [{ grantTypes }, withKeys.grant_types, 200],
  ] as const) {
    const server = await mcpAuthorizationServer(t, [], options);
    const { body } = await answerOf(server.register(metadata));
    assert.deepEqual(body['grant_types'], granted);
    const form = await proved(CLIENT_CREDENTIALS, { clientId: String(body['client_id']) });
    assert.equal((await server.post('/token', form)).status, status);
  }
});

for (const grant_types of [['client_credentials'], [], ['urn:example:grant']]) {
  test(`a registration for ${JSON.stringify(grant_types)} alone is refused (RFC 7591 §3.2.2)`, async (t) => {
    const server = await mcpAuthorizationServer(t, []);
    const { status, body } = await answerOf(server.register({ ...withKeys, grant_types }));
    assert.deepEqual([status, body['error']], [400, 'invalid_client_metadata']);
  });
}
