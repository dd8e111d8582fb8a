/**
 * Tokens and locks in Redis or Valkey, shared by all processes of an application.
 * @module
 */
import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeadlineError, withDeadline } from '../../shared/deadline.js';
import { readOptions } from '../../shared/options.js';
import {
  type RedisClient,
  type RedisCommands,
  type RedisOptions,
  redisCommands,
  redisOptions,
} from '../../shared/redis-client.js';
import { withoutSecrets } from './failures.js';
import type { TokenLock } from './lock.js';
import type { TokenSet, TokenStore } from './token-store.js';

const STORE_OPTIONS = redisOptions('private-key-jwt:tokens:', 1);

/** Arguments: expected, new value (empty for none), lifetime in seconds. */
const REPLACE = `
local current = redis.call('GET', KEYS[1])
if ARGV[1] == '' then
  if current then return 0 end
elseif current ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1`;

const textOf = (tokens: TokenSet | undefined): string =>
  tokens === undefined ? '' : JSON.stringify(tokens);

/** ioredis adds the command, and so the tokens, to its errors: the members are not copied. */
function inTime<Answer>(command: Promise<Answer>, seconds: number): Promise<Answer> {
  const answer = command.catch((error: unknown) => {
    throw withoutSecrets(error) ?? new Error('Redis failed without an error.');
  });
  return withDeadline(answer, seconds, 'Redis');
}

/**
 * Keeps tokens in Redis or Valkey, with one command for each call: `GET`, or `EVAL` of a script
 * that compares and sets. An entry expires when its tokens are no longer useful. Tokens are stored
 * as plain JSON: protect Redis like your sessions.
 * @example
 * ```ts
 * import { UserTokenManager } from 'passport-private-key-jwt/client';
 * import { createClient } from 'redis';
 *
 * const redis = createClient({ url: 'redis://127.0.0.1:6379' });
 * redis.on('error', (error) => console.error(error));
 * await redis.connect();
 * new UserTokenManager({ config, store: new RedisTokenStore(redis), lock: new RedisLock(redis) });
 * ```
 */
export class RedisTokenStore implements TokenStore {
  readonly #commands: RedisCommands;
  readonly #prefix: string;
  readonly #timeout: number;

  /**
   * @param client of node-redis or ioredis: connect it, and listen to its `error` event
   * @param options `prefix`, default `private-key-jwt:tokens:`; `timeout` in seconds, default 1
   * @throws {TypeError} if the client or an option is wrong
   */
  constructor(client: RedisClient, options: RedisOptions = {}) {
    const { prefix, timeout } = readOptions('RedisTokenStore', options, STORE_OPTIONS);
    this.#commands = redisCommands(client);
    this.#prefix = prefix;
    this.#timeout = timeout;
  }

  async get(key: string): Promise<TokenSet | undefined> {
    const entry = await inTime(this.#commands.get(this.#prefix + key), this.#timeout);
    if (entry === null || entry === undefined) return undefined;
    try {
      return JSON.parse(String(entry));
    } catch {
      // The parser's message quotes the entry.
      throw new TypeError(`The entry ${this.#prefix}… in Redis is not JSON: delete it`);
    }
  }

  async replace(
    key: string,
    expected: TokenSet | undefined,
    tokens: TokenSet | undefined,
    lifetime: number,
  ): Promise<boolean> {
    const answer = await inTime(
      this.#commands.evaluate(
        REPLACE,
        this.#prefix + key,
        textOf(expected),
        textOf(tokens),
        String(Math.max(1, Math.ceil(lifetime))),
      ),
      this.#timeout,
    );
    return Number(answer) === 1;
  }
}

const LOCK_OPTIONS = redisOptions('private-key-jwt:lock:', 45);

/** In milliseconds. Extended while it is held; if the process dies, the lock expires. */
const LIFETIME = 10_000;

/** In milliseconds. */
const MAX_HOLD = 120_000;

/** In seconds. */
const COMMAND_TIMEOUT = 1;

const EXTEND = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;

const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/**
 * A lock in Redis or Valkey: `SET key owner NX PX`, extended while it is held, and released only by
 * its owner. If a process dies, its locks are free after 10 seconds.
 */
export class RedisLock implements TokenLock {
  readonly #commands: RedisCommands;
  readonly #prefix: string;
  readonly #timeout: number;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /**
   * @param client of node-redis or ioredis: connect it, and listen to its `error` event
   * @param options `prefix`, default `private-key-jwt:lock:`; `timeout` in seconds to wait for a
   *   lock, default 45, which is longer than a refresh takes
   * @throws {TypeError} if the client or an option is wrong
   */
  constructor(client: RedisClient, options: RedisOptions = {}) {
    const { prefix, timeout } = readOptions('RedisLock', options, LOCK_OPTIONS);
    this.#commands = redisCommands(client);
    this.#prefix = prefix;
    this.#timeout = timeout;
  }

  async acquire(key: string): Promise<string> {
    const owner = randomUUID();
    const until = performance.now() + this.#timeout * 1000;
    while (!(await this.#take(this.#prefix + key, owner))) {
      if (performance.now() > until) {
        throw new DeadlineError(`The lock was not free within ${this.#timeout} s.`);
      }
      await sleep(randomInt(10, 50));
    }
    const heldSince = performance.now();
    const timer = setInterval(() => {
      if (performance.now() - heldSince > MAX_HOLD) this.#stop(owner);
      // If Redis is unreachable now, the next extension may still be in time.
      else this.#owned(EXTEND, this.#prefix + key, owner).catch(() => undefined);
    }, LIFETIME / 3);
    this.#timers.set(owner, timer.unref());
    return owner;
  }

  async release(key: string, owner: string): Promise<void> {
    this.#stop(owner);
    await this.#owned(RELEASE, this.#prefix + key, owner);
  }

  #stop(owner: string): void {
    clearInterval(this.#timers.get(owner));
    this.#timers.delete(owner);
  }

  async #take(key: string, owner: string): Promise<boolean> {
    const set = this.#commands.setIfAbsent(key, owner, LIFETIME);
    const answer = await inTime(set, COMMAND_TIMEOUT);
    if (answer !== null) return true;
    // If the client repeated the command after a lost connection, it finds its own lock.
    const current = await inTime(this.#commands.get(key), COMMAND_TIMEOUT);
    return String(current) === owner;
  }

  #owned(script: string, key: string, owner: string): Promise<unknown> {
    const answer = this.#commands.evaluate(script, key, owner, String(LIFETIME));
    return inTime(answer, COMMAND_TIMEOUT);
  }
}
