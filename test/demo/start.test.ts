import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { ROOT } from '../support/docs.js';
import { freePort } from '../support/free-port.js';
import { listen } from '../support/listen.js';
import { npmRun } from '../support/npm-script.js';

const KEYS = join(ROOT, 'demo', '.keys');
const KEYS_FOLDER = join(await mkdtemp(join(tmpdir(), 'start-')), 'keys');
after(() => rm(dirname(KEYS_FOLDER), { recursive: true }));

async function environment() {
  const [first, second] = await Promise.all([freePort(), freePort()]);
  return { KEYS_FOLDER, TOKEN_SERVER_PORT: String(first), WEB_LOGIN_PORT: String(second) };
}

test('npm start says in three lines where to log in, where the inspector is, and what happened', async (t) => {
  const env = await environment();
  const start = npmRun('start', env);
  t.after(() => start.stop());
  await start.line(/^Just now: /);
  assert.equal(start.lines().length, 3, start.lines().join('\n'));
  const [login, inspector, now] = start.lines();
  assert.match(login ?? '', new RegExp(`^Log in: +http://localhost:${env.WEB_LOGIN_PORT} `));
  assert.match(inspector ?? '', new RegExp(`:${env.TOKEN_SERVER_PORT}/inspector$`));
  assert.match(now ?? '', /the client "machine" got a token .* which passed \d\d checks/);
  assert.equal(start.stderr(), '');
});

test('npm start -- --trace shows each program, what it sent, and each check', async (t) => {
  const env = await environment();
  const start = npmRun('start', env, ['--trace']);
  t.after(() => start.stop());
  await start.line(/^Just now: /);
  const output = start.lines().join('\n');
  for (const part of [
    `[server] listening on http://localhost:${env.TOKEN_SERVER_PORT}`,
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

test('the first npm start makes keys that only their owner can read', async (t) => {
  const read = async () => {
    const start = npmRun('start', await environment());
    t.after(() => start.stop());
    await start.line(/^Just now: /);
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
    await start.line(/^Just now: /);
    const jwks = `http://localhost:${env.TOKEN_SERVER_PORT}/jwks`;
    assert.equal((await fetch(jwks)).status, 200);
    assert.equal(await start.stop(signal), 0);
    await assert.rejects(fetch(jwks));
  });
}

for (const name of ['TOKEN_SERVER_PORT', 'WEB_LOGIN_PORT']) {
  test(`if the port of ${name} is in use, npm start says so and exits with 1`, async (t) => {
    const other = await listen((_request, response) => response.end());
    t.after(() => other.close());
    const { port } = new URL(other.url);
    const start = npmRun('start', { ...(await environment()), [name]: port });
    assert.equal(await start.ended(), 1);
    assert.equal(
      start.stderr(),
      `Port ${port} is in use: stop the program that uses it, or set ${name} to another port.\n`,
    );
    assert.deepEqual(start.lines(), []);
  });

  test(`a ${name} that is not a port is an error that names the variable`, async () => {
    const start = npmRun('start', { ...(await environment()), [name]: 'abc' });
    assert.equal(await start.ended(), 1);
    assert.equal(start.stderr(), `${name} is "abc": it must be a port from 1 to 65535.\n`);
  });
}

test('demos on other ports have keys of their own', async (t) => {
  const folders = await Promise.all(
    [await environment(), await environment()].map(async ({ KEYS_FOLDER, ...ports }) => {
      const start = npmRun('start', ports);
      t.after(() => start.stop());
      await start.line(/^Just now: /);
      return join(KEYS, `${ports.TOKEN_SERVER_PORT}-${ports.WEB_LOGIN_PORT}`);
    }),
  );
  t.after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));
  const keys = await Promise.all(folders.map((folder) => readFile(join(folder, 'machine.pem'))));
  assert.notDeepEqual(keys[0], keys[1]);
});
