/**
 * A replay store in Redis or Valkey, which all processes of a server share.
 *
 * @module
 */
import { withDeadline } from '../shared/deadline.js';
import { assertKnownOptions, type OptionNames } from '../shared/option-checks.js';
import { checkRedis, type RedisWarning } from './redis-check.js';
import { type RedisClient, redisCommands } from './redis-client.js';
import { type ReplayEntry, type ReplayStore, ReplayStoreFullError } from './store.js';

export type { RedisWarning } from './redis-check.js';
export type {
  IoRedisClient,
  IoRedisCluster,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSetOptions,
  RedisClient,
  RedisNode,
} from './redis-client.js';

/** Options of the Redis store. Times are in seconds. */
export interface RedisReplayOptions {
  /** What the keys start with. Default `private-key-jwt:replay:`. */
  readonly prefix?: string | undefined;
  /** How long Redis may take before the request fails closed. Default 0.25. */
  readonly timeout?: number | undefined;
  /**
   * How much longer than needed entries are kept: so far may the clocks of the processes that share
   * the store be apart. The clock of Redis does not matter. Default 60.
   */
  readonly clockMargin?: number | undefined;
  /**
   * How many commands may wait for Redis; more fail at once, so that the client's queue does not
   * grow while Redis is away. Default 10,000.
   */
  readonly maxPending?: number | undefined;
  /**
   * Whether to `check()` the server after the first insertion and to emit what it finds as process
   * warnings. Default true.
   */
  readonly warnings?: boolean | undefined;
}

const OPTIONS: OptionNames<RedisReplayOptions> = {
  prefix: true,
  timeout: true,
  clockMargin: true,
  maxPending: true,
  warnings: true,
};

/** A replay store in Redis. */
export interface RedisReplayStore extends ReplayStore {
  insert(entry: ReplayEntry): Promise<boolean>;
  /**
   * Asks Redis whether it is set up so that it keeps what it must: eviction, persistence and
   * replication, as far as the server tells.
   *
   * @returns what is wrong; empty where nothing is
   * @throws whatever the client throws, for instance where the user may not call `INFO`
   */
  check(): Promise<readonly RedisWarning[]>;
}

function positive(name: string, value: number, minimum: number): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= minimum) return value;
  throw new TypeError(`${name} must be a finite number of at least ${minimum}`);
}

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
 * The client is yours: connect it, and listen to its `error` event. Where Redis does not answer in
 * time, the request fails closed with 503 `temporarily_unavailable`; an insertion that Redis
 * carries out after that counts, so the assertion is then used up.
 *
 * Redis has to keep what it is given: see `check()`.
 *
 * @param client of node-redis or ioredis: a single server, Sentinel or a cluster
 * @throws {TypeError} where the client or an option is wrong
 * @example
 * ```ts
 * import { PrivateKeyJwtStrategy } from 'passport-private-key-jwt';
 * import { createClient } from 'redis';
 *
 * const client = createClient({ url: 'redis://127.0.0.1:6379' });
 * client.on('error', (error) => console.error(error));
 * await client.connect();
 * const replay = redisReplay(client);
 * new PrivateKeyJwtStrategy({ issuer: 'https://as.example', replay }, findClient);
 * ```
 */
export function redisReplay(
  client: RedisClient,
  options: RedisReplayOptions = {},
): RedisReplayStore {
  assertKnownOptions('redisReplay', options, OPTIONS);
  const { prefix = 'private-key-jwt:replay:', warnings = true } = options;
  const { timeout = 0.25, clockMargin = 60, maxPending = 10_000 } = options;
  if (typeof prefix !== 'string') throw new TypeError('prefix must be a string');
  if (typeof warnings !== 'boolean') throw new TypeError('warnings must be true or false');
  positive('timeout', timeout, 0.001);
  positive('clockMargin', clockMargin, 0);
  positive('maxPending', maxPending, 1);

  const commands = redisCommands(client);
  let pending = 0;
  let checked = !warnings;

  /**
   * For how long an entry is kept, in milliseconds. Redis is told no point in time: by a clock that is
   * ahead it could be over, and the entry would not be kept at all.
   */
  function timeLeft(expiresAt: number): number {
    const left = Math.ceil((expiresAt + clockMargin) * 1000 - Date.now());
    if (left > 0) return left;
    throw new RangeError(
      `The entry has expired at ${expiresAt}: is the clock of this process that of the validator?`,
    );
  }

  async function set({ key, expiresAt }: ReplayEntry): Promise<unknown> {
    pending += 1;
    try {
      return await commands.setIfAbsent(prefix + key, '1', timeLeft(expiresAt));
    } finally {
      // Not before the command is out of the client's queue, however late that is.
      pending -= 1;
    }
  }

  async function warn(): Promise<void> {
    for (const { code, message } of await store.check()) {
      process.emitWarning(message, { type: 'PrivateKeyJwtWarning', code });
    }
  }

  const store: RedisReplayStore = {
    async insert(entry) {
      if (pending >= maxPending) {
        throw new Error(`Redis has not answered ${pending} commands yet (maxPending).`);
      }
      try {
        const inserted = wasSet(await withDeadline(set(entry), timeout, 'Redis'));
        // A server that does not tell how it is set up is no reason to refuse anybody.
        if (!checked) warn().catch(() => undefined);
        return inserted;
      } catch (cause) {
        if (!isOutOfMemory(cause)) throw cause;
        throw new ReplayStoreFullError('replay_store_full', 'Redis is out of memory.', { cause });
      }
    },
    async check() {
      checked = true;
      return checkRedis(await commands.nodes(), store);
    },
  };
  return store;
}
