import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as sdk2 from '@modelcontextprotocol/client';
import * as sdk1 from '@modelcontextprotocol/sdk/client/auth.js';
import { PrivateKeyJwtProvider as Sdk1KeyProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import type { Express } from 'express';
import * as openid from 'openid-client';
import { AssertionService, ClientTokenManager, clientAssertion } from '../../lib/client/index.js';
import {
  type McpServerProvider,
  mcpAuthRouter,
  mcpClientAuthentication,
} from '../../lib/mcp/index.js';
import { importBlock, ROOT } from '../support/docs.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { Clients, Provider } from '../support/mcp-provider.js';
import { UserClient } from '../support/mcp-user.js';
import { json } from '../support/remote-host.js';

// The clients of both MCP SDKs against `mcpAuthRouter`.

const REDIRECT_URI = 'http://127.0.0.1/callback';
const PAIR = newKeyPair('ES256', { kid: '1' });
const KEYS = {
  redirect_uris: [REDIRECT_URI],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [PAIR.publicJwk] },
};
const SECRET = 'a secret+of/the=client';

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A provider that asks nobody: the user always allows. */
class Allowing extends Provider {
  override authorize: Provider['authorize'] = async (client, parameters, response) => {
    const page = { type: () => page, send: (text: string) => text };
    let ticket = '';
    page.send = (text) => {
      ticket = /value="([^"]+)"/.exec(text)?.[1] ?? '';
      return text;
    };
    await Provider.prototype.authorize.call(this, client, parameters, page as never);
    response.redirect(String(this.answer(ticket, true)?.href));
  };
}

async function start(t: TestContext, clients: readonly object[], options: object = {}) {
  let app: ReturnType<typeof mcpAuthRouter> | undefined;
  const server = await listen((request, response) =>
    app?.(request, response, () => {
      response.writeHead(404).end();
    }),
  );
  t.after(() => server.close());
  const resource = new URL('/mcp', server.url);
  const provider = new Allowing(new Clients(clients as never), resource, ['tools']);
  // Express's response, without Express.
  const authorize = provider.authorize;
  provider.authorize = (client, parameters, response) => {
    response.redirect = ((url: string) =>
      response.writeHead(302, { location: url }).end()) as never;
    return authorize(client, parameters, response);
  };
  app = mcpAuthRouter({
    provider,
    issuerUrl: new URL(server.url),
    resourceServerUrl: resource,
    clientMetadataDocuments: { allowedNetworks: ['localhost'] },
    rateLimit: false,
    ...options,
  });
  return { url: server.url, issuer: `${server.url}/`, provider };
}

const SDKS = {
  'SDK 1': (provider: object, options: object) => sdk1.auth(provider as never, options as never),
  'SDK 2': (provider: object, options: object) => sdk2.auth(provider as never, options as never),
};

async function published(t: TestContext, metadata: object): Promise<string> {
  const host = await listen((request, response) =>
    json(() => ({ client_name: 'Example', ...metadata, client_id: `${host.url}/client.json` }))(
      request,
      response,
    ),
  );
  t.after(() => host.close());
  return `${host.url}/client.json`;
}

const USERS: Record<string, { readonly registered?: object; readonly document?: object }> = {
  'a registered key': { registered: { ...KEYS, client_id: 'client' } },
  'a secret by Basic': {
    registered: {
      ...KEYS,
      jwks: undefined,
      token_endpoint_auth_method: 'client_secret_basic',
      client_id: 'client',
      client_secret: SECRET,
    },
  },
  'a metadata document and a key': { document: KEYS },
  'a public metadata document': {
    document: { ...KEYS, jwks: undefined, token_endpoint_auth_method: 'none' },
  },
};

for (const [sdk, auth] of Object.entries(SDKS)) {
  for (const [what, { registered, document }] of Object.entries(USERS)) {
    test(`${sdk} redeems a code, refreshes and is bound to the resource, with ${what}`, async (t) => {
      const clientId = document === undefined ? 'client' : await published(t, document);
      const { url, issuer, provider } = await start(
        t,
        registered === undefined ? [] : [registered],
      );
      const key = PAIR.privateKey;
      const add = what.endsWith('key')
        ? mcpClientAuthentication(new AssertionService({ clientId, key, issuer }))
        : undefined;
      const secret = what.includes('secret') && { client_secret: SECRET };
      const information = { client_id: clientId, issuer, ...secret };
      const client = new UserClient(information, 'http://127.0.0.1:5999/callback', add);
      const options = { serverUrl: `${url}/mcp` };
      assert.equal(await auth(client, options), 'REDIRECT');
      const { searchParams } = client.answer ?? new URL('about:blank');
      assert.equal(searchParams.get('iss'), issuer);
      const answer = { authorizationCode: searchParams.get('code'), iss: searchParams.get('iss') };
      assert.equal(await auth(client, { ...options, ...answer }), 'AUTHORIZED');
      const before = client.tokens();
      assert.equal(await auth(client, options), 'AUTHORIZED');
      assert.notEqual(client.tokens()?.access_token, before?.access_token);
      assert.deepEqual(
        new Set(provider.resources.map(([, resource]) => resource)),
        new Set([`${url}/mcp`]),
      );
    });
  }
}

const PROVIDERS = { 'SDK 1': Sdk1KeyProvider, 'SDK 2': sdk2.PrivateKeyJwtProvider };

