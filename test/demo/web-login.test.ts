import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../support/free-port.js';
import { type NpmScript, npmRun } from '../support/npm-script.js';
import { newVisitor } from '../support/visitor.js';

const folder = await mkdtemp(join(tmpdir(), 'web-login-'));
const [tokenServerPort, webLoginPort] = await Promise.all([freePort(), freePort()]);
const webLogin = `http://localhost:${webLoginPort}`;
let samples: NpmScript;

before(async () => {
  samples = npmRun('start', {
    KEYS_FOLDER: folder,
    TOKEN_SERVER_PORT: String(tokenServerPort),
    WEB_LOGIN_PORT: String(webLoginPort),
  });
  await samples.line(/^Just now: /);
});
after(async () => {
  await samples.stop();
  await rm(folder, { recursive: true });
});

async function loggedIn() {
  const visitor = newVisitor();
  const consent = await visitor.submit(await visitor.open(`${webLogin}/login`), {
    username: 'alice',
  });
  return { visitor, page: await visitor.submit(consent) };
}

const validUntil = (body: string): string => /valid until ([^.]+)/.exec(body)?.[1] ?? '';

test('a user logs in without a client secret, and sees the claims of the ID token', async () => {
  const { page } = await loggedIn();
  assert.equal(page.url.href, `${webLogin}/`);
  assert.match(page.body, /<th scope="row">sub<\/th>/);
  assert.match(page.body, /Refresh/);
});

test('a user refreshes, and logs out', async () => {
  const { visitor, page } = await loggedIn();
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const refreshed = await visitor.press(page, 'refresh');
  assert.equal(refreshed.status, 200);
  assert.notEqual(validUntil(refreshed.body), validUntil(page.body));

  const end = await visitor.press(refreshed, 'logout');
  assert.match(end.body, /You are not logged in/);
  assert.match((await visitor.open(webLogin)).body, /You are not logged in/);
});

test('a callback without a pending login logs no one in', async () => {
  const visitor = newVisitor();
  const page = await visitor.open(`${webLogin}/callback?code=stolen&state=unknown`);
  assert.match(page.body, /No login is waiting for this response/);
});
