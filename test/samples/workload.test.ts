import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ROOT } from '../support/docs.js';
import { npmRun } from '../support/npm-script.js';
import { tokenOf } from '../support/platform.js';
import { localPlatform, protectedApi, trustingServer } from '../support/workload.js';

const platform = await localPlatform({ after });
const server = await trustingServer({ after }, platform.issuer);
const api = await protectedApi({ after }, server);
const folder = await mkdtemp(join(tmpdir(), 'workload-'));
after(() => rm(folder, { recursive: true }));
const file = join(folder, 'token');

const SETTINGS = { ISSUER: server.url, CLIENT_ID: 'orders', TOKEN_FILE: file, API_URL: api.url };

async function run(env: Record<string, string>, claims: Record<string, unknown> = {}) {
  await writeFile(file, `${tokenOf(platform, { claims: { aud: [server.url], ...claims } })}\n`);
  const script = npmRun('sample:workload', env);
  const code = await script.ended();
  return { code, output: script.lines().join('\n'), stderr: script.stderr() };
}

test('the workload calls the API with the token of its platform', async () => {
  const { code, output, stderr } = await run({ ...SETTINGS, CALLS: '2' });
  assert.equal(stderr, '');
  assert.equal(output, '200 ten lamps for orders\n200 ten lamps for orders');
  assert.equal(code, 0);
});

test('the token of another workload is refused, and not printed', async () => {
  const { code, output, stderr } = await run(SETTINGS, { sub: 'system:serviceaccount:shop:x' });
  assert.equal(code, 1);
  assert.match(stderr, /invalid_client/);
  assert.doesNotMatch(output + stderr, /eyJ/);
});

test('a missing variable or file is an error with a clear message', async () => {
  const without = await run({ ...SETTINGS, TOKEN_FILE: '' });
  assert.match(without.stderr, /^TOKEN_FILE is not set: it must be/);
  const missing = await run({ ...SETTINGS, TOKEN_FILE: join(folder, 'missing') });
  assert.match(missing.stderr, /could not be read \(ENOENT .*is the token mounted/);
  assert.deepEqual([without.code, missing.code], [1, 1]);
});

test('the sample has at most 100 lines', async () => {
  const text = await readFile(join(ROOT, 'samples/workload/main.ts'), 'utf8');
  assert.ok(text.split('\n').length <= 100);
});
