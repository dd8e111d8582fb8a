import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as sdk2 from '@modelcontextprotocol/client';
import * as sdk1Auth from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client as Sdk1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Sdk1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { AssertionService } from '../../lib/client/index.js';
import { mcpClientAuthentication } from '../../lib/mcp/index.js';
import { freePort } from '../support/free-port.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { UserClient } from '../support/mcp-user.js';
import { startProgram } from '../support/program.js';
import { json } from '../support/remote-host.js';

const MAIN = new URL('../../samples/mcp-server/main.ts', import.meta.url);
const PAIR = newKeyPair('ES256', { kid: '1' });
const REDIRECT_URI = 'http://127.0.0.1/callback';

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

const registered = (publicJwk: object = PAIR.publicJwk) => ({
  client_id: 'registered',
  redirect_uris: [REDIRECT_URI],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [publicJwk] },
});

async function startSample(t: TestContext, clients: readonly object[]) {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-server-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'clients.json');
  await writeFile(file, JSON.stringify(clients));
  const env = { PORT: String(await freePort()), CLIENTS_FILE: file, ALLOW_LOCAL_NETWORK: '1' };
  const program = startProgram(MAIN, [], env);
  t.after(() => program.stop());
  const url = (await program.line('listening on ')).replace('listening on ', '');
  return { program, url };
}

/** Publishes a metadata document. */
async function published(t: TestContext, metadata: object): Promise<string> {
  const host = await listen((request, response) =>
    json(() => ({ client_id: `${host.url}/client.json`, client_name: 'Example', ...metadata }))(
      request,
      response,
    ),
  );
  t.after(() => host.close());
  return `${host.url}/client.json`;
}

const text = (value: string) => [{ type: 'text', text: value }];

type Sdk2Provider = NonNullable<sdk2.StreamableHTTPClientTransportOptions['authProvider']>;

/** Calls the tools as SDK 2 does; with a user, if the provider asks for one. */
async function callBySdk2(t: TestContext, url: string, provider: object): Promise<string> {
  const authProvider = provider as Sdk2Provider;
  const connect = async () => {
    const client = new sdk2.Client({ name: 'test', version: '1.0.0' });
    t.after(() => client.close());
    const transport = new sdk2.StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
      authProvider,
    });
    await client.connect(transport).catch(async (error: unknown) => {
      const { answer } = provider as { answer?: URL };
      if (answer === undefined) throw error;
      assert.equal(answer.searchParams.get('iss'), url, 'RFC 9207');
      await transport.finishAuth(answer.searchParams);
      throw 'again';
    });
    return client;
  };
  const client = await connect().catch((error: unknown) => {
    if (error === 'again') return connect();
    throw error;
  });
  const sum = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
  assert.deepEqual(sum.content, text('5'));
  const caller = await client.callTool({ name: 'whoami', arguments: {} });
  return String((caller.content[0] as { text?: unknown } | undefined)?.text);
}

test("SDK 2's PrivateKeyJwtProvider calls a tool as a registered client", async (t) => {
  const { program, url } = await startSample(t, [registered()]);
  const provider = new sdk2.PrivateKeyJwtProvider({
    clientId: 'registered',
    privateKey: pem(PAIR.privateKey),
    algorithm: 'ES256',
    expectedIssuer: url,
  });
  assert.equal(await callBySdk2(t, url, provider), 'registered');
  const event = JSON.parse(await program.line('"outcome":"success"'));
  assert.equal(event.clientId, 'registered');
});

test("SDK 1's PrivateKeyJwtProvider calls a tool as a registered client", async (t) => {
  const { url } = await startSample(t, [registered()]);
  const authProvider = new sdk1Auth.PrivateKeyJwtProvider({
    clientId: 'registered',
    privateKey: pem(PAIR.privateKey),
    algorithm: 'ES256',
    expectedIssuer: url,
  });
  const client = new Sdk1Client({ name: 'test', version: '1.0.0' });
  t.after(() => client.close());
  const transport = new Sdk1Transport(new URL(`${url}/mcp`), { authProvider });
  // The SDK's types are not made for exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  const caller = await client.callTool({ name: 'whoami', arguments: {} });
  assert.deepEqual(caller.content, text('registered'));
});

const CODE = {
  redirect_uris: [REDIRECT_URI],
  grant_types: ['authorization_code', 'refresh_token'],
};
const KEYS = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [PAIR.publicJwk] } };

