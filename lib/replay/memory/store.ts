import { assertKnownOptions, type OptionNames } from '../../shared/option-checks.js';
import type { ReplayEntry, ReplayStore } from '../store.js';
import { ClientShares } from './client-shares.js';
import { warnInClusterWorker } from './cluster-warning.js';
import { FINGERPRINT_WORDS, readFingerprint } from './fingerprint.js';
import { FingerprintTable } from './fingerprint-table.js';

/** Entries are forgotten in groups of this many seconds, each after its time. */
const TICK_SECONDS = 4;

/** Ticks are kept in 32 bits, which last until the year 2514. */
const LAST_TICK = 2 ** 32 - 1;

/** Options of the memory store. */
export interface MemoryReplayStoreOptions {
  /**
   * How many entries are held at most; more are refused. A client may hold as many as are free, so
   * one alone gets half of them. An entry takes 60 bytes or so. Default 1,000,000.
   */
  readonly maxEntries?: number | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

const OPTIONS: OptionNames<MemoryReplayStoreOptions> = {
  maxEntries: true,
  clock: true,
};

/**
 * Remembers used assertions in the memory of this process: right for one process, too little for
 * several, and empty after a restart. It has no timer: what has expired goes as entries come.
 *
 * @example
 * ```ts
 * const replay = new MemoryReplayStore({ maxEntries: 5_000_000 });
 * new PrivateKeyJwtStrategy({ issuer: 'https://as.example', replay }, findClient);
 * ```
 */
export class MemoryReplayStore implements ReplayStore {
  private readonly clock: () => number;
  private readonly shares: ClientShares;
  private readonly table = new FingerprintTable();
  private readonly fingerprint = new Uint32Array(FINGERPRINT_WORDS);

  /** @throws {TypeError} where an option is wrong */
  constructor(options: MemoryReplayStoreOptions = {}) {
    assertKnownOptions('MemoryReplayStore', options, OPTIONS);
    const { maxEntries = 1_000_000, clock = Date.now } = options;
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      throw new TypeError('maxEntries must be a whole number of at least 1');
    }
    if (typeof clock !== 'function') throw new TypeError('clock must be a function');
    this.clock = clock;
    this.shares = new ClientShares(maxEntries);
    warnInClusterWorker();
  }

  /** How many entries are held. */
  get size(): number {
    this.shares.release(this.now());
    return this.shares.size;
  }

  /**
   * Inserts the entry if its key is absent.
   *
   * @param entry of whose key 120 bits are kept
   * @returns true if the key was absent, false if the store already has it
   * @throws {ReplayStoreFullError} where the store is full, or the client's share of it
   * @throws {RangeError} where the store could not tell the entry again: it has expired; or the clock
   *   has gone back, and others that expire when it does have been forgotten
   */
  insert({ key, clientId, expiresAt }: ReplayEntry): boolean {
    const now = this.now();
    const expires = Math.ceil(expiresAt / TICK_SECONDS);
    if (!(expires > now)) {
      throw new RangeError(
        `The entry has expired at ${expiresAt}: is the clock of the store that of the validator?`,
      );
    }
    if (expires <= this.table.forgotten) {
      throw new RangeError(
        `The clock has gone back: entries that expire at ${expiresAt} have been forgotten.`,
      );
    }
    if (expires > LAST_TICK) throw new RangeError(`${expiresAt} is too far ahead.`);
    readFingerprint(key, this.fingerprint);
    return this.table.add(this.fingerprint, expires, now, () => {
      this.shares.release(now);
      this.shares.add(clientId, expires);
    });
  }

  private now(): number {
    return Math.floor(this.clock() / 1000 / TICK_SECONDS);
  }
}
