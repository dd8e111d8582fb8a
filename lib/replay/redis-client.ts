/** Some node of Redis that says how it is set up. */
export interface RedisNode {
  /** The command `INFO`. */
  info(): Promise<unknown>;
}

/** What is used of node-redis (`redis`): `createClient`, `createClientPool` and `createSentinel`. */
export interface NodeRedisClient extends RedisNode {
  readonly isOpen: boolean;
  /** The command `SET`. */
  set(key: string, value: string, options: NodeRedisSetOptions): Promise<unknown>;
}

/** What is used of `createCluster` of node-redis. */
export interface NodeRedisCluster extends Omit<NodeRedisClient, 'info'> {
  readonly masters: readonly unknown[];
  /** The client of a node of `masters`, whose type is the package's own. */
  nodeClient(node: never): Promise<RedisNode>;
}

/** What is used of `Redis` of ioredis, with Sentinel or without. */
export interface IoRedisClient extends RedisNode {
  readonly status: string;
  /** The command `SET`. */
  set(
    key: string,
    value: string,
    expiration: 'PX',
    milliseconds: number,
    condition: 'NX',
  ): Promise<unknown>;
}

/** What is used of `Cluster` of ioredis. */
export interface IoRedisCluster extends IoRedisClient {
  /** The nodes that hold entries. */
  nodes(role: 'master'): RedisNode[];
}

/** A client of Redis or Valkey: node-redis 4.7 or later, or ioredis 5.3 or later. */
export type RedisClient = NodeRedisClient | NodeRedisCluster | IoRedisClient | IoRedisCluster;

/** What the command `SET` is given, in the words of every version of node-redis. */
export interface NodeRedisSetOptions {
  readonly condition: 'NX';
  readonly expiration: { readonly type: 'PX'; readonly value: number };
  readonly NX: true;
  readonly PX: number;
}

/** The commands of the store, in the words of the client. */
export interface RedisCommands {
  /** `SET key value PX milliseconds NX` */
  setIfAbsent(key: string, value: string, milliseconds: number): Promise<unknown>;
  /** The nodes that hold entries. */
  nodes(): Promise<readonly RedisNode[]>;
}

const has = <Name extends string>(
  client: object,
  name: Name,
  type: string,
): client is Record<Name, unknown> => typeof (client as Record<Name, unknown>)[name] === type;

function nodeRedisCommands(client: NodeRedisClient | NodeRedisCluster): RedisCommands {
  return {
    setIfAbsent: (key, value, milliseconds) =>
      client.set(key, value, {
        condition: 'NX',
        expiration: { type: 'PX', value: milliseconds },
        // The words of version 4, which knows no others and would set the key in any case.
        NX: true,
        PX: milliseconds,
      }),
    nodes: async () =>
      'nodeClient' in client
        ? Promise.all(client.masters.map((master) => client.nodeClient(master as never)))
        : [client],
  };
}

function ioRedisCommands(client: IoRedisClient | IoRedisCluster): RedisCommands {
  return {
    setIfAbsent: (key, value, milliseconds) => client.set(key, value, 'PX', milliseconds, 'NX'),
    nodes: async () => ('nodes' in client ? client.nodes('master') : [client]),
  };
}

/**
 * Tells the clients apart. What does not look like one of them is refused: a client that takes the
 * arguments for something else could set the key whether it is there or not.
 *
 * @throws {TypeError}
 */
export function redisCommands(client: RedisClient): RedisCommands {
  if (typeof client === 'object' && client !== null && has(client, 'set', 'function')) {
    const isNodeRedis = has(client, 'isOpen', 'boolean');
    const isIoRedis = has(client, 'status', 'string') && has(client, 'call', 'function');
    if (isNodeRedis && !isIoRedis) return nodeRedisCommands(client as NodeRedisClient);
    if (isIoRedis && !isNodeRedis) return ioRedisCommands(client as IoRedisClient);
  }
  throw new TypeError(
    'client must be a client of node-redis (createClient, createCluster, createSentinel) or of ioredis (Redis, Cluster)',
  );
}
