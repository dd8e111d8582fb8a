import { randomBytes } from 'node:crypto';
import type { RedisNode } from '../shared/redis-client.js';
import type { ReplayStore } from './store.js';

/** Something about a Redis server that lets it forget an assertion too early. */
export interface RedisWarning {
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
export async function checkRedis(
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
