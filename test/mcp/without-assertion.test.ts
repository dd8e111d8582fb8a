import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OAuthClientInformationFull } from '@modelcontextprotocol/sdk/shared/auth.js';
import {
  answerOf,
  CLIENT_CREDENTIALS,
  mcpAuthorizationServer,
  REDIRECT_URI,
  withKeys,
  withSecret,
} from '../support/mcp-authorization-server.js';

const publicClient: OAuthClientInformationFull = {
  client_id: 'public',
  redirect_uris: [REDIRECT_URI],
  token_endpoint_auth_method: 'none',
};

const WITHOUT_ASSERTION: Record<string, OAuthClientInformationFull> = {
  'has keys': withKeys,
  'has keys and names no method': { ...withKeys, token_endpoint_auth_method: undefined },
  'has keys, and a secret besides': { ...withKeys, client_secret: 'x' },
  'has private_key_jwt and lost its keys': { ...withKeys, jwks: undefined },
  'has client_secret_jwt': {
    ...withSecret,
    client_id: 'client',
    token_endpoint_auth_method: 'client_secret_jwt',
  },
};

for (const [what, client] of Object.entries(WITHOUT_ASSERTION)) {
  test(`a client that ${what} is refused without an assertion`, async (t) => {
    const server = await mcpAuthorizationServer(t, [client]);
    const parameters = { client_id: 'client', client_secret: client.client_secret ?? '' };
    const code = await server.code('client');
    for (const [path, more] of [
      ['/token', code],
      ['/token/', code],
      ['/TOKEN', code],
      ['/token', CLIENT_CREDENTIALS],
      ['/revoke', { token: 'x' }],
    ] as const) {
      const { status, body } = await answerOf(server.post(path, { ...parameters, ...more }));
      assert.deepEqual([status, body['error']], [401, 'invalid_client'], path);
      const { reason, clientId } = server.events.at(-1) ?? {};
      assert.deepEqual([reason, clientId], ['assertion_required', 'client']);
    }
    const sent = await server.request('/token', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...parameters, ...code }),
    });
    assert.equal(sent.status, 401, 'nor in JSON, which the app may parse');
  });
}

for (const method of [
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'attest_jwt_client_auth',
  'PRIVATE_KEY_JWT',
  'client_secret_post',
  'client_secret_basic',
]) {
  test(`a client with ${method} and no secret is not treated as a public client`, async (t) => {
    // An empty secret is none.
    const client = { ...publicClient, token_endpoint_auth_method: method, client_secret: '' };
    const server = await mcpAuthorizationServer(t, [client]);
    const code = await server.code('public');
    for (const [path, more] of [
      ['/token', code],
      ['/revoke', { token: 'x' }],
    ] as const) {
      const form = { client_id: 'public', ...more };
      const { status, body } = await answerOf(server.post(path, form));
      assert.deepEqual([status, body['error']], [401, 'invalid_client'], path);
      const { reason, clientId, actual, expected } = server.events.at(-1) ?? {};
      assert.deepEqual([reason, clientId], ['client_method_mismatch', 'public']);
      assert.deepEqual([expected, actual], [method, undefined]);
    }
  });
}

for (const method of ['client_secret_post', 'client_secret_basic', undefined]) {
  test(`a client with ${method} and a secret redeems its code only with the secret`, async (t) => {
    const client = { ...withSecret, token_endpoint_auth_method: method };
    const server = await mcpAuthorizationServer(t, [client]);
    for (const [client_secret, expected] of [
      ['another', 401],
      ['a secret of the client', 200],
    ] as const) {
      const form = { client_id: 'secret', client_secret, ...(await server.code('secret')) };
      assert.equal((await server.post('/token', form)).status, expected);
    }
  });
}

test('an unknown client gets the same answer as a client with keys', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const answers = [];
  for (const client_id of ['client', 'nobody']) {
    const response = await server.post('/token', { client_id, ...CLIENT_CREDENTIALS });
    answers.push([response.status, await response.text()]);
  }
  assert.deepEqual(answers[0], answers[1]);
  assert.deepEqual(
    server.events.map(({ reason }) => reason),
    ['assertion_required', 'unknown_client'],
  );
});

test('a public client redeems its code, as with the SDK', async (t) => {
  const server = await mcpAuthorizationServer(t, [publicClient]);
  const form = { client_id: 'public', ...(await server.code('public')) };
  assert.equal((await server.post('/token', form)).status, 200);
});

test('a client with a plain secret redeems its code with this secret only', async (t) => {
  const server = await mcpAuthorizationServer(t, [withSecret]);
  for (const [client_secret, expected] of [
    ['another', 401],
    ['', 401],
    ['a secret of the client', 200],
  ] as const) {
    const form = { client_id: 'secret', client_secret, ...(await server.code('secret')) };
    assert.equal((await server.post('/token', form)).status, expected);
  }
});
