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
  Object.assign(globalThis, { clients });
  ({ tokenEndpoint } = await importBlock<{ tokenEndpoint: typeof tokenEndpoint }>(
    DOCUMENT,
    0,
    folder,
  ));
  Object.assign(globalThis, { tokenEndpoint });
});
after(() => rm(folder, { recursive: true }));

type Send = (body: URLSearchParams, headers?: Record<string, string>) => Promise<Response>;

async function check(send: Send): Promise<void> {
  const body = assertionForm(await signAssertion());
  const granted = await send(body);
  assert.equal(granted.status, 200);
  assert.deepEqual(await granted.json(), { access_token: 'a token for client' });
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
  const { server } = await importBlock<{ server: Server }>(DOCUMENT, 1, folder, '', (text) =>
    text.replace('createServer(', 'export const server = createServer(').replace('3000', `${port}`),
  );
  t.after(() => server.close());
  await check((body, headers = {}) =>
    fetch(`http://127.0.0.1:${port}/token`, { method: 'POST', body, headers }),
  );
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
