import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  CLIENT_CREDENTIALS,
  mcpAuthorizationServer,
  proved,
  REDIRECT_URI,
  withKeys,
} from '../support/mcp-authorization-server.js';
import { json, remoteHost, remoteOptions } from '../support/remote-host.js';

/** Publishes a document, and the keys of `withKeys` besides. */
async function documentClient(
  t: TestContext,
  document: (origin: string) => Record<string, unknown>,
): Promise<string> {
  const host = await remoteHost((request, response) => {
    const client_id = `${host.origin}/client.json`;
    const metadata = { client_id, client_name: 'Example', ...document(host.origin) };
    json(() => (request.url === '/jwks.json' ? withKeys.jwks : metadata))(request, response);
  });
  t.after(() => host.close());
  return `${host.origin}/client.json`;
}

test('a client of a metadata document redeems a code by the keys of its jwks_uri', async (t) => {
  const clientId = await documentClient(t, (origin) => ({
    redirect_uris: [REDIRECT_URI],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${origin}/jwks.json`,
  }));
  const clientMetadataDocuments = await remoteOptions();
  const server = await mcpAuthorizationServer(t, [], { clientMetadataDocuments });

  const code = await server.code(clientId);
  const unproved = await server.post('/token', { client_id: clientId, ...code });
  assert.equal(unproved.status, 401);
  const form = await proved(code, { clientId, header: { kid: '1' } });
  assert.equal((await server.post('/token', form)).status, 200);
});

test('a public client of a metadata document redeems its code', async (t) => {
  const clientId = await documentClient(t, () => ({
    redirect_uris: [REDIRECT_URI],
    token_endpoint_auth_method: 'none',
  }));
  const server = await mcpAuthorizationServer(t, [], {
    clientMetadataDocuments: await remoteOptions(),
  });
  const form = { client_id: clientId, ...(await server.code(clientId)) };
  assert.equal((await server.post('/token', form)).status, 200);
});

test('without clientMetadataDocuments no document is fetched, and the client is unknown', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  const clientId = 'https://client.example/client.json';
  assert.match((await server.code(clientId)).code, /Invalid client_id/);
  const { status } = await server.post('/token', { client_id: clientId, ...CLIENT_CREDENTIALS });
  assert.deepEqual([status, server.events.at(-1)?.reason], [401, 'unknown_client']);
});

test('a redirect URI that is not in the metadata document is refused', async (t) => {
  const clientId = await documentClient(t, () => ({ redirect_uris: ['https://other.example/'] }));
  const server = await mcpAuthorizationServer(t, [], {
    clientMetadataDocuments: await remoteOptions(),
  });
  const { code } = await server.code(clientId);
  assert.match(code, /Unregistered redirect_uri/);
});

test('an unusable metadata document is invalid_client, without the reason', async (t) => {
  const wrong = await documentClient(t, () => ({ client_name: 42 }));
  const server = await mcpAuthorizationServer(t, [], {
    clientMetadataDocuments: await remoteOptions(),
  });
  for (const id of [wrong, 'https://10.0.0.1/client.json', 'https://unknown.invalid/client']) {
    const { code } = await server.code(id);
    assert.deepEqual(JSON.parse(code), {
      error: 'invalid_client',
      error_description: 'The client metadata document could not be used',
    });
    const form = await proved(CLIENT_CREDENTIALS, { clientId: id });
    assert.equal((await server.post('/token', form)).status, 401);
    assert.equal(server.events.at(-1)?.reason, 'client_metadata_document_failed');
    const unproved = await server.post('/token', { client_id: id, ...CLIENT_CREDENTIALS });
    assert.equal(unproved.status, 401);
    const { reason, clientId } = server.events.at(-1) ?? {};
    assert.deepEqual([reason, clientId], ['client_metadata_document_failed', id]);
  }
});

test('without clientMetadataDocuments nothing is fetched for a client_id', async (t) => {
  const clientId = await documentClient(t, () => ({ redirect_uris: [REDIRECT_URI] }));
  const server = await mcpAuthorizationServer(t, []);
  assert.match((await server.code(clientId)).code, /Invalid client_id/);
});

for (const [what, document] of Object.entries({
  'no client_name': { client_name: undefined, redirect_uris: [REDIRECT_URI] },
  'a client_name of spaces': { client_name: ' ', redirect_uris: [REDIRECT_URI] },
  'no redirect_uris': {},
  'an empty list of redirect_uris': { redirect_uris: [] },
})) {
  test(`a metadata document with ${what} is refused (draft -03 §4.1)`, async (t) => {
    const clientId = await documentClient(t, () => document);
    const server = await mcpAuthorizationServer(t, [], {
      clientMetadataDocuments: await remoteOptions(),
    });
    assert.equal(JSON.parse((await server.code(clientId)).code).error, 'invalid_client');
  });
}

test('a metadata document without a common method is unauthorized_client (draft -03 §4.1)', async (t) => {
  const clientId = await documentClient(t, () => ({
    redirect_uris: [REDIRECT_URI],
    token_endpoint_auth_methods_supported: ['tls_client_auth'],
  }));
  const server = await mcpAuthorizationServer(t, [], {
    clientMetadataDocuments: await remoteOptions(),
  });
  assert.equal(JSON.parse((await server.code(clientId)).code).error, 'unauthorized_client');
});

test('a metadata document gets client_credentials only if the operator allows it', async (t) => {
  const clientId = await documentClient(t, (origin) => ({
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${origin}/jwks.json`,
  }));
  const statusWith = async (options: object) => {
    const server = await mcpAuthorizationServer(t, [], options);
    const form = await proved(CLIENT_CREDENTIALS, { clientId, header: { kid: '1' } });
    return (await server.post('/token', form)).status;
  };
  const clientMetadataDocuments = await remoteOptions();
  const grantTypes = ['authorization_code', 'client_credentials'];
  assert.equal(await statusWith({ clientMetadataDocuments }), 400);
  assert.equal(await statusWith({ clientMetadataDocuments, grantTypes }), 200);
});

for (const [what, document, status, reason] of [
  ['no name, because it has no users', { client_name: undefined }, 200, undefined],
  ['a name that is not text', { client_name: 5 }, 401, 'client_metadata_document_failed'],
  ['a scope that is not text', { scope: ['tools'] }, 401, 'client_metadata_document_failed'],
] as const) {
  test(`a metadata document for client_credentials alone with ${what}: ${status}`, async (t) => {
    const clientId = await documentClient(t, (origin) => ({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: `${origin}/jwks.json`,
      ...document,
    }));
    const server = await mcpAuthorizationServer(t, [], {
      clientMetadataDocuments: await remoteOptions(),
      grantTypes: ['client_credentials'],
    });
    const form = await proved(CLIENT_CREDENTIALS, { clientId, header: { kid: '1' } });
    assert.equal((await server.post('/token', form)).status, status);
    const event = server.events.at(-1);
    assert.equal(event?.reason, reason);
    assert.equal(event?.actual, reason && 'document_invalid');
  });
}
