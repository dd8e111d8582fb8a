import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import express from 'express';
import { Passport } from 'passport';
import { AssertionService, clientAssertion } from '../../lib/client/index.js';
import { newBrowser } from '../support/browser.js';
import { codeOf, ROOT } from '../support/docs.js';
import { newKeyPair } from '../support/keys.js';
import { type Listening, listen } from '../support/listen.js';
import { openIdProvider } from '../support/openid-provider.js';
import { discover } from '../support/relying-party.js';

// The login of docs/login.md, the tokens and the logout of docs/tokens.md, as they are there.

const CLIENT_ID = 'client';
const PARTS = ['const users = new UserTokenManager', "app.get('/orders'", "app.post('/logout'"];

/** The examples, at the origins of the test. What they take as given are globals, as in docs/examples.d.ts. */
async function runExamples(folder: string, origins: Readonly<Record<string, string>>) {
  const blocks = [
    ...(await codeOf('docs/login.md', 'ts')),
    ...(await codeOf('docs/tokens.md', 'ts')),
  ];
  for (const [index, part] of PARTS.entries()) {
    const block = blocks.find((code) => code.includes(part)) ?? assert.fail(part);
    const code = Object.entries(origins).reduce(
      (text, [from, to]) => text.replaceAll(from, to),
      block,
    );
    const file = join(folder, `${index}.ts`);
    await writeFile(
      file,
      index === 0 ? `${code}\nObject.assign(globalThis, { users, strategy });\n` : code,
    );
    await import(file);
  }
}

/** An API that answers with the subject of a token that the provider knows. */
async function ordersApi(t: TestContext, issuer: string): Promise<Listening> {
  const api = await listen(
    express().get('/orders', async (request, response) => {
      const authorization = request.headers.authorization ?? '';
      const info = await fetch(`${issuer}/me`, { headers: { authorization } });
      response.status(info.status).json(await info.json());
    }),
  );
  t.after(() => api.close());
  return api;
}

async function application(t: TestContext, features: Record<string, { enabled: boolean }> = {}) {
  const folder = await mkdtemp(join(ROOT, 'test', '.login-'));
  t.after(() => rm(folder, { recursive: true }));
  const app = express();
  const web = await listen(app);
  t.after(() => web.close());
  const assertions = new AssertionService({
    clientId: CLIENT_ID,
    key: newKeyPair('ES256').privateKey,
  });
  const provider = await openIdProvider(
    {
      client_id: CLIENT_ID,
      redirect_uris: [`${web.url}/cb`],
      post_logout_redirect_uris: [`${web.url}/`],
      jwks: (await assertions.publicJwks()) as never,
    },
    () => ({ features }) as never,
  );
  t.after(() => provider.close());
  const config = await discover(provider.issuer, CLIENT_ID, clientAssertion(assertions));
  const api = await ordersApi(t, provider.issuer);
  Object.assign(globalThis, { app, passport: new Passport(), config, assertions });
  process.env['SESSION_SECRET'] = 'a secret of the tests';
  t.after(() => delete process.env['SESSION_SECRET']);
  const origins = { 'https://client.example': web.url, 'https://api.example': api.url };
  return { web, provider, run: () => runExamples(folder, origins) };
}

test('a user comes back to the requested page, with tokens that an API accepts', async (t) => {
  const { web, run } = await application(t);
  await run();
  const browser = newBrowser();
  const page = await browser.open(`${web.url}/account?tab=1`);
  assert.equal(page.url.href, `${web.url}/account?tab=1`);
  assert.equal(JSON.parse(page.body).sub, 'alice');
  const orders = await browser.open(`${web.url}/orders`);
  assert.equal(JSON.parse(orders.body).sub, 'alice');
});

test('a logout revokes the tokens, ends the session, and goes to the provider to end its own', async (t) => {
  const { web, provider, run } = await application(t);
  await run();
  const browser = newBrowser();
  await browser.open(`${web.url}/account`);
  const { url, status, body } = await browser.submit(`${web.url}/logout`, {});
  assert.equal(`${url.origin}${url.pathname}`, `${provider.issuer}/session/end`);
  assert.equal(status, 200, body);
  assert.equal(url.searchParams.get('post_logout_redirect_uri'), `${web.url}/`);
  assert.ok(url.searchParams.get('id_token_hint'));
  assert.deepEqual(
    provider.assertions.map(({ route }) => route),
    ['token', 'revocation', 'revocation'],
  );
  const again = await browser.openUntil(`${web.url}/account`, provider.issuer);
  assert.equal(again.pathname, '/auth');
});

test('if the provider has no logout, the user goes to the start page', async (t) => {
  const { web, run } = await application(t, { rpInitiatedLogout: { enabled: false } });
  await run();
  const browser = newBrowser();
  await browser.open(`${web.url}/account`);
  const { url } = await browser.submit(`${web.url}/logout`, {});
  assert.equal(url.href, `${web.url}/`);
});

test('a session without a secret is an error at the start', async (t) => {
  const { run } = await application(t);
  delete process.env['SESSION_SECRET'];
  await assert.rejects(run(), { message: 'SESSION_SECRET is not set' });
});
