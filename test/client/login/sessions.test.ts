import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type TestContext, test } from 'node:test';
import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import cookieSession from 'cookie-session';
import express from 'express';
import expressSession from 'express-session';
import { fastify } from 'fastify';
import { customFetch } from 'openid-client';
import {
  AssertionService,
  clientAssertion,
  type LoginRequest,
  LoginRequiredError,
  type LoginTokens,
  MemoryTokenStore,
  OpenIdConnectStrategy,
  type TokenStore,
  UserTokenManager,
} from '../../../lib/client/index.js';
import { newBrowser } from '../../support/browser.js';
import { newKeyPair } from '../../support/keys.js';
import { type Listening, listen } from '../../support/listen.js';
import { openIdProvider } from '../../support/openid-provider.js';
import { CLIENT_ID, discover } from '../../support/relying-party.js';

// Logins, tokens and logouts with the packages for sessions that people use.

const SECRET = 'a secret of the tests, which has to be long';

type Request = LoginRequest & { readonly sessionID?: string };

interface Page {
  readonly location?: string;
  readonly status?: number;
  readonly body?: unknown;
}

type Handler = (request: Request) => Promise<Page>;

interface Site extends Listening {
  /** The ids of the sessions that are stored now. */
  ids(): string[];
}

type MakeSite = (routes: Readonly<Record<string, Handler>>) => Promise<Site>;

interface Session {
  user?: unknown;
  regenerate(done?: (error?: unknown) => void): unknown;
  destroy(done?: (error?: unknown) => void): unknown;
}

const expressSite: MakeSite = async (routes) => {
  const store = new expressSession.MemoryStore();
  const app = express();
  app.use(expressSession({ store, secret: SECRET, resave: false, saveUninitialized: false }));
  for (const [path, handler] of Object.entries(routes)) {
    app.get(path, async (request, response) => {
      const { status = 200, location, body } = await handler(request);
      if (location !== undefined) response.redirect(location);
      else response.status(status).json(body ?? {});
    });
  }
  const { sessions } = store as unknown as { sessions: object };
  return { ...(await listen(app)), ids: () => Object.keys(sessions) };
};

const fastifySite: MakeSite = async (routes) => {
  const sessions = new Map<string, unknown>();
  const app = fastify();
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    secret: SECRET,
    cookie: { secure: false },
    saveUninitialized: false,
    store: {
      set: (id, session, done) => {
        sessions.set(id, JSON.parse(JSON.stringify(session)));
        done();
      },
      get: (id, done) => done(null, sessions.get(id) as never),
      destroy: (id, done) => {
        sessions.delete(id);
        done();
      },
    },
  });
  for (const [path, handler] of Object.entries(routes)) {
    app.get(path, async (request, reply) => {
      const { status = 200, location, body } = await handler(request as unknown as Request);
      if (location !== undefined) return reply.redirect(location);
      return reply.status(status).send(body ?? {});
    });
  }
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { url, close: () => app.close(), ids: () => [...sessions.keys()] } as unknown as Site;
};

/** What comes of a request at a strategy, without Passport. */
const authenticate = (strategy: OpenIdConnectStrategy, request: Request) =>
  new Promise<{ location: string } | { tokens: LoginTokens } | { failed: unknown }>(
    (resolve, reject) => {
      const own = Object.assign(Object.create(strategy) as OpenIdConnectStrategy, {
        redirect: (location: string) => resolve({ location }),
        success: (_user: object, info: object) => resolve(info as { tokens: LoginTokens }),
        fail: (info: object) => resolve({ failed: info }),
        error: reject,
      });
      own.authenticate(request);
    },
  );

async function party(t: TestContext, makeSite: MakeSite, store: TokenStore | undefined) {
  const assertions = new AssertionService({
    clientId: CLIENT_ID,
    key: newKeyPair('ES256').privateKey,
  });
  const steps = new EventEmitter();
  const at: { site?: Site; strategy?: OpenIdConnectStrategy; users?: UserTokenManager } = {};
  const session = (request: Request) => request.session as unknown as Session;
  const routes: Record<string, Handler> = {
    '/login': (request) => authenticate(at.strategy as OpenIdConnectStrategy, request) as never,
    async '/cb'(request) {
      const outcome = await authenticate(at.strategy as OpenIdConnectStrategy, request);
      if (!('tokens' in outcome)) return { status: 401, body: outcome };
      // As Passport does, which passes the callback; others wait for a promise.
      await new Promise<void>((resolve, reject) => {
        session(request).regenerate((error) => (error ? reject(error) : resolve()));
      });
      session(request).user = 'alice';
      await at.users?.save(request, outcome.tokens);
      return { location: '/' };
    },
    async '/'(request) {
      return { body: { user: session(request).user } };
    },
    /** Renews the tokens, as a 401 of an API makes a manager do. */
    async '/renew'(request) {
      try {
        const { accessToken } = (await at.users?.getToken(request)) ?? assert.fail();
        await at.users?.getToken(request, accessToken);
        return { body: { user: session(request).user } };
      } catch (error) {
        if (!(error instanceof LoginRequiredError)) throw error;
        return { status: 401, body: { user: session(request).user } };
      }
    },
    async '/slow'(request) {
      steps.emit('slow');
      await once(steps, 'go on');
      return (routes['/renew'] as Handler)(request);
    },
    async '/logout'(request) {
      await at.users?.revoke(request);
      return (routes['/destroy'] as Handler)(request);
    },
    async '/destroy'(request) {
      await new Promise<void>((resolve, reject) => {
        session(request).destroy((error) => (error ? reject(error) : resolve()));
      });
      return {};
    },
  };
  const site = await makeSite(routes);
  t.after(() => site.close());
  const provider = await openIdProvider(
    {
      client_id: CLIENT_ID,
      redirect_uris: [`${site.url}/cb`],
      jwks: { keys: [assertions.key.publicJwk as never] },
    },
    () => ({ rotateRefreshToken: true, issueRefreshToken: async () => true }),
  );
  t.after(() => provider.close());
  const config = await discover(provider.issuer, CLIENT_ID, clientAssertion(assertions));
  at.users = new UserTokenManager({ config, store });
  at.strategy = new OpenIdConnectStrategy(
    { config, assertions, callbackURL: `${site.url}/cb` },
    (tokens, verified) => verified(null, { sub: tokens.claims()?.sub }, { tokens }),
  );
  const get = async (browser: ReturnType<typeof newBrowser>, path: string) => {
    const { status, body } = await browser.open(`${site.url}${path}`);
    return { status, ...JSON.parse(body) };
  };
  return { site, config, provider, get, steps };
}