for (const [sdk, KeyProvider] of Object.entries(PROVIDERS)) {
  for (const audience of ['compatible', 'issuer'] as const) {
    test(`${sdk}'s PrivateKeyJwtProvider gets a client token, mode ${audience}`, async (t) => {
      const clientAssertion = { audience };
      const clients = [{ ...KEYS, client_id: 'client' }];
      const { url, issuer } = await start(t, clients, { clientAssertion });
      const privateKey = pem(PAIR.privateKey);
      const options = { clientId: 'client', privateKey, algorithm: 'ES256' };
      const client = new KeyProvider({ ...options, expectedIssuer: issuer });
      const serverUrl = `${url}/mcp`;
      const auth = SDKS[sdk as keyof typeof SDKS];
      assert.equal(await auth(client, { serverUrl }), 'AUTHORIZED');
      assert.ok(client.tokens()?.access_token);
    });
  }

  test(`${sdk} gets no token with another key`, async (t) => {
    const { url, issuer } = await start(t, [{ ...KEYS, client_id: 'client' }]);
    const privateKey = pem(newKeyPair('ES256').privateKey);
    const options = { clientId: 'client', privateKey, algorithm: 'ES256' };
    const client = new KeyProvider({ ...options, expectedIssuer: issuer });
    const auth = SDKS[sdk as keyof typeof SDKS];
    await assert.rejects(auth(client, { serverUrl: `${url}/mcp` }), /authentication failed/i);
  });
}

test("SDK 2's ClientCredentialsProvider gets a token with its secret", async (t) => {
  const secret = { jwks: undefined, token_endpoint_auth_method: undefined, client_secret: SECRET };
  const { url, issuer } = await start(t, [{ ...KEYS, ...secret, client_id: 'client' }]);
  const options = { clientId: 'client', clientSecret: SECRET, expectedIssuer: issuer };
  const client = new sdk2.ClientCredentialsProvider(options);
  assert.equal(await sdk2.auth(client, { serverUrl: `${url}/mcp` }), 'AUTHORIZED');
});

test('an issuer without its final slash is another issuer, unless ignoreTrailingSlash is set', async (t) => {
  for (const [ignoreTrailingSlash, status] of [
    [false, 401],
    [true, 200],
  ] as const) {
    const clientAssertion = { audience: 'issuer', ignoreTrailingSlash };
    const { url } = await start(t, [{ ...KEYS, client_id: 'client' }], { clientAssertion });
    const body = new URLSearchParams({ grant_type: 'client_credentials' });
    const service = new AssertionService({ clientId: 'client', key: PAIR.privateKey, issuer: url });
    await mcpClientAuthentication(service)(new Headers(), body, `${url}/token`);
    assert.equal((await fetch(`${url}/token`, { method: 'POST', body })).status, status);
  }
});

test('assertions go only to the server of the service', async () => {
  const issuer = 'https://as.example/';
  const service = new AssertionService({ clientId: 'client', key: PAIR.privateKey, issuer });
  const add = mcpClientAuthentication(service);
  const metadata = { issuer: 'https://evil.example/' };
  const form = new URLSearchParams();
  await assert.rejects(add(new Headers(), form, 'https://evil.example/token', metadata), TypeError);
  assert.equal(form.size, 0);
  assert.throws(() => mcpClientAuthentication({} as never), /needs an AssertionService/);
});

test('openid-client discovers the server with algorithm oauth2, and fetch calls the one URL', async (t) => {
  const { url, issuer } = await start(t, [{ ...KEYS, client_id: 'client' }]);
  const service = new AssertionService({ clientId: 'client', key: PAIR.privateKey });
  const config = await openid.discovery(
    new URL(issuer),
    'client',
    undefined,
    clientAssertion(service),
    {
      algorithm: 'oauth2',
      execute: [openid.allowInsecureRequests],
    },
  );
  const resource = `${url}/mcp`;
  const manager = new ClientTokenManager({ config });
  assert.ok((await manager.getToken({ resource, scope: 'tools' })).accessToken);
});

test('the drop-in of the guide serves metadata and asks for tokens', async (t) => {
  const folder = await mkdtemp(join(ROOT, 'test', '.docs-'));
  t.after(() => rm(folder, { recursive: true }));
  type Example = { createApp(provider: McpServerProvider): Express };
  const { createApp } = await importBlock<Example>('docs/mcp.md', 1, folder);
  const resource = new URL('https://as.example/mcp');
  const provider = new Provider(
    new Clients([{ ...KEYS, client_id: 'client' }] as never),
    resource,
    ['tools'],
  );
  const server = await listen(createApp(provider));
  t.after(() => server.close());
  const metadata = await fetch(`${server.url}/.well-known/oauth-authorization-server`);
  assert.equal(((await metadata.json()) as { issuer: string }).issuer, 'https://as.example/');
  assert.equal((await fetch(`${server.url}/mcp`, { method: 'POST' })).status, 401);

  const body = new URLSearchParams({ grant_type: 'client_credentials' });
  const issuer = 'https://as.example/';
  const service = new AssertionService({ clientId: 'client', key: PAIR.privateKey, issuer });
  await mcpClientAuthentication(service)(new Headers(), body, `${issuer}token`, { issuer });
  const answered = await fetch(`${server.url}/token`, { method: 'POST', body });
  const { access_token } = (await answered.json()) as { access_token: string };
  const headers = { authorization: `Bearer ${access_token}` };
  assert.equal((await fetch(`${server.url}/mcp`, { method: 'POST', headers })).status, 200);
});
