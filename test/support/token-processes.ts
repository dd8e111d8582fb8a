import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import { createClient } from 'redis';
import { AssertionService, clientAssertion, UserTokenManager } from '../../lib/client/index.js';
import { RedisLock, RedisTokenStore } from '../../lib/client/tokens/redis.js';
import { listen } from './listen.js';
import { type Program, startProgram } from './program.js';
import { RedisServer } from './redis-server.js';
import { discover } from './relying-party.js';
import { type SilentProxy, silentProxy } from './silent-proxy.js';

// Processes that refresh the rotating tokens of the same users, on one Redis.

const CLIENT_ID = 'client';
const WORKER = new URL('programs/token-refresher.ts', import.meta.url);

/** What ends when the test does. */
interface Owner {
  after(end: () => unknown): void;
}

/** Keeps everything: the provider's own adapter forgets what is old. */
const adapterFor = (entries: Map<string, AdapterPayload>) =>
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
  };

/** What a worker is started for. */
interface Work {
  readonly seconds: number;
  readonly withLock: boolean;
  /** Kills itself when so many refreshes were answered, before it keeps the last one. */
  readonly dieAfter?: number;
}

/** What a worker has done. */
interface Result {
  readonly refreshes: number;
  readonly events: Record<string, number>;
  readonly errors: Record<string, number>;
  readonly loggedOut: readonly string[];
  /** How much the heap has grown since the first third of the time, in bytes. */
  readonly growth: number;
}

const resultOf = async (program: Program): Promise<Result> =>
  JSON.parse(await program.line('{"refreshes"'));

/** A provider with rotating refresh tokens and reuse detection, a Redis, and users who are logged in. */
export async function tokenProcesses(t: Owner, userCount: number) {
  const entries = new Map<string, AdapterPayload>();
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
    adapter: adapterFor(entries),
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

  const redis = await RedisServer.start(t as never);
  const client = createClient({ url: redis.url });
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.destroy());
  const config = await discover(listening.url, CLIENT_ID, clientAssertion(assertions));
  const store = new RedisTokenStore(client);
  const users = new UserTokenManager({ config, store, lock: new RedisLock(client) });
  const ids = Array.from({ length: userCount }, (_none, number) => `session-${number}`);
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
  /** Starts a worker, which reaches Redis through a proxy of its own. */
  const start = async (
    work: Work,
    number = 0,
  ): Promise<{ program: Program; network: SilentProxy }> => {
    const network = await silentProxy(redis.port);
    const redisUrl = `redis://127.0.0.1:${network.port}`;
    const issuer = listening.url;
    const task = { issuer, clientId: CLIENT_ID, keyFile, redisUrl, users: ids, number, ...work };
    const program = startProgram(WORKER, [JSON.stringify(task)]);
    t.after(async () => {
      await program.stop();
      network.close();
    });
    return { program, network };
  };
  /** Whether the provider has replaced a refresh token. */
  const isReplaced = (refreshToken: string | undefined) =>
    entries.get(`RefreshToken:${refreshToken}`)?.consumed !== undefined;
  return { redis, config, store, users, ids, start, isReplaced, reused: () => reused };
}

/** What has come of a run, with what is wrong about it. */
interface Outcome {
  readonly results: readonly Result[];
  readonly wrong: readonly string[];
}

/** Memory that a process may gain: what it remembers of replaced tokens is bounded. */
const MAX_GROWTH = 16_000_000;

/**
 * Lets four processes refresh the same users at the same time, while users log out and Redis is
 * paused, partitioned from two of them, and ends as if the power had failed.
 */
export async function refreshUnderFaults(
  t: Owner,
  { userCount, ...work }: Work & { readonly userCount: number },
): Promise<Outcome> {
  const { redis, users, ids, start, reused } = await tokenProcesses(t, userCount);
  const workers = await Promise.all([0, 1, 2, 3].map((number) => start(work, number)));
  await Promise.all(workers.map(({ program }) => program.line('ready')));
  const leaving = ids.slice(0, Math.max(4, userCount / 20));
  const [early, late] = [
    leaving.filter((_id, n) => n % 2 === 0),
    leaving.filter((_id, n) => n % 2),
  ];
  const wrong: string[] = [];
  const logOut = async (all: readonly string[]) => {
    for (const sessionID of all) {
      if (!(await users.revoke({ sessionID }))) wrong.push(`${sessionID} was not revoked`);
    }
  };

  await sleep(work.seconds * 150);
  await logOut(early);
  redis.pause();
  await sleep(1500);
  redis.resume();
  await sleep(work.seconds * 150);
  const parted = workers.slice(0, 2).map(({ network }) => network);
  for (const network of parted) network.silence();
  await Promise.all([sleep(work.seconds * 150), logOut(late)]);
  parted[0]?.resume();
  parted[1]?.cut();
  parted[1]?.resume();
  await sleep(work.seconds * 100);
  await redis.kill();
  await redis.start();

  const results = await Promise.all(workers.map(({ program }) => resultOf(program)));
  const loggedOut = new Set(results.flatMap((each) => each.loggedOut));
  for (const id of ids) {
    if (loggedOut.has(id) && !leaving.includes(id)) wrong.push(`${id} has lost the login`);
    if (!loggedOut.has(id) && leaving.includes(id)) wrong.push(`${id} is not logged out`);
    const isIn = await users.getToken({ sessionID: id }).then(
      () => true,
      (error: Error) => (error.name === 'LoginRequiredError' ? false : String(error)),
    );
    if (isIn !== !leaving.includes(id)) wrong.push(`${id} is logged in: ${isIn}`);
  }
  if (reused() > 0) wrong.push(`${reused()} refresh tokens were used twice`);
  for (const [number, { program }] of workers.entries()) {
    const { refreshes = 0, growth = 0 } = results[number] ?? {};
    const end = await program.ended;
    if (end !== 0 || /Unhandled/i.test(program.output())) wrong.push(program.output());
    if (refreshes === 0) wrong.push(`process ${number} has refreshed nothing`);
    if (growth > MAX_GROWTH) wrong.push(`process ${number} has grown by ${growth} bytes`);
  }
  return { results, wrong };
}
