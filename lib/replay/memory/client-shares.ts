import { ReplayStoreFullError } from '../store.js';
import { seededHash } from './seeded-hash.js';

/** Clients are counted under this many numbers: two share one with a probability of 1 in 65,536. */
const CLIENT_NUMBERS = 65_536;

/** How many counts are taken back at most at one call. */
const RELEASES = 100_000;

/**
 * Counts who holds how many entries, so that nobody can fill the store for the others: a client may
 * hold as many entries as are free. One client alone thus gets half, two get a third each, and what
 * is left for a new one never reaches zero while fewer clients than free entries compete.
 *
 * Its memory does not grow with the number of clients.
 */
export class ClientShares {
  private readonly maxEntries: number;
  private readonly clientHash = seededHash();
  private readonly held = new Uint32Array(CLIENT_NUMBERS);
  /** By the tick at which they expire: how many entries each client number has. */
  private readonly expiring = new Map<number, Map<number, number>>();
  private total = 0;
  private releasedUntil = 0;

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries;
  }

  /** How many entries there are. */
  get size(): number {
    return this.total;
  }

  /**
   * Counts an entry for a client of an issuer.
   *
   * @param expires the tick at which it no longer counts
   * @throws {ReplayStoreFullError} if there is no room for it
   */
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

  /** Stops counting what has expired. After a long pause it takes several calls, each short. */
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