for (const [what, metadata] of Object.entries({
  'a key': KEYS,
  'no key': { token_endpoint_auth_method: 'none' },
})) {
  test(`SDK 2 sends a user, and refreshes, as a client of a metadata document with ${what}`, async (t) => {
    const clientId = await published(t, { ...CODE, ...metadata });
    const { url } = await startSample(t, []);
    const assertions = new AssertionService({ clientId, key: PAIR.privateKey, issuer: url });
    const add = what === 'a key' ? mcpClientAuthentication(assertions) : undefined;
    const provider = new UserClient({ client_id: clientId }, 'http://127.0.0.1:5999/callback', add);
    assert.equal(await callBySdk2(t, url, provider), clientId);
    const before = provider.tokens()?.access_token;
    assert.equal(await sdk2.auth(provider as never, { serverUrl: `${url}/mcp` }), 'AUTHORIZED');
    assert.notEqual(provider.tokens()?.access_token, before);
  });
}

test('a stranger with another key cannot call a tool', async (t) => {
  const { url } = await startSample(t, [registered(newKeyPair('ES256').publicJwk)]);
  const provider = new sdk2.PrivateKeyJwtProvider({
    clientId: 'registered',
    privateKey: pem(PAIR.privateKey),
    algorithm: 'ES256',
    expectedIssuer: url,
  });
  await assert.rejects(callBySdk2(t, url, provider), /authentication failed/i);
  const response = await fetch(`${url}/mcp`, { method: 'POST' });
  assert.equal(response.status, 401);
  assert.match(response.headers.get('www-authenticate') ?? '', /resource_metadata=/);
});

test('a document cannot grant itself client_credentials, and a client with a key must use its key', async (t) => {
  const clientId = await published(t, {
    ...CODE,
    ...KEYS,
    grant_types: ['authorization_code', 'client_credentials'],
  });
  const { url } = await startSample(t, []);
  const assertions = new AssertionService({ clientId, key: PAIR.privateKey, issuer: url });
  const post = async (form: Record<string, string>) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...form });
    const response = await fetch(`${url}/token`, { method: 'POST', body });
    return [response.status, ((await response.json()) as { error: string }).error];
  };
  const form = new URLSearchParams();
  await mcpClientAuthentication(assertions)(new Headers(), form, `${url}/token`, { issuer: url });
  assert.deepEqual(await post(Object.fromEntries(form)), [400, 'unauthorized_client']);
  assert.deepEqual(await post({ client_id: clientId }), [401, 'invalid_client']);
});

test('errors of the authorization endpoint reach the client with iss (RFC 9207)', async (t) => {
  const { url } = await startSample(t, [registered()]);
  const query = {
    client_id: 'registered',
    redirect_uri: 'http://127.0.0.1:5999/callback',
    response_type: 'code',
    code_challenge: 'x',
    state: 'a state',
  };
  const ask = async (more: Record<string, string>) => {
    const search = new URLSearchParams({ ...query, code_challenge_method: 'S256', ...more });
    return fetch(`${url}/authorize?${search}`, { redirect: 'manual' });
  };
  for (const wrong of [{ code_challenge_method: 'plain' }, { resource: 'https://x.example/' }]) {
    const location = new URL((await ask(wrong)).headers.get('location') ?? '');
    assert.equal(location.searchParams.get('error'), 'invalid_request');
    assert.equal(location.searchParams.get('iss'), url);
    assert.equal(location.searchParams.get('state'), 'a state');
  }
  const elsewhere = await ask({ redirect_uri: 'https://other.example/' });
  assert.equal(elsewhere.headers.get('location'), null);
  assert.match(await (await ask({})).text(), /only if you have just started the program/);
});

test('the sample stops cleanly on SIGTERM', async (t) => {
  const { program } = await startSample(t, []);
  program.child.kill('SIGTERM');
  assert.equal(await program.ended, 0);
});

test('the sample does not start with a client whose key cannot be used', async (t) => {
  const weak = { kty: 'RSA', e: 'AQAB', n: 'AQAB' };
  const metadata = { client_id: 'weak', redirect_uris: [], jwks: { keys: [weak] } };
  await assert.rejects(startSample(t, [metadata]), /Client "weak", secret 1 of 1/);
});
