import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import { createClient } from 'redis';
import { AssertionService, clientAssertion, UserTokenManager } from '../../../lib/client/index.js';
import { RedisLock, RedisTokenStore } from '../../../lib/client/tokens/redis.js';
import { listen } from '../../support/listen.js';
import { type Program, startProgram } from '../../support/program.js';
import { RedisServer, redisTest } from '../../support/redis-server.js';
import { discover } from '../../support/relying-party.js';

// Four processes that refresh the rotating tokens of the same users at the same time, on one Redis.

const SECONDS = Number(process.env['TOKEN_SOAK_SECONDS'] ?? '5');
const USERS = Number(process.env['TOKEN_SOAK_USERS'] ?? '30');
const CLIENT_ID = 'client';
const WORKER = new URL('../../support/programs/token-refresher.ts', import.meta.url);

/** Keeps everything: the provider's own adapter forgets what is old. */
const entries = new Map<string, AdapterPayload>();

class MapAdapter implements Adapter {
  readonly #model: string;

  constructor(model: string) {
    this.#model = model;
  }

  #key = (id: string) => `${this.#model}:${id}`;

  async upsert(id: string, payload: AdapterPayload): Promise<void> {
    entries.set(this.#key(id), { ...payload });
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return entries.get(this.#key(id));
  }

  async findByUserCode(): Promise<undefined> {}

  async findByUid(): Promise<undefined> {}

  async consume(id: string): Promise<void> {
    const entry = entries.get(this.#key(id));
    if (entry !== undefined) entry.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id: string): Promise<void> {
    entries.delete(this.#key(id));
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [key, entry] of entries) if (entry.grantId === grantId) entries.delete(key);
  }
}

async function setUp(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'token-processes-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const keyFile = join(folder, 'client.pem');
  await writeFile(keyFile, pem);
  const assertions = new AssertionService({ clientId: CLIENT_ID, key: pem });

  let callback: ReturnType<Provider['callback']> | undefined;
  const listening = await listen((request, response) => callback?.(request, response));
  t.after(() => listening.close());
  const provider = new Provider(listening.url, {
    adapter: MapAdapter,
    clients: [
      {
        client_id: CLIENT_ID,
        token_endpoint_auth_method: 'private_key_jwt',
        redirect_uris: ['https://client.example/cb'],
        grant_types: ['authorization_code', 'refresh_token'],
        jwks: { keys: [assertions.key.publicJwk as never] },
      },
    ],
    cookies: { keys: ['a key of the tests'] },
    rotateRefreshToken: true,
    features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
    ttl: { AccessToken: 600, RefreshToken: 86_400, Grant: 86_400 },
    findAccount: (_ctx, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
  });
  /** Refresh tokens that came twice: their grants are revoked. */
  let reused = 0;
  provider.on('grant.error', (_ctx, error) => {
    if (error.error_detail?.includes('used')) reused += 1;
  });
  callback = provider.callback();

  const redis = await RedisServer.start(t);
  const client = createClient({ url: redis.url });
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.destroy());
  const config = await discover(listening.url, CLIENT_ID, clientAssertion(assertions));
  const users = new UserTokenManager({
    config,
    store: new RedisTokenStore(client),
    lock: new RedisLock(client),
  });
  const ids = Array.from({ length: USERS }, (_none, number) => `session-${number}`);
  const registered = (await provider.Client.find(CLIENT_ID)) ?? assert.fail();
  for (const sessionID of ids) {
    const scope = 'openid offline_access';
    const grant = new provider.Grant({ accountId: sessionID, clientId: CLIENT_ID });
    grant.addOIDCScope(scope);
    const grantId = await grant.save();
    const refreshToken = new provider.RefreshToken({
      accountId: sessionID,
      client: registered,
      grantId,
      scope,
      gty: 'authorization_code',
      claims: {},
      expiresWithSession: false,
    } as never);
    const refresh_token = await refreshToken.save();
    await users.save(
      { sessionID },
      {
        access_token: `first of ${sessionID}`,
        token_type: 'bearer',
        expires_in: 600,
        refresh_token,
      },
    );
  }
  const start = (seconds: number, withLock: boolean): Program =>
    startProgram(WORKER, [
      JSON.stringify({
        issuer: listening.url,
        clientId: CLIENT_ID,
        keyFile,
        redisUrl: redis.url,
        users: ids,
        seconds,
        withLock,
      }),
    ]);
  return { redis, users, ids, start, reused: () => reused };
}

interface Result {
  readonly refreshes: number;
  readonly events: Record<string, number>;
  readonly errors: Record<string, number>;
  readonly loggedOut: readonly string[];
}

const resultOf = async (program: Program): Promise<Result> =>
  JSON.parse(await program.line('{"refreshes"'));

for (const withLock of [true, false]) {
  redisTest(
    `four processes refresh the same users ${withLock ? 'with' : 'without'} a lock, while Redis is paused and restarted: no login is lost, no refresh token is used twice, a logout stays one`,
    async (t) => {
      const { redis, users, ids, start, reused } = await setUp(t);

      const programs = Array.from({ length: 4 }, () => start(SECONDS, withLock));
      t.after(() => Promise.all(programs.map((program) => program.stop())));
      await Promise.all(programs.map((program) => program.line('ready')));

      await sleep(SECONDS * 200);
      const leaving = ids.slice(0, 5);
      for (const sessionID of leaving) assert.equal(await users.revoke({ sessionID }), true);
      redis.pause();
      await sleep(1500);
      redis.resume();
      await sleep(SECONDS * 200);
      await redis.kill();
      await redis.start();

      const results = await Promise.all(programs.map(resultOf));
      const loggedOut = new Set(results.flatMap((each) => each.loggedOut));
      assert.deepEqual([...loggedOut].sort(), [...leaving].sort(), JSON.stringify(results));
      assert.equal(reused(), 0);
      for (const { refreshes, events } of results) {
        assert.ok(refreshes > 0);
        t.diagnostic(JSON.stringify({ refreshes, events }));
      }
      for (const program of programs) {
        assert.equal(await program.ended, 0);
        assert.doesNotMatch(program.output(), /Unhandled|UNHANDLED/);
      }
      for (const sessionID of ids) {
        const token = users.getToken({ sessionID });
        if (leaving.includes(sessionID))
          await assert.rejects(token, { name: 'LoginRequiredError' });
        else await token;
      }
    },
  );
}
