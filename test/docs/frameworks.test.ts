import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AssertionClient } from '../../lib/index.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { codeOf, importBlock, ROOT } from '../support/docs.js';
import { freePort } from '../support/free-port.js';
import { keyPair } from '../support/keys.js';

const DOCUMENT = 'docs/frameworks.md';

let folder: string;
let tokenEndpoint: (request: Request) => Promise<Response>;
before(async () => {
  folder = await mkdtemp(join(ROOT, 'test', '.frameworks-'));
  const clients = new Map<string, AssertionClient>();
  const value = keyPair('ES256').publicJwk;
  clients.set('client', { clientId: 'client', secrets: [{ type: 'JsonWebKey', value }] });
  clients.set('plain', { clientId: 'plain', secrets: [] });
  Object.assign(globalThis, { clients, issuer: 'https://as.example' });
  ({ tokenEndpoint } = await importBlock<{ tokenEndpoint: typeof tokenEndpoint }>(
    DOCUMENT,
    0,
    folder,
  ));
});
after(() => rm(folder, { recursive: true }));

type Send = (body: URLSearchParams, headers?: Record<string, string>) => Promise<Response>;

async function check(send: Send): Promise<void> {
  const body = assertionForm(await signAssertion(), { grant_type: 'client_credentials' });
  const granted = await send(body);
  assert.equal(granted.status, 200);
  assert.deepEqual(await granted.json(), {
    access_token: 'a token for client by client_credentials',
  });
  const again = await send(body);
  assert.equal(again.status, 401);
  assert.equal(again.headers.get('cache-control'), 'no-store');
  assert.equal(((await again.json()) as { error: string }).error, 'invalid_client');
  const two = await send(assertionForm(await signAssertion()), { authorization: 'Basic YTpi' });
  assert.equal(two.status, 400);
  assert.equal(((await two.json()) as { error: string }).error, 'invalid_request');
}

test('the recipe for a Request gives a token, and errors as RFC 6749 §5.2 asks', () =>
  check((body, headers = {}) =>
    tokenEndpoint(new Request('https://as.example/token', { method: 'POST', body, headers })),
  ));

test('the recipe for node:http does the same', async (t) => {
  const port = await freePort();
  const [, code = ''] = await codeOf(DOCUMENT, 'ts');
  assert.ok(code.includes('.listen(3000)'));
  const { listening } = await importBlock<{ listening: Server }>(DOCUMENT, 1, folder, '', (text) =>
    text
      .replace('createServer(async', 'export const listening = createServer(async')
      .replace('3000', `${port}`),
  );
  t.after(() => listening.close());
  await check((body, headers = {}) =>
    fetch(`http://127.0.0.1:${port}/token`, { method: 'POST', body, headers }),
  );
});

test('the recipe for other methods applies the rules for their clients', async () => {
  const { authenticate } = await importBlock<{
    authenticate: (request: Request) => Promise<{ answer?: { status: number } }>;
  }>(DOCUMENT, 2, folder);
  const post = (body: URLSearchParams) =>
    authenticate(new Request('https://as.example/token', { method: 'POST', body }));
  const secret = { client_id: 'plain', client_secret: 'open sesame' };
  assert.equal((await post(new URLSearchParams(secret))).answer, undefined);
  const held = new URLSearchParams({ ...secret, client_id: 'client' });
  assert.equal((await post(held)).answer?.status, 401);
});

test('each example of the guide for NestJS is in the sample', async () => {
  const sample = join(ROOT, 'samples', 'nest');
  const files = (await readdir(sample)).filter((file) => file.endsWith('.ts'));
  const sources = await Promise.all(files.map((file) => readFile(join(sample, file), 'utf8')));
  const lines = sources.join('\n').split('\n').length;
  assert.ok(lines <= 200 + files.length, `${lines} lines`);
  for (const code of await codeOf('docs/nestjs.md', 'ts')) {
    assert.ok(
      sources.some((source) => source.includes(code)),
      code,
    );
  }
});
