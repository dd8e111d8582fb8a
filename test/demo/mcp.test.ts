import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import * as sdk2 from '@modelcontextprotocol/client';
import * as sdk1 from '@modelcontextprotocol/sdk/client/auth.js';
import { AssertionService } from '../../lib/client/index.js';
import { mcpClientAuthentication } from '../../lib/mcp/index.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { UserClient } from '../support/mcp-user.js';
import { json } from '../support/remote-host.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

// The demo as the authorization server of an MCP server: metadata documents, resource, iss.

const PAIR = newKeyPair('ES256', { kid: '1' });
const REDIRECT_URI = 'http://127.0.0.1/callback';
const CALLBACK = 'http://127.0.0.1:5999/callback';
const KEYS = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [PAIR.publicJwk] } };
const GRANTS = ['authorization_code', 'refresh_token', 'client_credentials'];

/** Serves documents, and an MCP server's protected-resource metadata. */
async function website(t: TestContext, issuer: string, document: object = {}) {
  const site = await listen((request, response) =>
    json(() =>
      request.url?.includes('oauth-protected-resource')
        ? { resource: `${site.url}/mcp`, authorization_servers: [issuer] }
        : {
            client_id: `${site.url}/client.json`,
            client_name: 'Example',
            redirect_uris: [REDIRECT_URI],
            grant_types: GRANTS,
            ...document,
          },
    )(request, response),
  );
  t.after(() => site.close());
  return { clientId: `${site.url}/client.json`, resource: `${site.url}/mcp` };
}

async function start(t: TestContext, clients: Parameters<typeof startTokenServer>[0] = []) {
  const server = await startTokenServer(clients, { ALLOW_LOCAL_NETWORK: '1' });
  t.after(() => server.stop());
  return server.url;
}

/** A user of the demo logs in and allows. */
class DemoUser<Add> extends UserClient<Add> {
  override async redirectToAuthorization(url: URL) {
    this.answer = await logIn(newVisitor(new URL(url).origin), url);
  }
}

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

const SDKS = {
  'SDK 1': (provider: object, options: object) => sdk1.auth(provider as never, options as never),
  'SDK 2': (provider: object, options: object) => sdk2.auth(provider as never, options as never),
};
const DOCUMENTS = { 'a key': KEYS, 'no key': { token_endpoint_auth_method: 'none' } };

for (const [sdk, auth] of Object.entries(SDKS)) {
  for (const [what, document] of Object.entries(DOCUMENTS)) {
    test(`${sdk} gets tokens for its resource with a metadata document with ${what}`, async (t) => {
      const issuer = await start(t);
      const { clientId, resource } = await website(t, issuer, document);
      const service = new AssertionService({ clientId, key: PAIR.privateKey, issuer });
      const add = what === 'a key' ? mcpClientAuthentication(service) : undefined;
      const client = new DemoUser({ client_id: clientId }, CALLBACK, add);
      client.clientMetadata.scope = 'profile';
      const options = { serverUrl: resource };
      assert.equal(await auth(client, options), 'REDIRECT');
      const { searchParams } = client.answer ?? new URL('about:blank');
      const answer = { authorizationCode: searchParams.get('code'), iss: searchParams.get('iss') };
      assert.equal(answer.iss, issuer, 'RFC 9207');
      assert.equal(await auth(client, { ...options, ...answer }), 'AUTHORIZED');
      assert.equal(claimsOf(client.tokens()?.access_token ?? '')['aud'], resource, 'RFC 8707');
      assert.equal(await auth(client, options), 'AUTHORIZED');
      assert.equal(claimsOf(client.tokens()?.access_token ?? '')['aud'], resource);
    });
  }
}

