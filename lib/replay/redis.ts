/**
 * A replay store in Redis or Valkey, shared by all processes of a server.
 * @module
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { withDeadline } from '../shared/deadline.js';
import { readOptions } from '../shared/options.js';
import {
  type RedisClient,
  type RedisCommands,
  type RedisNode,
  type RedisOptions,
  redisCommands,
  redisOptions,
} from '../shared/redis-client.js';
import { type ReplayEntry, type ReplayStore, ReplayStoreFullError } from './store.js';

interface RedisWarning {
  readonly code:
    | 'redis_eviction'
    | 'redis_persistence'
    | 'redis_replication'
    | 'redis_set_not_conditional';
  readonly message: string;
}

type Info = ReadonlyMap<string, string>;

const parseInfo = (text: unknown): Info =>
  new Map(
    String(text)
      .split(/\r?\n/)
      .map((line) => line.split(':') as [string, string]),
  );

function* warningsOf(info: Info): Generator<RedisWarning> {
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction') {
    yield {
      code: 'redis_eviction',
      message: `Redis evicts keys when its memory is full (maxmemory-policy ${policy}), so a used assertion could be accepted again: set maxmemory-policy to noeviction.`,
    };
  }
  if (info.get('aof_enabled') === '0') {
    yield {
      code: 'redis_persistence',
      message:
        'Redis keeps no append-only file: a restart makes it forget assertions that are still valid. Set appendonly to yes and appendfsync to always.',
    };
  }
  const hasReplicas = Number(info.get('connected_slaves') ?? 0) > 0;
  if (hasReplicas && !info.has('min_slaves_good_slaves')) {
    yield {
      code: 'redis_replication',
      message:
        'Redis replicates without waiting: a failover may lose the latest assertions. Set min-replicas-to-write and min-replicas-max-lag to lose fewer.',
    };
  }
}

async function setsOnlyOnce(store: ReplayStore): Promise<boolean> {
  const probe = {
    key: randomBytes(32).toString('base64url'),
    issuer: '',
    clientId: '',
    expiresAt: Date.now() / 1000 + 1,
  };
  await store.insert(probe);
  return !(await store.insert(probe));
}

async function checkRedis(
  nodes: readonly RedisNode[],
  store: ReplayStore,
): Promise<RedisWarning[]> {
  const warnings = new Map<string, RedisWarning>();
  for (const node of nodes) {
    for (const warning of warningsOf(parseInfo(await node.info()))) {
      warnings.set(warning.code, warning);
    }
  }
  if (!(await setsOnlyOnce(store))) {
    warnings.set('redis_set_not_conditional', {
      code: 'redis_set_not_conditional',
      message:
        'Redis set the same key twice despite NX: something between this process and Redis changes the command. No replay would be noticed.',
    });
  }
  return [...warnings.values()];
}

export type { RedisClient } from '../shared/redis-client.js';

/** `prefix` defaults to `private-key-jwt:replay:`, `timeout` to 0.25 seconds. */
export interface RedisReplayStoreOptions extends RedisOptions {}

const OPTIONS = redisOptions('private-key-jwt:replay:', 0.25);

/** In seconds: the clocks of processes that share the store may differ by this much. */
const CLOCK_MARGIN = 60;

/** More fail at once, so that the queue does not grow. One client gets at most half. */
const MAX_PENDING = 10_000;

const emitWarning = ({ code, message }: RedisWarning): void =>
  process.emitWarning(message, { type: 'PrivateKeyJwtWarning', code });

function wasSet(answer: unknown): boolean {
  if (answer === null) return false;
  if (String(answer) === 'OK') return true;
  throw new TypeError(`Redis must answer OK or null to SET, not ${typeof answer}.`);
}

const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('OOM');

