import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { startProgram } from '../support/program.js';
import { json } from '../support/remote-host.js';

const MAIN = new URL('../../samples/mcp-server/main.ts', import.meta.url);

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

async function startSample(t: TestContext, clients: readonly object[], env = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-server-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'clients.json');
  await writeFile(file, JSON.stringify(clients));
  const program = startProgram(MAIN, [], { PORT: '0', CLIENTS_FILE: file, ...env });
  t.after(() => program.stop());
  const url = (await program.line('listening on ')).replace('listening on ', '');
  return { program, url };
}

/** Calls the tools of the server with the SDK's own client. */
async function callTools(t: TestContext, url: string, clientId: string, privateKey: KeyObject) {
  const authProvider = new PrivateKeyJwtProvider({
    clientId,
    privateKey: pem(privateKey),
    algorithm: 'ES256',
    scope: 'tools',
    expectedIssuer: `${url}/`,
  });
  const client = new Client({ name: 'test', version: '1.0.0' });
  t.after(() => client.close());
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { authProvider });
  // The SDK's types are not made for exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  const { tools } = await client.listTools();
  const sum = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
  const caller = await client.callTool({ name: 'whoami', arguments: {} });
  return { tools: tools.map(({ name }) => name), sum: sum.content, caller: caller.content };
}

const text = (value: string) => [{ type: 'text', text: value }];

test("the SDK's PrivateKeyJwtProvider calls a tool as a registered client", async (t) => {
  const pair = newKeyPair('ES256');
  const { program, url } = await startSample(t, [
    {
      client_id: 'registered',
      redirect_uris: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [pair.publicJwk] },
    },
  ]);
  assert.deepEqual(await callTools(t, url, 'registered', pair.privateKey), {
    tools: ['add', 'whoami'],
    sum: text('5'),
    caller: text('registered'),
  });
  const event = JSON.parse(await program.line('"outcome":"success"'));
  assert.equal(event.clientId, 'registered');
});

test("the SDK's PrivateKeyJwtProvider calls a tool by its metadata document and jwks_uri", async (t) => {
  const pair = newKeyPair('ES256', { kid: '1' });
  const documents: Record<string, unknown> = { '/jwks.json': { keys: [pair.publicJwk] } };
  const host = await listen((request, response) =>
    json(() => documents[request.url ?? ''])(request, response),
  );
  t.after(() => host.close());
  const clientId = `${host.url}/client.json`;
  documents['/client.json'] = {
    client_id: clientId,
    client_name: 'Example',
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${host.url}/jwks.json`,
  };

  const { url } = await startSample(t, [], { ALLOW_LOCAL_NETWORK: '1' });
  const { caller } = await callTools(t, url, clientId, pair.privateKey);
  assert.deepEqual(caller, text(clientId));

  const closed = await startSample(t, []);
  await assert.rejects(
    callTools(t, closed.url, clientId, pair.privateKey),
    /authentication failed/i,
  );
});

test('a stranger with another key calls no tool', async (t) => {
  const { url } = await startSample(t, [
    {
      client_id: 'registered',
      redirect_uris: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [newKeyPair('ES256').publicJwk] },
    },
  ]);
  const { privateKey } = newKeyPair('ES256');
  await assert.rejects(callTools(t, url, 'registered', privateKey), /authentication failed/i);
  const response = await fetch(`${url}/mcp`, { method: 'POST' });
  assert.equal(response.status, 401);
  assert.match(response.headers.get('www-authenticate') ?? '', /resource_metadata=/);
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
