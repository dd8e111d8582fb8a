/**
 * A replay store in Redis or Valkey, which all processes of a server share.
 *
 * @module
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { withDeadline } from '../shared/deadline.js';
import { callback, number, type OptionTable, type Reader, readOptions } from '../shared/options.js';
import {
  type RedisClient,
  type RedisCommands,
  type RedisNode,
  redisCommands,
} from '../shared/redis-client.js';
import { type ReplayEntry, type ReplayStore, ReplayStoreFullError } from './store.js';

/** Something about a Redis server that lets it forget an assertion too early. */
interface RedisWarning {
  readonly code:
    | 'redis_eviction'
    | 'redis_persistence'
    | 'redis_replication'
    | 'redis_set_not_conditional';
  /** What is wrong, and what to change. */
  readonly message: string;
}

type Info = ReadonlyMap<string, string>;

function parseInfo(text: unknown): Info {
  const fields = String(text)
    .split(/\r?\n/)
    .filter((line) => line.includes(':') && !line.startsWith('#'))
    .map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    });
  return new Map(fields);
}

function* warningsOf(info: Info): Generator<RedisWarning> {
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction') {
    yield {
      code: 'redis_eviction',
      message: `Redis evicts keys when its memory is full (maxmemory-policy ${policy}), and with them assertions that could then be used again: set maxmemory-policy to noeviction.`,
    };
  }
  if (info.get('aof_enabled') === '0') {
    yield {
      code: 'redis_persistence',
      message:
        'Redis keeps no append-only file: after a restart it has forgotten assertions that are still valid. Set appendonly to yes and appendfsync to always.',
    };
  }
  const hasReplicas = Number(info.get('connected_slaves') ?? 0) > 0;
  if (hasReplicas && !info.has('min_slaves_good_slaves')) {
    yield {
      code: 'redis_replication',
      message:
        'Redis replicates without waiting: a failover may forget the assertions of the last moments before it. Set min-replicas-to-write and min-replicas-max-lag to keep that time short.',
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

/** Asks each node how it is set up, and the store whether it tells a second insertion. */
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
        'Redis set the same key twice in spite of NX: something between this process and Redis changes the command. No replay would be noticed.',
    });
  }
  return [...warnings.values()];
}

export type { RedisClient } from '../shared/redis-client.js';

/** Options of the Redis store. Times are in seconds. */
export interface RedisReplayStoreOptions {
  /** What the keys start with. Default `private-key-jwt:replay:`. */
  readonly prefix?: string | undefined;
  /** How long Redis may take before the request fails closed. Default 0.25. */
  readonly timeout?: number | undefined;
  /**
   * How much longer than needed entries are kept: the clocks of the processes that share the store
   * may differ by this much. The clock of Redis does not matter. Default 60.
   */
  readonly clockMargin?: number | undefined;
  /**
   * How many insertions may wait for Redis; more fail at once, so that the client's queue does not
   * grow while Redis is away. Default 10,000.
   */
  readonly maxPending?: number | undefined;
  /**
   * Called with each thing that `check()` finds, once, after the first insertion: Redis is set up
   * so that it may forget assertions too early. Default: emits a process warning.
   */
  readonly onWarning?:
    | ((warning: {
        readonly code:
          | 'redis_eviction'
          | 'redis_persistence'
          | 'redis_replication'
          | 'redis_set_not_conditional';
        readonly message: string;
      }) => unknown)
    | undefined;
}

const prefix: Reader<string> = (name, value = 'private-key-jwt:replay:') => {
  if (typeof value === 'string') return value;
  throw new TypeError(`${name} must be a string`);
};

const OPTIONS = {
  prefix,
  timeout: number(0.25, 0.001),
  clockMargin: number(60, 0),
  maxPending: number(10_000, 1),
  onWarning: callback<(warning: RedisWarning) => unknown>(),
} satisfies OptionTable<RedisReplayStoreOptions>;

const emitWarning = ({ code, message }: RedisWarning): void =>
  process.emitWarning(message, { type: 'PrivateKeyJwtWarning', code });

/** What Redis has answered to `SET … NX`. */
function wasSet(answer: unknown): boolean {
  if (answer === null) return false;
  if (String(answer) === 'OK') return true;
  throw new TypeError(`Redis must answer OK or null to SET, not ${typeof answer}.`);
}

const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('OOM');

/**
 * Remembers used assertions in Redis or Valkey, by one command each: `SET key value PX time NX`.
 * The client is yours: connect it, and listen to its `error` event. If Redis does not answer in
 * time, the request fails closed with 503 `temporarily_unavailable`; an insertion that Redis
 * carries out after that counts, so the assertion is then used up.
 *
 * Redis has to keep what it is given: see `check()`.
 *
 * @example
 * ```ts
 * import { PrivateKeyJwtStrategy } from 'passport-private-key-jwt';
 * import { createClient } from 'redis';
 *
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
  readonly #clockMargin: number;
  readonly #maxPending: number;
  readonly #onWarning: (warning: RedisWarning) => unknown;
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
    this.#clockMargin = settings.clockMargin;
    this.#maxPending = settings.maxPending;
    this.#onWarning = settings.onWarning ?? emitWarning;
  }

  /**
   * Inserts the entry if its key is absent.
   *
   * @returns true if the key was absent, false if Redis already has it
   * @throws {ReplayStoreFullError} if Redis is out of memory
   * @throws any other error if Redis cannot be asked, or does not answer in time
   */
  async insert(entry: ReplayEntry): Promise<boolean> {
    if (this.#pending >= this.#maxPending) {
      throw new Error(`Redis has not answered ${this.#pending} insertions yet (maxPending).`);
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
   * Asks Redis whether it is set up to keep what it must: eviction, persistence and replication, as
   * far as the server tells.
   *
   * @returns what is wrong; empty if nothing is
   * @throws what the client throws, for instance if the user may not call `INFO`
   */
  async check(): Promise<
    readonly {
      readonly code:
        | 'redis_eviction'
        | 'redis_persistence'
        | 'redis_replication'
        | 'redis_set_not_conditional';
      /** What is wrong, and what to change. */
      readonly message: string;
    }[]
  > {
    this.#checked = true;
    return checkRedis(await this.#commands.nodes(), this);
  }

  async #set({ key, expiresAt }: ReplayEntry): Promise<boolean> {
    const name = this.#prefix + key;
    const attempt = randomUUID();
    this.#pending += 1;
    try {
      const time = this.#timeLeft(expiresAt);
      if (wasSet(await this.#commands.setIfAbsent(name, attempt, time))) return true;
      // ioredis sends the command again if the connection breaks before the answer. Then it was
      // this very attempt that set the key.
      return String(await this.#commands.get(name)) === attempt;
    } finally {
      // Not before the commands are out of the client's queue, however late that is.
      this.#pending -= 1;
    }
  }

  /**
   * How long an entry is kept, in milliseconds. Redis is told no point in time: if its clock is
   * ahead, that point could be over, and Redis would not keep the entry at all.
   */
  #timeLeft(expiresAt: number): number {
    const left = Math.ceil((expiresAt + this.#clockMargin) * 1000 - Date.now());
    if (left > 0) return left;
    throw new RangeError(
      `The entry has expired at ${expiresAt}: is the clock of this process that of the validator?`,
    );
  }

  /** A server that does not tell how it is set up is no reason to refuse anyone. */
  #warn(): void {
    this.check()
      .then((warnings) => {
        for (const warning of warnings) this.#onWarning(warning);
      })
      .catch(() => undefined);
  }
}