/**
 * Remembers used assertions in Redis or Valkey, with one command each: `SET key value PX time NX`.
 * Listen to the `error` event of the Redis client. If Redis does not answer in time, the request
 * fails closed with 503 `temporarily_unavailable`; Redis may still use the assertion up later.
 * Redis must not lose entries: see `check()`.
 * @example
 * ```ts
 * import { PrivateKeyJwtStrategy } from 'passport-private-key-jwt';
 * import { createClient } from 'redis';
 * const client = createClient({ url: 'redis://127.0.0.1:6379' });
 * client.on('error', (error) => console.error(error));
 * await client.connect();
 * const replay = new RedisReplayStore(client);
 * new PrivateKeyJwtStrategy({ issuer: 'https://as.example', replay }, findClient);
 * ```
 */
export class RedisReplayStore implements ReplayStore {
  readonly #commands: RedisCommands;
  readonly #prefix: string;
  readonly #timeout: number;
  readonly #pendingOf = new Map<string, number>();
  #pending = 0;
  #checked = false;

  /**
   * @param client of node-redis or ioredis: a single server, a pool, Sentinel or a cluster
   * @throws {TypeError} for a wrong client or option
   */
  constructor(client: RedisClient, options: RedisReplayStoreOptions = {}) {
    const settings = readOptions('RedisReplayStore', options, OPTIONS);
    this.#commands = redisCommands(client);
    this.#prefix = settings.prefix;
    this.#timeout = settings.timeout;
  }

  /**
   * Inserts the entry; false if its key is present.
   * @throws {ReplayStoreFullError} if Redis is out of memory
   * @throws any other error if Redis is unreachable or does not answer in time
   */
  async insert(entry: ReplayEntry): Promise<boolean> {
    if ((this.#pendingOf.get(entry.clientId) ?? 0) >= MAX_PENDING - this.#pending) {
      throw new Error(`Redis has not answered ${this.#pending} insertions yet.`);
    }
    try {
      const inserted = await withDeadline(this.#set(entry), this.#timeout, 'Redis');
      if (!this.#checked) this.#warn();
      return inserted;
    } catch (cause) {
      if (!isOutOfMemory(cause)) throw cause;
      throw new ReplayStoreFullError('replay_store_full', 'Redis is out of memory.', { cause });
    }
  }

  /**
   * Checks whether Redis is configured to keep its entries: eviction, persistence and replication.
   * Returns the problems that the server reports.
   * @throws what the client throws, for example if the user may not call `INFO`
   */
  async check(): Promise<
    readonly {
      readonly code:
        | 'redis_eviction'
        | 'redis_persistence'
        | 'redis_replication'
        | 'redis_set_not_conditional';
      /** The problem and what to change. */
      readonly message: string;
    }[]
  > {
    this.#checked = true;
    return checkRedis(await this.#commands.nodes(), this);
  }

  async #set({ key, clientId, expiresAt }: ReplayEntry): Promise<boolean> {
    const name = this.#prefix + key;
    const attempt = randomUUID();
    this.#count(clientId, 1);
    try {
      const time = this.#timeLeft(expiresAt);
      if (wasSet(await this.#commands.setIfAbsent(name, attempt, time))) return true;
      // ioredis repeats the command if the connection breaks before the answer: this attempt itself
      // set the key.
      return String(await this.#commands.get(name)) === attempt;
    } finally {
      // Counts until the command has left the client's queue, however late.
      this.#count(clientId, -1);
    }
  }

  #count(clientId: string, change: 1 | -1): void {
    this.#pending += change;
    const pending = (this.#pendingOf.get(clientId) ?? 0) + change;
    if (pending > 0) this.#pendingOf.set(clientId, pending);
    else this.#pendingOf.delete(clientId);
  }

  /** In milliseconds. Not a time: a Redis clock that is ahead would drop the entry at once. */
  #timeLeft(expiresAt: number): number {
    const left = Math.ceil((expiresAt + CLOCK_MARGIN) * 1000 - Date.now());
    if (left > 0) return left;
    throw new RangeError(
      `The entry expired at ${expiresAt}: do the clocks of this process and the validator agree?`,
    );
  }

  /** If a server does not report its configuration, that is no reason to refuse requests. */
  #warn(): void {
    this.check()
      .then((warnings) => {
        for (const warning of warnings) emitWarning(warning);
      })
      .catch(() => undefined);
  }
}
