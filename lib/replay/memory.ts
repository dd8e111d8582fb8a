import type { ReplayEntry, ReplayStore } from './store.js';

/** Entries are forgotten in groups of this many seconds. */
const BUCKET_SECONDS = 16;

/** Options of the memory store. */
export interface MemoryReplayStoreOptions {
  /** How many assertions are remembered at most; more are refused. Default 1,000,000. */
  readonly maxEntries?: number | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

/**
 * Remembers used assertions in the memory of this process: right for one process, too little for
 * several. It has no timer; what has expired goes when something is inserted.
 */
export class MemoryReplayStore implements ReplayStore {
  private readonly keys = new Set<string>();
  private readonly buckets = new Map<number, string[]>();
  private readonly maxEntries: number;
  private readonly clock: () => number;

  constructor(options: MemoryReplayStoreOptions = {}) {
    const { maxEntries = 1_000_000, clock = Date.now } = options;
    if (!Number.isInteger(maxEntries) || maxEntries < 1) {
      throw new TypeError('maxEntries must be a whole number of at least 1');
    }
    this.maxEntries = maxEntries;
    this.clock = clock;
  }

  /** How many entries are held. */
  get size(): number {
    return this.keys.size;
  }

  /** @throws {Error} where the store is full: nothing may be forgotten before its time */
  insert({ key, expiresAt }: ReplayEntry): boolean {
    this.dropExpired();
    if (this.keys.has(key)) return false;
    if (this.keys.size >= this.maxEntries) {
      throw new Error(`The replay store is full: it holds maxEntries (${this.maxEntries}).`);
    }
    this.keys.add(key);
    const number = Math.ceil(expiresAt / BUCKET_SECONDS);
    const bucket = this.buckets.get(number);
    if (bucket === undefined) this.buckets.set(number, [key]);
    else bucket.push(key);
    return true;
  }

  private dropExpired(): void {
    const current = this.clock() / 1000 / BUCKET_SECONDS;
    for (const [number, keys] of this.buckets) {
      if (number > current) continue;
      for (const key of keys) this.keys.delete(key);
      this.buckets.delete(number);
    }
  }
}
