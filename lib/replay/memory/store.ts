import cluster from 'node:cluster';
import { type OptionTable, readOptions, wholeNumber } from '../../shared/options.js';
import { type ReplayEntry, type ReplayStore, ReplayStoreFullError } from '../store.js';
import { FINGERPRINT_WORDS, FingerprintTable, readFingerprint } from './fingerprint-table.js';
import { seededHash } from './seeded-hash.js';

/** Two clients share a number with a probability of 1 in 65,536. */
const CLIENT_NUMBERS = 65_536;

/** More in one call would pause the process. */
const RELEASES = 20_000;

/** A client may hold as many entries as are free: one alone gets half, two a third each. */
class ClientShares {
  private readonly maxEntries: number;
  private readonly clientHash = seededHash();
  private readonly held = new Uint32Array(CLIENT_NUMBERS);
  /** For each expiry tick, the number of entries of each client number. */
  private readonly expiring = new Map<number, Map<number, number>>();
  private total = 0;
  private releasedUntil = 0;

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries;
  }

  get size(): number {
    return this.total;
  }

  add(issuer: string, clientId: string, expires: number): void {
    const free = this.maxEntries - this.total;
    if (free <= 0) {
      throw new ReplayStoreFullError(
        'replay_store_full',
        `The replay store is full: it holds maxEntries (${this.maxEntries}).`,
      );
    }
    const account = `${issuer.length}:${issuer}${clientId}`;
    const client = this.clientHash.text(account) % CLIENT_NUMBERS;
    const held = this.held[client] as number;
    if (held >= free) {
      throw new ReplayStoreFullError(
        'replay_client_share_full',
        `The client holds ${held} entries of the replay store, and ${free} are free.`,
      );
    }
    this.held[client] = held + 1;
    this.total += 1;
    const counts = this.expiring.get(expires);
    if (counts === undefined) this.expiring.set(expires, new Map([[client, 1]]));
    else counts.set(client, (counts.get(client) ?? 0) + 1);
  }

  /** After a long pause this takes several short calls. */
  release(now: number): void {
    if (now === this.releasedUntil) return;
    let releases = 0;
    for (const [expires, counts] of this.expiring) {
      if (expires > now) continue;
      if (releases > RELEASES) return;
      releases += counts.size;
      for (const [client, entries] of counts) {
        this.held[client] = (this.held[client] as number) - entries;
        this.total -= entries;
      }
      this.expiring.delete(expires);
    }
    this.releasedUntil = now;
  }
}

/** Entries expire in groups of this many seconds, each group after its time. */
const TICK_SECONDS = 4;

/** Ticks are stored in 32 bits, which last until the year 2514. */
const LAST_TICK = 2 ** 32 - 1;

const OPTIONS = { maxEntries: wholeNumber(1_000_000, 1) } satisfies OptionTable<{
  readonly maxEntries?: number | undefined;
}>;

const currentTick = (): number => Math.floor(Date.now() / 1000 / TICK_SECONDS);

let warned = false;

/** Each worker of `node:cluster` has its own memory. */
function warnInClusterWorker(): void {
  if (warned || !cluster.isWorker) return;
  warned = true;
  process.emitWarning(
    'A MemoryReplayStore knows only the assertions that this worker has seen: each worker of the cluster accepts the same assertion once. Use a store that all of them share, such as RedisReplayStore of passport-private-key-jwt/redis.',
    { type: 'PrivateKeyJwtWarning', code: 'replay_memory_in_cluster' },
  );
}

/**
 * Remembers used assertions in the memory of this process: sufficient for a single process, not for
 * several, and empty after a restart.
 * @example
 * ```ts
 * const replay = new MemoryReplayStore({ maxEntries: 5_000_000 });
 * new PrivateKeyJwtStrategy({ issuer: 'https://as.example', replay }, findClient);
 * ```
 */
export class MemoryReplayStore implements ReplayStore {
  readonly #shares: ClientShares;
  readonly #table = new FingerprintTable();
  readonly #fingerprint = new Uint32Array(FINGERPRINT_WORDS);

  /**
   * @param options `maxEntries`: more are refused. A client may hold as many as are free, so a
   *   single one gets half. An entry takes about 60 bytes. Default 1,000,000
   * @throws {TypeError} for a wrong option
   */
  constructor(options: { readonly maxEntries?: number | undefined } = {}) {
    const { maxEntries } = readOptions('MemoryReplayStore', options, OPTIONS);
    this.#shares = new ClientShares(maxEntries);
    warnInClusterWorker();
  }

  /** The number of entries. */
  get size(): number {
    this.#shares.release(currentTick());
    return this.#shares.size;
  }

  /**
   * Inserts the entry; false if its key is present. Stores 120 bits of the key.
   * @throws {ReplayStoreFullError} if the store, or the client's share of it, is full
   * @throws {RangeError} if the entry has expired; or the clock went back, and entries with the
   *   same expiry have been forgotten
   */
  insert({ key, issuer, clientId, expiresAt }: ReplayEntry): boolean {
    const now = currentTick();
    const expires = Math.ceil(expiresAt / TICK_SECONDS);
    if (!(expires > now)) {
      throw new RangeError(
        `The entry expired at ${expiresAt}: do the clocks of the store and the validator agree?`,
      );
    }
    if (expires <= this.#table.forgotten) {
      throw new RangeError(
        `The clock has gone back: entries that expire at ${expiresAt} were already dropped.`,
      );
    }
    if (expires > LAST_TICK) throw new RangeError(`${expiresAt} is too far ahead.`);
    readFingerprint(key, this.#fingerprint);
    return this.#table.add(this.#fingerprint, expires, now, () => {
      this.#shares.release(now);
      this.#shares.add(issuer, clientId, expires);
    });
  }
}
