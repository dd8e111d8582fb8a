import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import express from 'express';
import type { Configuration } from 'openid-client';
import { AssertionService, clientAssertion, UserTokenManager } from '../../lib/client/index.js';
import { type Browser, newBrowser } from '../support/browser.js';
import { importBlock, ROOT } from '../support/docs.js';
import { fakeClock } from '../support/fake-clock.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { type OpenIdProvider, openIdProvider } from '../support/openid-provider.js';
import { discover } from '../support/relying-party.js';

interface Example {
  loginRoutes(
    config: Configuration,
    users: UserTokenManager,
    settings: { callbackUrl: string; apiUrl: string; sessionSecret: string; secure: boolean },
  ): express.Router;
}

/** An API that takes the access tokens that the provider says are active. */
async function ordersApi(t: TestContext, provider: OpenIdProvider) {
  const tokens: string[] = [];
  const app = express();
  app.get('/orders', async (request, response) => {
    const authorization = request.headers.authorization ?? '';
    tokens.push(authorization);
    const info = await fetch(`${provider.issuer}/me`, { headers: { authorization } });
    if (!info.ok) response.status(401).set('www-authenticate', 'Bearer').end();
    else response.json([{ of: ((await info.json()) as { sub: string }).sub }]);
  });
  const api = await listen(app);
  t.after(() => api.close());
  return { ...api, tokens };
}

/** The application of docs/login-without-passport.md. */
async function application(t: TestContext) {
  const folder = await mkdtemp(join(ROOT, 'test', '.login-'));
  t.after(() => rm(folder, { recursive: true }));
  const { loginRoutes } = await importBlock<Example>('docs/login-without-passport.md', 0, folder);
  const app = express();
  const web = await listen(app);
  t.after(() => web.close());
  const callbackUrl = `${web.url}/cb`;
  const assertions = new AssertionService({
    clientId: 'client',
    key: newKeyPair('ES256').privateKey,
  });
  const provider = await openIdProvider(
    {
      client_id: 'client',
      redirect_uris: [callbackUrl],
      jwks: { keys: [assertions.key.publicJwk as never] },
    },
    () => ({ scopes: ['openid', 'offline_access'], rotateRefreshToken: true }),
  );
  let closed: Promise<void> | undefined;
  const stopProvider = () => {
    closed ??= provider.close();
    return closed;
  };
  t.after(stopProvider);
  const config = await discover(provider.issuer, 'client', clientAssertion(assertions));
  const api = await ordersApi(t, provider);
  const time = fakeClock();
  t.after(time.restore);
  const users = new UserTokenManager({ config });
  app.use(
    loginRoutes(config, users, {
      callbackUrl,
      apiUrl: api.url,
      sessionSecret: 'a secret of the tests',
      secure: false,
    }),
  );
  return { web, provider, stopProvider, api, time };
}

const open = async (browser: Browser, url: string) => JSON.parse((await browser.open(url)).body);

const WELCOME = { user: { sub: 'alice' }, orders: [{ of: 'alice' }] };

test('the login of the guide: login, API call, refresh, logout', async (t) => {
  const { web, provider, api, time } = await application(t);
  const browser = newBrowser();
  assert.deepEqual(await open(browser, web.url), WELCOME, 'through the provider and back');
  assert.deepEqual(await open(browser, web.url), WELCOME);
  assert.equal(new Set(api.tokens).size, 1);

  time.advance(560);
  const pages = await Promise.all([1, 2, 3, 4].map(() => open(browser, web.url)));
  assert.deepEqual(pages, [WELCOME, WELCOME, WELCOME, WELCOME]);
  assert.equal(new Set(api.tokens).size, 2, 'one refresh for four requests at once');

  const revoked = api.tokens.at(-1) ?? '';
  const loggedOut = await browser.submit(`${web.url}/logout`, {});
  assert.deepEqual(JSON.parse(loggedOut.body), WELCOME, 'the provider still knows the user');
  const info = await fetch(`${provider.issuer}/me`, { headers: { authorization: revoked } });
  assert.equal(info.status, 401, 'the tokens of before are revoked');

  const routes = provider.assertions.map(({ route }) => route);
  assert.deepEqual(routes, ['token', 'token', 'revocation', 'revocation', 'token']);
  assert.equal(new Set(provider.assertions.map(({ claims }) => claims['jti'])).size, 5);
});

test('the login of the guide: after a login, a second tab must start again', async (t) => {
  const { web, provider } = await application(t);
  const browser = newBrowser();
  const first = await browser.openUntil(`${web.url}/login`, `${web.url}/cb`);
  const second = await browser.openUntil(`${web.url}/login`, `${web.url}/cb`);
  assert.deepEqual(await open(browser, first.href), WELCOME);
  assert.match((await browser.open(first)).body, /not waiting for an answer/);
  assert.match((await browser.open(second)).body, /not waiting for an answer/);
  assert.deepEqual(provider.failures, []);
});

test('the login of the guide: the logout works even if the provider cannot be reached', async (t) => {
  const { web, provider, stopProvider } = await application(t);
  let isDown = false;
  const browser = newBrowser({}, (url) => isDown && url.href.startsWith(provider.issuer));
  assert.deepEqual(await open(browser, web.url), WELCOME);
  await stopProvider();
  isDown = true;
  await browser.submit(`${web.url}/logout`, {});
  const { url } = await browser.open(web.url);
  assert.equal(url.origin, provider.issuer, 'who comes back is sent to log in');
});
