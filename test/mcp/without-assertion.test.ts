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
  test(`a client that ${what} is refused where it sends no assertion`, async (t) => {
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

test('a public client redeems its code as ever', async (t) => {
  const server = await mcpAuthorizationServer(t, [publicClient]);
  const form = { client_id: 'public', ...(await server.code('public')) };
  assert.equal((await server.post('/token', form)).status, 200);
});

test('a client with a plain secret redeems its code as ever, and with no other secret', async (t) => {
  const server = await mcpAuthorizationServer(t, [withSecret]);
  for (const [client_secret, expected] of [
    ['another', 400],
    ['', 400],
    ['a secret of the client', 200],
  ] as const) {
    const form = { client_id: 'secret', client_secret, ...(await server.code('secret')) };
    assert.equal((await server.post('/token', form)).status, expected);
  }
});
