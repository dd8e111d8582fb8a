import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import { mcpAuthRouter } from '../../lib/mcp/index.js';
import {
  answerOf,
  MCP_ISSUER,
  MCP_RESOURCE,
  mcpAuthorizationServer,
} from '../support/mcp-authorization-server.js';
import { Clients, Provider } from '../support/mcp-provider.js';

test('the metadata advertise private_key_jwt and its algorithms (RFC 8414 §2)', async (t) => {
  const server = await mcpAuthorizationServer(t, [], { clientMetadataDocuments: {} });
  const { body } = await answerOf(server.request('/.well-known/oauth-authorization-server'));
  assert.equal(body['issuer'], MCP_ISSUER);
  for (const endpoint of ['token', 'revocation']) {
    const methods = body[`${endpoint}_endpoint_auth_methods_supported`] as string[];
    assert.deepEqual(methods.slice(0, 2), ['private_key_jwt', 'client_secret_post']);
    const algorithms = body[`${endpoint}_endpoint_auth_signing_alg_values_supported`] as string[];
    assert.ok(algorithms.includes('ES256'));
    assert.ok(!algorithms.some((algorithm) => algorithm.startsWith('HS')));
  }
  assert.ok((body['grant_types_supported'] as string[]).includes('client_credentials'));
  assert.equal(body['client_id_metadata_document_supported'], true);
});

test('the metadata advertise only what exists', async (t) => {
  const { clientsStore, authorize, challengeForAuthorizationCode, exchangeAuthorizationCode } =
    new Provider(new Clients(), MCP_RESOURCE, []);
  const { exchangeRefreshToken, verifyAccessToken } = Provider.prototype;
  const provider: OAuthServerProvider = {
    clientsStore: { getClient: (clientId) => clientsStore.getClient(clientId) },
    authorize,
    challengeForAuthorizationCode,
    exchangeAuthorizationCode,
    exchangeRefreshToken,
    verifyAccessToken,
  };
  const server = await mcpAuthorizationServer(t, [], {
    provider,
    clientAssertion: { algorithms: ['ES256'] },
  });
  const { body } = await answerOf(server.request('/.well-known/oauth-authorization-server'));
  assert.deepEqual(body['token_endpoint_auth_signing_alg_values_supported'], ['ES256']);
  assert.deepEqual(body['grant_types_supported'], ['authorization_code', 'refresh_token']);
  assert.deepEqual(Object.keys(body).toSorted(), [
    'authorization_endpoint',
    'code_challenge_methods_supported',
    'grant_types_supported',
    'issuer',
    'response_types_supported',
    'token_endpoint',
    'token_endpoint_auth_methods_supported',
    'token_endpoint_auth_signing_alg_values_supported',
  ]);
  for (const path of ['/revoke', '/register']) {
    assert.equal((await server.request(path, { method: 'POST' })).status, 404, path);
  }
});

test('the protected resource metadata equal those of the SDK (RFC 9728)', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  const { body } = await answerOf(server.request('/.well-known/oauth-protected-resource/mcp'));
  assert.deepEqual(body, { resource: MCP_RESOURCE.href, authorization_servers: [MCP_ISSUER] });
});

test('an invalid option is refused at once', () => {
  const provider = new Provider(new Clients(), MCP_RESOURCE, []);
  for (const options of [
    { clientAssertion: { maxLifetime: 0 } },
    { clientMetadataDocuments: { maxBytes: 0 } },
  ]) {
    assert.throws(
      () => mcpAuthRouter({ provider, issuerUrl: new URL(MCP_ISSUER), ...options }),
      TypeError,
    );
  }
});
