import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import express from 'express';
import expressSession from 'express-session';
import { allowInsecureRequests, Configuration } from 'openid-client';
import { createClient } from 'redis';
import {
  AssertionService,
  clientAssertion,
  type LoginRequest,
  LoginRequiredError,
  type LoginTokens,
  MemoryTokenStore,
  OpenIdConnectStrategy,
  type TokenLock,
  type TokenSet,
  type TokenStore,
  UserTokenManager,
} from '../../../lib/client/index.js';
import { RedisLock, RedisTokenStore } from '../../../lib/client/tokens/redis.js';
import { fakeClock } from '../../support/fake-clock.js';
import { Gates, randomFrom } from '../../support/gates.js';
import { keyPair } from '../../support/keys.js';
import { type Listening, listen } from '../../support/listen.js';
import { RedisServer, redisTest } from '../../support/redis-server.js';

// "Ended means ended" as a model: a browser logs in, refreshes, calls an API that refuses tokens, logs
// out and logs in again, in every order among requests that are under way. MODEL_SEED=7 runs one
// order again; MODEL_SEEDS=500 tries more of them.

const SEEDS = process.env['MODEL_SEED']
  ? [Number(process.env['MODEL_SEED'])]
  : Array.from({ length: Number(process.env['MODEL_SEEDS'] ?? '8') }, (_none, seed) => seed);

/** How many orders are tried at the same time. */
const AT_ONCE = 4;

const CLIENT_ID = 'client';
const SECRET = 'a secret of the tests, which has to be long';

interface Grant {
  readonly id: number;
  /** The refresh token that may be used, and those that were. */
  refresh: string | undefined;
  readonly used: Set<string>;
  /** The newest access token, and all that an API takes. */
  access: string;
  readonly alive: Set<string>;
}

/** A provider and an API whose every request waits twice: when it comes, and before its answer. */
class Provider {
  readonly grants: Grant[] = [];
  reused = 0;
  readonly #gates: Gates;
  readonly #random: () => number;
  readonly #codes = new Set<string>();
  #count = 0;

  constructor(gates: Gates, random: () => number) {
    this.#gates = gates;
    this.#random = random;
  }

  grantOf(accessToken: string): Grant | undefined {
    return this.grants.find(({ id }) => accessToken.startsWith(`access ${id} `));
  }

  app(): express.Express {
    const app = express();
    app.use(async (request, _response, next) => {
      await this.#gates.pass(`${request.path} comes`);
      next();
    });
    const answer = async (response: express.Response, status: number, body: object) => {
      await this.#gates.pass(`${response.req.path} answers ${status}`);
      response.status(status).json(body);
    };
    app.get('/authorize', (request, response) => {
      const url = new URL(String(request.query['redirect_uri']));
      const code = `code ${this.#next()}`;
      this.#codes.add(code);
      url.searchParams.set('code', code);
      url.searchParams.set('state', String(request.query['state']));
      response.redirect(url.href);
    });
    app.use(express.urlencoded({ extended: false }));
    app.post('/token', async (request, response) => {
      const { grant_type, code, refresh_token } = request.body as Record<string, string>;
      const grant =
        grant_type === 'refresh_token'
          ? this.#refreshed(refresh_token ?? '')
          : this.#redeemed(code);
      if (grant === undefined) await answer(response, 400, { error: 'invalid_grant' });
      else {
        const { access: access_token, refresh } = grant;
        const tokens = {
          access_token,
          refresh_token: refresh,
          token_type: 'bearer',
          expires_in: 600,
        };
        await answer(response, 200, tokens);
      }
    });
    // It cascades nothing, and knows no token that was replaced.
    app.post('/revoke', async (request, response) => {
      const { token } = request.body as { token: string };
      for (const grant of this.grants) {
        if (grant.refresh === token) grant.refresh = undefined;
        grant.alive.delete(token);
      }
      await answer(response, 200, {});
    });
    app.get('/api/', async (request, response) => {
      const token = String(request.headers.authorization).slice('Bearer '.length);
      const grant = this.grantOf(token);
      // Some tokens are refused before their time.
      if (this.#random() < 0.4) grant?.alive.delete(token);
      await answer(response, grant?.alive.has(token) ? 200 : 401, {});
    });
    return app;
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }

  #redeemed(code = ''): Grant | undefined {
    if (!this.#codes.delete(code)) return undefined;
    const grant = {
      id: this.#next(),
      refresh: '',
      used: new Set<string>(),
      access: '',
      alive: new Set<string>(),
    };
    this.grants.push(grant);
    return this.#issue(grant);
  }

  #refreshed(token: string): Grant | undefined {
    const grant = this.grants.find(({ refresh, used }) => refresh === token || used.has(token));
    if (grant?.used.has(token)) {
      this.reused += 1;
      grant.refresh = undefined;
      grant.alive.clear();
    }
    if (grant?.refresh !== token) return undefined;
    grant.used.add(token);
    return this.#issue(grant);
  }

