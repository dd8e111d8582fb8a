import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { Passport } from 'passport';
import {
  AssertionService,
  clientAssertion,
  OpenIdConnectStrategy,
} from '../../lib/client/index.js';
import { newBrowser } from '../support/browser.js';
import { codeOf, importBlock } from '../support/docs.js';
import { freePort } from '../support/free-port.js';
import { newKeyPair } from '../support/keys.js';
import { openIdProvider, SUBJECT } from '../support/openid-provider.js';
import { discover } from '../support/relying-party.js';
import { type FrameworkProject, frameworkProject } from './project.js';

const CLIENT_ID = 'client';

let project: FrameworkProject;
before(async () => {
  project = await frameworkProject('others');
});

const install = (name: string) => createRequire(join(project.folder, 'package.json'))(name);

/** A provider, and how the client authenticates there. */
async function provider(t: TestContext, redirectUri = 'https://client.example/cb') {
  const key = newKeyPair('ES256').privateKey;
  const { key: signing } = new AssertionService({ clientId: CLIENT_ID, key });
  const running = await openIdProvider({
    client_id: CLIENT_ID,
    redirect_uris: [redirectUri],
    jwks: { keys: [signing.publicJwk as never] },
  });
  t.after(() => running.close());
  const assertions = new AssertionService({ clientId: CLIENT_ID, key, issuer: running.issuer });
  return { provider: running, assertions };
}

/** Runs an example where the packages of this project are found. */
async function runExample(t: TestContext, document: string, part: string, more = '') {
  const folder = await mkdtemp(join(project.folder, '.docs-'));
  t.after(() => rm(folder, { recursive: true }));
  const index = (await codeOf(document, 'ts')).findIndex((code) => code.includes(part));
  return importBlock<Record<string, unknown>>(document, index, folder, more);
}

test('simple-oauth2 gets a token with an assertion, and sends no secret', async (t) => {
  const { provider: running, assertions } = await provider(t);
  Object.assign(globalThis, { clientId: CLIENT_ID, issuer: running.issuer, assertions });
  const { token } = (await runExample(
    t,
    'docs/other-libraries.md',
    'simple-oauth2',
    '\nexport { token };\n',
  )) as { token: { token_type: string } };
  assert.equal(token.token_type, 'Bearer');
  assert.equal(running.assertions.at(-1)?.claims['sub'], CLIENT_ID);
});

for (const name of ['passport-openidconnect', 'passport-oauth2']) {
  test(`the strategy of ${name} is set up as the migration guide says`, async (t) => {
    const passport = new Passport();
    Object.assign(globalThis, { clientId: CLIENT_ID, issuer: 'https://as.example', passport });
    const page = 'docs/moving-from-passport-openidconnect.md';
    await runExample(t, page, `from '${name}'`);
    assert.ok('oidc' in (passport as unknown as { _strategies: object })._strategies);
  });
}

test('a user logs in under @fastify/passport, and an unfinished login fails', async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { provider: running, assertions } = await provider(t, `${url}/cb`);
  const config = await discover(running.issuer, CLIENT_ID, clientAssertion(assertions));

  const { Authenticator } = install('@fastify/passport');
  const app = install('fastify')();
  const passport = new Authenticator();
  app.register(install('@fastify/cookie'));
  app.register(install('@fastify/session'), {
    secret: 'a secret of the tests that is long enough',
    cookie: { secure: false },
  });
  app.register(passport.initialize());
  app.register(passport.secureSession());
  passport.registerUserSerializer(async (user: object) => user);
  passport.registerUserDeserializer(async (user: object) => user);
  passport.use(
    'oidc',
    new OpenIdConnectStrategy({ config, callbackURL: `${url}/cb` }, (tokens, verified) =>
      verified(null, { sub: tokens.claims()?.sub }),
    ),
  );
  app.get('/login', { preValidation: passport.authenticate('oidc') }, () => undefined);
  app.get(
    '/cb',
    { preValidation: passport.authenticate('oidc', { successRedirect: '/' }) },
    () => undefined,
  );
  app.get('/', async (request: { user?: object }) => ({ user: request.user ?? null }));
  await app.listen({ port, host: '127.0.0.1' });
  t.after(() => app.close());

  const browser = newBrowser();
  const page = await browser.open(`${url}/login`);
  assert.deepEqual(JSON.parse(page.body), { user: { sub: SUBJECT } });
  const stranger = await newBrowser().open(`${url}/cb?code=a&state=b`);
  assert.ok(stranger.status >= 400, `${stranger.status}`);
});