const post = (url: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', body: new URLSearchParams(form), headers });

test('a public client gets no client_credentials and no introspection; nor does a client with a document', async (t) => {
  const issuer = await start(t, [
    { client_id: 'public', token_endpoint_auth_method: 'none', grant_types: GRANTS },
  ]);
  const { clientId } = await website(t, issuer, KEYS);
  const own = { grant_type: 'client_credentials' };
  const refused = await post(`${issuer}/token`, { ...own, client_id: 'public' });
  assert.equal(((await refused.json()) as { error: string }).error, 'unauthorized_client');
  const secret = await post(`${issuer}/token`, { ...own, client_id: 'public', client_secret: 'x' });
  assert.equal(secret.status, 401);
  const introspected = await post(`${issuer}/introspect`, { client_id: 'public', token: 'x' });
  assert.equal(introspected.status, 401);
  assert.equal((await post(`${issuer}/token`, { ...own, client_id: clientId })).status, 401);
  const form = new URLSearchParams(own);
  const service = new AssertionService({ clientId, key: PAIR.privateKey, issuer });
  await mcpClientAuthentication(service)(new Headers(), form, `${issuer}/token`);
  const asked = await post(`${issuer}/token`, Object.fromEntries(form));
  assert.equal(((await asked.json()) as { error: string }).error, 'unauthorized_client');
});

test('UserInfo refuses a token for another resource, and a code cannot be redeemed for another resource', async (t) => {
  const issuer = await start(t);
  const { clientId } = await website(t, issuer, { token_endpoint_auth_method: 'none' });
  const verifier = randomBytes(32).toString('base64url');
  const codeFor = async (resource: Record<string, string>) => {
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope: 'openid profile',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...resource,
    });
    const url = await logIn(newVisitor(issuer), `${issuer}/authorize?${query}`);
    const form = { grant_type: 'authorization_code', redirect_uri: CALLBACK };
    const code = url.searchParams.get('code') ?? '';
    return { ...form, code, client_id: clientId, code_verifier: verifier };
  };
  for (const [resource, status] of [
    [{}, 200],
    [{ resource: `${issuer}/userinfo` }, 200],
    [{ resource: 'https://mcp.example/mcp' }, 401],
  ] as const) {
    const answer = await post(`${issuer}/token`, await codeFor(resource));
    const { access_token } = (await answer.json()) as { access_token: string };
    const headers = { authorization: `Bearer ${access_token}` };
    assert.equal((await fetch(`${issuer}/userinfo`, { headers })).status, status);
  }
  const form = await codeFor({ resource: 'https://mcp.example/mcp' });
  for (const resource of ['https://other.example/', 'mcp', 'https://mcp.example/mcp#x']) {
    const answer = await post(`${issuer}/token`, { ...form, resource });
    assert.equal(((await answer.json()) as { error: string }).error, 'invalid_target');
  }
  assert.equal((await post(`${issuer}/token`, form)).status, 200, 'the code was not used up');
});

test('the metadata name documents, iss and the protected resource (RFC 8414, RFC 9728)', async (t) => {
  const issuer = await start(t);
  const get = async (path: string) =>
    (await (await fetch(`${issuer}${path}`)).json()) as Record<string, unknown>;
  const metadata = await get('/.well-known/oauth-authorization-server');
  assert.equal(metadata['client_id_metadata_document_supported'], true);
  assert.equal(metadata['authorization_response_iss_parameter_supported'], true);
  const methods = (name: string) => metadata[`${name}_endpoint_auth_methods_supported`] as string[];
  assert.ok(methods('token').includes('none'));
  assert.ok(!methods('introspection').includes('none'));
  const resource = await get('/.well-known/oauth-protected-resource/userinfo');
  assert.equal(resource['resource'], `${issuer}/userinfo`);
  assert.deepEqual(resource['authorization_servers'], [issuer]);
});

test('the consent page warns if all redirect URIs of a document are on the machine of the user', async (t) => {
  const issuer = await start(t);
  const pageFor = async (redirect_uris: string[], redirect_uri: string) => {
    const { clientId } = await website(t, issuer, { redirect_uris });
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri,
      response_type: 'code',
      scope: 'profile',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    });
    const visitor = newVisitor(issuer);
    const login = await visitor.open(`${issuer}/authorize?${query}`);
    return (await visitor.submit(login, { username: 'alice' })).body;
  };
  const warning = /Allow this only if you have just started the program/;
  const local = await pageFor([REDIRECT_URI, 'http://localhost/callback'], CALLBACK);
  assert.match(local, warning);
  assert.match(local, /\(127\.0\.0\.1:\d+\)/);
  const web = 'https://app.example/callback';
  assert.doesNotMatch(await pageFor([REDIRECT_URI, web], web), warning);
});