const SITES: readonly (readonly [string, MakeSite])[] = [
  ['express-session', expressSite],
  ['@fastify/session', fastifySite],
];
const STORES: readonly (readonly [string, () => TokenStore | undefined])[] = [
  ['the session', () => undefined],
  ['a store', () => new MemoryTokenStore()],
];
const KINDS = SITES.flatMap(([name, site]) =>
  STORES.map(([where, store]) => [`${name}, tokens in ${where}`, site, store] as const),
);

const IN = { status: 200, user: 'alice' };

for (const [kind, makeSite, makeStore] of KINDS) {
  test(`${kind}: after a login, a refresh and a logout, the old cookie is worthless`, async (t) => {
    const { site, get } = await party(t, makeSite, makeStore());
    const browser = newBrowser();
    assert.deepEqual(await get(browser, '/login'), IN);
    assert.deepEqual(await get(browser, '/renew'), IN);
    assert.deepEqual(await get(browser, '/renew'), IN);
    const [old] = site.ids();
    assert.equal((await get(browser, '/logout')).status, 200);
    assert.ok(!site.ids().includes(old ?? ''));
    assert.deepEqual(await get(browser, '/'), { status: 200 });
  });

  for (const end of ['/logout', '/destroy', '/login']) {
    test(`${kind}: a request that started before ${end} writes nothing to the ended session`, async (t) => {
      const { site, get, steps } = await party(t, makeSite, makeStore());
      const browser = newBrowser();
      await get(browser, '/login');
      const [old = ''] = site.ids();
      const started = once(steps, 'slow');
      const slow = get(browser, '/slow');
      await started;
      await get(browser, end);
      steps.emit('go on');
      assert.equal((await slow).status, 401);
      assert.ok(!site.ids().includes(old), 'the session stays ended');
    });

    test(`${kind}: a refresh that runs during ${end} does not restore the session`, async (t) => {
      const { site, get, steps, config } = await party(t, makeSite, makeStore());
      const browser = newBrowser();
      await get(browser, '/login');
      const [old = ''] = site.ids();
      const send = config[customFetch] ?? assert.fail();
      config[customFetch] = async (url, options) => {
        const response = await send(url, options);
        const { body } = options;
        if (body instanceof URLSearchParams && body.get('grant_type') === 'refresh_token') {
          steps.emit('refreshed');
          await once(steps, 'go on');
        }
        return response;
      };
      const refreshed = once(steps, 'refreshed');
      const renewal = get(browser, '/renew');
      await refreshed;
      const ending = get(browser, end);
      setTimeout(() => steps.emit('go on'), 200);
      await ending;
      await renewal;
      assert.ok(!site.ids().includes(old), 'the session stays ended');
    });
  }

  test(`${kind}: a login that completes after the logout of its session logs no one in`, async (t) => {
    const { site, get } = await party(t, makeSite, makeStore());
    const browser = newBrowser();
    await get(browser, '/login');
    const response = await browser.openUntil(`${site.url}/login`, `${site.url}/cb`);
    const [old = ''] = site.ids();
    await get(browser, '/logout');
    assert.equal((await get(browser, response.href.slice(site.url.length))).status, 401);
    assert.ok(!site.ids().includes(old));
  });

  test(`${kind}: a logout during the code redemption ends that login too`, async (t) => {
    const { site, get, config, steps } = await party(t, makeSite, makeStore());
    const browser = newBrowser();
    await get(browser, '/login');
    const [old = ''] = site.ids();
    const send = config[customFetch] ?? assert.fail();
    config[customFetch] = async (url, options) => {
      const response = await send(url, options);
      const { body } = options;
      if (body instanceof URLSearchParams && body.get('grant_type') === 'authorization_code') {
        steps.emit('redeemed');
        await once(steps, 'go on');
      }
      return response;
    };
    const redeemed = once(steps, 'redeemed');
    const login = get(browser, '/login');
    await redeemed;
    await get(browser, '/logout');
    steps.emit('go on');
    assert.equal((await login).status, 401);
    assert.ok(!site.ids().includes(old));
  });
}

test('cookie-session is refused, because it cannot end a session', async (t) => {
  const { config } = await party(t, expressSite, undefined);
  const users = new UserTokenManager({ config });
  const app = express();
  const errors: unknown[] = [];
  app.use(cookieSession({ secret: SECRET }));
  app.get('/', async (request, response) => {
    const tokens = { access_token: 'at', token_type: 'bearer' } as const;
    await users.save(request, tokens).catch((error: unknown) => errors.push(error));
    response.end();
  });
  const { url, close } = await listen(app);
  t.after(close);
  await fetch(url);
  assert.match(String(errors[0]), /^TypeError: cookie-session cannot end a session/);
});