  #issue(grant: Grant): Grant {
    grant.refresh = `refresh ${grant.id} ${this.#next()}`;
    grant.access = `access ${grant.id} ${this.#next()}`;
    grant.alive.add(grant.access);
    return grant;
  }
}

/** A store of sessions each of whose steps waits. What was destroyed may not come back. */
class GatedSessions extends expressSession.Store {
  readonly entries = new Map<string, string>();
  readonly destroyed = new Set<string>();
  readonly broken: string[] = [];
  readonly #gates: Gates;

  constructor(gates: Gates) {
    super();
    this.#gates = gates;
  }

  override get(
    id: string,
    done: (error: unknown, session?: expressSession.SessionData | null) => void,
  ) {
    this.#step(
      'session get',
      () => {
        const entry = this.entries.get(id);
        return entry === undefined ? null : JSON.parse(entry);
      },
      done,
    );
  }

  override set(id: string, session: expressSession.SessionData, done?: (error?: unknown) => void) {
    const entry = JSON.stringify(session);
    this.#step(
      'session set',
      () => {
        if (this.destroyed.has(id))
          this.broken.push(`the session ${id} was written back: ${entry}`);
        this.entries.set(id, entry);
      },
      done,
    );
  }

  override destroy(id: string, done?: (error?: unknown) => void) {
    this.#step(
      'session destroy',
      () => {
        this.destroyed.add(id);
        this.entries.delete(id);
      },
      done,
    );
  }

  #step<Value>(
    name: string,
    run: () => Value,
    done?: (error: unknown, value: Value) => void,
  ): void {
    this.#gates.pass(name).then(() => {
      const value = run();
      done?.(null, value);
    });
  }
}

/** A store of tokens each of whose steps waits. An ended entry may not come back. */
class GatedTokens implements TokenStore {
  readonly broken: string[] = [];
  readonly #store: TokenStore;
  readonly #gates: Gates;
  readonly #ended = new Set<string>();

  constructor(store: TokenStore, gates: Gates) {
    this.#store = store;
    this.#gates = gates;
  }

  async get(key: string): Promise<TokenSet | null | undefined> {
    await this.#gates.pass('tokens get');
    return this.#store.get(key);
  }

  async replace(
    key: string,
    expected: TokenSet | undefined,
    tokens: TokenSet | undefined,
    lifetime: number,
  ): Promise<boolean> {
    await this.#gates.pass('tokens replace');
    const isReplaced = await this.#store.replace(key, expected, tokens, lifetime);
    if (isReplaced) {
      if (tokens?.tokenType === 'ended') this.#ended.add(key);
      else if (this.#ended.has(key)) this.broken.push(`${key}: ${JSON.stringify(tokens)}`);
    }
    await this.#gates.pass('tokens replaced');
    return isReplaced;
  }
}

type Request = express.Request & LoginRequest;

type Outcome = { location: string } | { tokens: LoginTokens } | { failed: unknown };

/** What comes of a request at a strategy, without Passport. */
const authenticate = (strategy: OpenIdConnectStrategy, request: Request) =>
  new Promise<Outcome>((resolve, reject) => {
    const own = Object.assign(Object.create(strategy) as OpenIdConnectStrategy, {
      redirect: (location: string) => resolve({ location }),
      success: (_user: object, info: object) => resolve(info as { tokens: LoginTokens }),
      fail: (info: object) => resolve({ failed: info }),
      error: reject,
    });
    own.authenticate(request);
  });

const called = (run: (done: (error?: unknown) => void) => unknown): Promise<void> =>
  new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())));

