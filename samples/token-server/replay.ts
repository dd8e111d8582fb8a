import { MemoryReplayStore, type ReplayStore } from 'passport-private-key-jwt';
import { type Settings, SettingsError } from './settings.js';

/** What remembers used assertions, and how to let go of it. */
export interface OpenReplayStore {
  readonly store: ReplayStore;
  close(): Promise<void>;
}

/** Opens the replay store of the settings: this process's memory. */
export async function openReplayStore({ redisUrl }: Settings): Promise<OpenReplayStore> {
  if (redisUrl !== undefined) throw new SettingsError('REDIS_URL is not supported.');
  return { store: new MemoryReplayStore(), close: async () => {} };
}
