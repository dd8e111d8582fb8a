import { MemoryReplayStore, type ReplayStore } from 'passport-private-key-jwt';
import type { Log } from './log.js';
import { type Settings, SettingsError } from './settings.js';

/** How long Redis may take to answer at the start, in milliseconds. */
const CONNECT_TIMEOUT = 5000;

/** What remembers used assertions, and how to let go of it. */
export interface OpenReplayStore {
  readonly store: ReplayStore;
  close(): Promise<void>;
}

async function openRedis(url: string, log: Log): Promise<OpenReplayStore> {
  const { createClient } = await import('redis');
  const { RedisReplayStore } = await import('passport-private-key-jwt/redis');
  let connected = false;
  const client = createClient({
    url,
    socket: {
      connectTimeout: CONNECT_TIMEOUT,
      // Gives up at the start alone; later it comes back by itself.
      reconnectStrategy: (retries) => connected && Math.min(50 * 2 ** retries, 2000),
    },
  });
  client.on('error', (error: Error) => {
    if (connected) log('redis', { message: error.message });
  });
  try {
    await client.connect();
  } catch (error) {
    throw new SettingsError(`REDIS_URL: Redis does not answer (${(error as Error).message}).`);
  }
  connected = true;
  return { store: new RedisReplayStore(client), close: async () => client.destroy() };
}

/** Opens the replay store of the settings: Redis, or else the memory of this process. */
export async function openReplayStore({ redisUrl }: Settings, log: Log): Promise<OpenReplayStore> {
  if (redisUrl !== undefined) return openRedis(redisUrl, log);
  return { store: new MemoryReplayStore(), close: async () => {} };
}