/** Where tokens are kept, and how many processes of the application there seem to be. */
interface Kind {
  readonly store: TokenStore | undefined;
  readonly lock?: TokenLock | undefined;
  readonly instances: number;
}

/** What has come of one order. */
interface World {
  readonly trace: readonly string[];
  readonly wrong: readonly string[];
}

async function play(seed: number, kind: Kind): Promise<World> {
  const random = randomFrom(seed);
  const pick = <Value>(values: readonly Value[]): Value =>
    values[Math.floor(random() * values.length)] as Value;
  const gates = new Gates(random);
  const provider = new Provider(gates, random);
  const sessions = new GatedSessions(gates);
  const tokens = kind.store && new GatedTokens(kind.store, gates);
  const wrong: string[] = [];
  /** The session that each grant was saved for, and the sessions that were logged out. */
  const savedFor = new Map<Grant | undefined, string>();
  const loggedOut = new Set<string>();
  const listening: Listening[] = [];
  const start = async (app: express.Express) => {
    const started = await listen(app);
    listening.push(started);
    return started.url;
  };
  const issuer = await start(provider.app());
  const assertions = new AssertionService({
    clientId: CLIENT_ID,
    key: keyPair('ES256').privateKey,
  });

  const application = (): express.Express => {
    const config = new Configuration(
      {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        revocation_endpoint: `${issuer}/revoke`,
      },
      CLIENT_ID,
      undefined,
      clientAssertion(assertions),
    );
    allowInsecureRequests(config);
    const users = new UserTokenManager({ config, store: tokens, lock: kind.lock });
    const callbackURL = 'https://client.example/cb';
    const strategy = new OpenIdConnectStrategy(
      { config, assertions, callbackURL, scope: 'api', idTokenExpected: false },
      (response, verified) => verified(null, {}, { tokens: response }),
    );
    const app = express();
    app.use(
      expressSession({ store: sessions, secret: SECRET, resave: false, saveUninitialized: false }),
    );
    app.get('/login', async (request, response) => {
      const outcome = await authenticate(strategy, request as Request);
      response.redirect('location' in outcome ? outcome.location : '/');
    });
    app.get('/cb', async (request, response) => {
      const outcome = await authenticate(strategy, request as Request);
      if (!('tokens' in outcome)) {
        response.status(401).json({});
        return;
      }
      // As Passport does.
      await called((done) => request.session.regenerate(done));
      Object.assign(request.session, { user: 'alice' });
      await called((done) => request.session.save(done));
      await users.save(request, outcome.tokens);
      savedFor.set(provider.grantOf(outcome.tokens.access_token), request.sessionID);
      response.json({});
    });
    app.get('/renew', async (request, response) => {
      const { accessToken } = await users.getToken(request);
      await users.getToken(request, accessToken);
      response.json({});
    });
    app.get('/call', async (request, response) => {
      const { status } = await users.fetch(request, `${issuer}/api/`)('');
      response.status(status).json({});
    });
    app.get('/logout', async (request, response) => {
      const id = request.sessionID;
      await users.revoke(request);
      await called((done) => request.session.destroy(done));
      loggedOut.add(id);
      response.json({});
    });
    app.use(((error, _request, response, _next) => {
      if (!(error instanceof LoginRequiredError)) wrong.push(String(error?.stack ?? error));
      response.status(401).json({});
    }) satisfies express.ErrorRequestHandler);
    return app;
  };
  const instances: string[] = [];
  while (instances.length < kind.instances) instances.push(await start(application()));

  let cookie: string | undefined;
  const open = async (url: string): Promise<Response> => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: cookie === undefined ? {} : { cookie },
    });
    await response.arrayBuffer();
    const [line] = response.headers.getSetCookie();
    if (line !== undefined) cookie = line.split(';')[0];
    return response;
  };
  const login = async (): Promise<void> => {
    const started = await open(`${pick(instances)}/login`);
    const at = await open(started.headers.get('location') ?? '');
    const back = new URL(at.headers.get('location') ?? '');
    await open(`${pick(instances)}/cb${back.search}`);
  };
  const work = (name: string) => ({
    name,
    run: async () => {
      if (name === 'login') await login();
      else await open(`${pick(instances)}/${name}`);
    },
  });
  const NAMES = ['login', 'login', 'renew', 'renew', 'call', 'call', 'logout'];
  const works = ['login', ...Array.from({ length: 11 }, () => pick(NAMES))].map(work);
  try {
    await gates.run(works.slice(0, 1));
    await gates.run(works.slice(1));
    gates.open();
    wrong.push(...sessions.broken, ...(tokens?.broken ?? []));
    if (provider.reused > 0) wrong.push(`${provider.reused} refresh tokens were used twice`);
    for (const grant of provider.grants) {
      const id = savedFor.get(grant);
      if (id !== undefined && !loggedOut.has(id)) continue;
      const what = id === undefined ? 'a login that was not kept' : 'a session that was logged out';
      if (grant.refresh !== undefined) wrong.push(`${what} left its refresh token alive`);
      if (grant.alive.has(grant.access)) wrong.push(`${what} left its access token alive`);
    }
    const { status } = await open(`${instances[0]}/renew`);
    const id =
      decodeURIComponent(cookie ?? '')
        .slice('connect.sid=s:'.length)
        .split('.')[0] ?? '';
    const isIn = sessions.entries.get(id)?.includes('alice') === true;
    if (isIn !== (status === 200))
      wrong.push(`the session is ${isIn ? '' : 'not '}there, yet ${status}`);
  } catch (error) {
    wrong.push(String(error));
  } finally {
    gates.open();
    await Promise.all(listening.map((each) => each.close()));
  }
  return { trace: gates.trace, wrong };
}

