import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { freePort } from '../support/free-port.js';
import { listen } from '../support/listen.js';
import { npmRun } from '../support/npm-script.js';

const KEYS_FOLDER = join(await mkdtemp(join(tmpdir(), 'start-')), 'keys');
after(() => rm(dirname(KEYS_FOLDER), { recursive: true }));

async function environment() {
  const [first, second] = await Promise.all([freePort(), freePort()]);
  return { KEYS_FOLDER, TOKEN_SERVER_PORT: String(first), WEB_LOGIN_PORT: String(second) };
}

test('npm start gets a token for a machine client, and shows each check that was made', async (t) => {
  const env = await environment();
  const start = npmRun('start', env);
  t.after(() => start.stop());
  await start.line(/Ctrl\+C ends it all\.$/);
  const output = start.lines().join('\n');
  for (const part of [
    `[token-server] listening on http://localhost:${env.TOKEN_SERVER_PORT}`,
    'client_assertion, header:',
    '"typ": "client-authentication+jwt"',
    '200 OK',
    '✓ aud: "http://localhost:',
    '✓ signature  (RFC 7523 §3 (9)',
    '✓ replay  (RFC 7523 §3 (7))',
    '=> success',
  ]) {
    assert.ok(output.includes(part), `${part} is not in:\n${output}`);
  }
  assert.doesNotMatch(output, /✗/);
});

test('npm start makes keys at the first start that only their owner can read', async (t) => {
  const read = async () => {
    const start = npmRun('start', await environment());
    t.after(() => start.stop());
    await start.line(/Ctrl\+C ends it all\.$/);
    return readFile(join(KEYS_FOLDER, 'machine.pem'), 'utf8');
  };
  assert.equal(await read(), await read(), 'the key of the first start stays');
  for (const name of ['machine.pem', 'mvc.jar.jwt.pem']) {
    const { mode } = await stat(join(KEYS_FOLDER, name));
    assert.equal(mode & 0o777, 0o600, name);
  }
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`on ${signal} npm start ends all of its processes and exits with 0`, async () => {
    const env = await environment();
    const start = npmRun('start', env);
    await start.line(/Ctrl\+C ends it all\.$/);
    const jwks = `http://localhost:${env.TOKEN_SERVER_PORT}/jwks`;
    assert.equal((await fetch(jwks)).status, 200);
    assert.equal(await start.stop(signal), 0);
    await assert.rejects(fetch(jwks));
  });
}

test('where the port is taken npm start says so and exits with 1', async (t) => {
  const other = await listen((_request, response) => response.end());
  t.after(() => other.close());
  const start = npmRun('start', {
    ...(await environment()),
    TOKEN_SERVER_PORT: new URL(other.url).port,
  });
  assert.equal(await start.ended(), 1);
  assert.match(start.stderr(), /EADDRINUSE/);
});
