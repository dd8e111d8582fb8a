import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Differences } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import {
  answerOf,
  CLIENT_CREDENTIALS,
  MCP_ISSUER,
  MCP_RESOURCE,
  mcpAuthorizationServer,
  proved,
  withKeys,
} from '../support/mcp-authorization-server.js';
import { Clients, Provider } from '../support/mcp-provider.js';

test('a client gets a token for itself by its assertion (RFC 6749 §4.4)', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const form = await proved({ ...CLIENT_CREDENTIALS, scope: 'tools', resource: MCP_RESOURCE.href });
  const { status, body, headers } = await answerOf(server.post('/token', form));
  assert.equal(status, 200);
  assert.equal(body['token_type'], 'bearer');
  assert.equal(body['scope'], 'tools');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(server.events[0]?.outcome, 'success');
});

for (const aud of [MCP_ISSUER, `${MCP_ISSUER}token`]) {
  test(`an assertion for ${aud} is accepted at the token endpoint (RFC 7523 §3)`, async (t) => {
    const server = await mcpAuthorizationServer(t, [withKeys]);
    const form = await proved(CLIENT_CREDENTIALS, { claims: { aud } });
    assert.equal((await server.post('/token', form)).status, 200);
  });
}

test('a client redeems a code, refreshes and revokes by its assertion', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const redeemed = await answerOf(server.post('/token', await proved(await server.code('client'))));
  assert.equal(redeemed.status, 200);
  const refresh = { grant_type: 'refresh_token', refresh_token: '' };
  refresh.refresh_token = String(redeemed.body['refresh_token']);
  const refreshed = await answerOf(server.post('/token', await proved(refresh)));
  assert.equal(refreshed.status, 200);

  const token = String(refreshed.body['refresh_token']);
  const claims = { aud: `${MCP_ISSUER}revoke` };
  assert.equal((await server.post('/revoke', await proved({ token }, { claims }))).status, 200);
  refresh.refresh_token = token;
  const { status, body } = await answerOf(server.post('/token', await proved(refresh)));
  assert.deepEqual([status, body['error']], [400, 'invalid_grant']);
});

const REFUSED: Record<string, readonly [string, Differences]> = {
  'of another key': ['signature_invalid', { pair: keyPair('ES256') }],
  'for another server': ['audience_mismatch', { claims: { aud: 'https://other.example/' } }],
  'of yesterday': ['expired', { claims: { exp: 1, iat: 0 } }],
};

for (const [what, [reason, differences]] of Object.entries(REFUSED)) {
  test(`an assertion ${what} is refused at both endpoints`, async (t) => {
    const server = await mcpAuthorizationServer(t, [withKeys]);
    for (const path of ['/token', '/revoke']) {
      const form = await proved({ ...CLIENT_CREDENTIALS, token: 'x' }, differences);
      const { status, body, headers } = await answerOf(server.post(path, form));
      assert.deepEqual([status, body['error']], [401, 'invalid_client']);
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.equal(headers.get('access-control-allow-origin'), '*');
      assert.equal(server.events.at(-1)?.reason, reason);
    }
  });
}

test('an assertion works for one request', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const form = await proved(CLIENT_CREDENTIALS);
  assert.equal((await server.post('/token', form)).status, 200);
  assert.equal((await server.post('/token', form)).status, 401);
});

for (const [what, client, more, error] of [
  ['is not registered for it', { ...withKeys, grant_types: undefined }, {}, 'unauthorized_client'],
  ['asks for an unknown scope', withKeys, { scope: 'everything' }, 'invalid_scope'],
  ['asks for another resource', withKeys, { resource: 'https://x.example/' }, 'invalid_target'],
  ['asks for no resource', withKeys, { resource: 'mcp' }, 'invalid_target'],
] as const) {
  test(`a client that ${what} gets no token for itself: ${error}`, async (t) => {
    const server = await mcpAuthorizationServer(t, [client]);
    const form = await proved({ ...CLIENT_CREDENTIALS, ...more });
    const { status, body } = await answerOf(server.post('/token', form));
    assert.deepEqual([status, body['error']], [400, error]);
  });
}

for (const [name, error] of [
  ['scope', 'invalid_request'],
  ['resource', 'invalid_target'],
] as const) {
  test(`a client that sends ${name} twice gets no token for itself: ${error} (RFC 6749 §3.2)`, async (t) => {
    const server = await mcpAuthorizationServer(t, [withKeys]);
    const form = await proved({ ...CLIENT_CREDENTIALS, [name]: 'tools' });
    form.append(name, 'tools');
    const { status, body } = await answerOf(server.post('/token', form));
    assert.deepEqual([status, body['error']], [400, error]);
  });
}

test('unknown clients and forms without a client are refused', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  for (const [form, error] of [
    [{ client_id: 'nobody', ...CLIENT_CREDENTIALS }, 'invalid_client'],
    [CLIENT_CREDENTIALS, 'invalid_request'],
    [{ client_assertion: 'x' }, 'invalid_request'],
  ] as const) {
    const { body } = await answerOf(server.post('/token', form));
    assert.equal(body['error'], error);
  }
});

test('a failing replay store is answered with 503 at the token endpoint', async (t) => {
  const clients = new Clients([withKeys]);
  clients.getClient = () => {
    throw new Error('the database is gone');
  };
  const provider = new Provider(clients, MCP_RESOURCE, []);
  const server = await mcpAuthorizationServer(t, [], { provider });
  for (const form of [await proved(CLIENT_CREDENTIALS), { client_id: 'client' }]) {
    assert.equal((await server.post('/token', form)).status, 503);
  }
});

test('preflight requests of browsers are answered (CORS)', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const headers = { origin: 'https://client.example', 'access-control-request-method': 'POST' };
  const response = await server.request('/token', { method: 'OPTIONS', headers });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  assert.equal((await server.request('/token')).status, 405);
});