async function playAll(kindFor: (seed: number) => Kind): Promise<void> {
  // The gates decide what takes long, and not a machine that is busy.
  fakeClock();
  const left = [...SEEDS];
  const lane = async () => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const { wrong, trace } = await play(seed, kindFor(seed));
      assert.deepEqual(wrong, [], `MODEL_SEED=${seed}\n${trace.join('\n')}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

const KINDS: readonly (readonly [string, () => Kind])[] = [
  ['a store in memory, one process', () => ({ store: new MemoryTokenStore(), instances: 1 })],
  ['a store in memory, two managers', () => ({ store: new MemoryTokenStore(), instances: 2 })],
  ['tokens in the session, one process', () => ({ store: undefined, instances: 1 })],
];

for (const [what, kind] of KINDS) {
  test(`after a logout no tokens come back, in any order of concurrent requests: ${what}`, () =>
    playAll(kind));
}

async function redisParts(t: TestContext) {
  const redis = await RedisServer.start(t);
  const client = createClient({ url: redis.url });
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.destroy());
  return client;
}

redisTest(
  'after a logout no tokens come back, in any order of concurrent requests: Redis with its lock, two managers',
  async (t) => {
    const client = await redisParts(t);
    const lock = new RedisLock(client);
    await playAll((seed) => ({
      store: new RedisTokenStore(client, { prefix: `${seed}:`, timeout: 10 }),
      lock,
      instances: 2,
    }));
  },
);
