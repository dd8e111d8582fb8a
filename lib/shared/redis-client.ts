import { type OptionTable, seconds, text } from './options.js';

/** node-redis 4.7 or later, also pools, Sentinel and clusters; or ioredis 5.3 or later. */
export interface RedisClient {
  /** The command `GET`. */
  get(key: string): Promise<unknown>;
  /** Each package has its own form for the options of `SET`. */
  set(key: string, value: string, options?: never): Promise<unknown>;
}

/** Options of each store in Redis. Times are in seconds. */
export interface RedisOptions {
  /** The prefix of the keys. */
  readonly prefix?: string | undefined;
  /** How long Redis may take, or how long to wait for a lock; at most a minute. */
  readonly timeout?: number | undefined;
}

export const redisOptions = (prefix: string, timeout: number) =>
  ({
    prefix: text(prefix),
    timeout: seconds(timeout, 0.001, 60),
  }) satisfies OptionTable<RedisOptions>;

export interface RedisNode {
  info(): Promise<unknown>;
}

export interface RedisCommands {
  /** `SET key value PX milliseconds NX` */
  setIfAbsent(key: string, value: string, milliseconds: number): Promise<unknown>;
  get(key: string): Promise<unknown>;
  evaluate(script: string, key: string, ...words: string[]): Promise<unknown>;
  nodes(): Promise<readonly RedisNode[]>;
}

interface NodeRedis extends RedisNode {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, options: object): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  readonly masters?: readonly unknown[];
  nodeClient?(node: unknown): Promise<RedisNode>;
}

interface IoRedis extends RedisNode {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, ...words: (string | number)[]): Promise<unknown>;
  eval(script: string, keys: number, ...words: string[]): Promise<unknown>;
  nodes?(role: 'master'): RedisNode[];
}

const nodeRedisCommands = (client: NodeRedis): RedisCommands => ({
  setIfAbsent: (key, value, milliseconds) =>
    client.set(key, value, {
      condition: 'NX',
      expiration: { type: 'PX', value: milliseconds },
      // Version 4 knows only this spelling; it would ignore any other and always set the key.
      NX: true,
      PX: milliseconds,
    }),
  get: (key) => client.get(key),
  evaluate: (script, key, ...words) => client.eval(script, { keys: [key], arguments: words }),
  nodes: async () =>
    client.nodeClient === undefined
      ? [client]
      : Promise.all((client.masters ?? []).map(async (node) => client.nodeClient?.(node) as never)),
});

const ioRedisCommands = (client: IoRedis): RedisCommands => ({
  setIfAbsent: (key, value, milliseconds) => client.set(key, value, 'PX', milliseconds, 'NX'),
  get: (key) => client.get(key),
  evaluate: (script, key, ...words) => client.eval(script, 1, key, ...words),
  nodes: async () => client.nodes?.('master') ?? [client],
});

/** An unknown client could misread the arguments and overwrite the key. */
export function redisCommands(client: RedisClient): RedisCommands {
  if (typeof client === 'object' && client !== null) {
    const has = (name: string, type: string) =>
      typeof (client as unknown as Record<string, unknown>)[name] === type;
    const isClient = has('set', 'function') && has('get', 'function');
    const isNodeRedis = isClient && has('isOpen', 'boolean');
    const isIoRedis = isClient && has('status', 'string') && has('call', 'function');
    if (isNodeRedis && !isIoRedis) return nodeRedisCommands(client as unknown as NodeRedis);
    if (isIoRedis && !isNodeRedis) return ioRedisCommands(client as unknown as IoRedis);
  }
  throw new TypeError(
    'client must be a client of node-redis (createClient, createCluster, createSentinel) or of ioredis (Redis, Cluster)',
  );
}
