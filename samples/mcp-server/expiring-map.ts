import { randomBytes } from 'node:crypto';
import { OAuthError } from 'passport-private-key-jwt';

interface Entry<Value> {
  readonly value: Value;
  readonly size: number;
  /** In milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** How much a map holds, in whatever its entries are measured in. */
export interface Capacity<Value> {
  readonly maxSize: number;
  sizeOf(value: Value): number;
}

/** 100,000 entries, of any size. */
const MANY: Capacity<unknown> = { maxSize: 100_000, sizeOf: () => 1 };

/** In the memory of this process: what lives for a set time and is bounded in size. */
export class ExpiringMap<Value> {
  // All entries live equally long, so the order of insertion is the order in which they expire.
  private readonly entries = new Map<string, Entry<Value>>();
  private readonly lifetime: number;
  private readonly capacity: Capacity<Value>;
  private size = 0;

  /** @param lifetime of each entry, in seconds */
  constructor(lifetime: number, capacity: Capacity<Value> = MANY) {
    this.lifetime = lifetime;
    this.capacity = capacity;
  }

  get(key: string): Value | undefined {
    const entry = this.entries.get(key);
    return entry === undefined || entry.expiresAt <= Date.now() ? undefined : entry.value;
  }

  /**
   * Sets an entry, which starts its life again.
   *
   * @throws {OAuthError} `temporarily_unavailable` where the map is full: nothing is forgotten
   *   before its time
   */
  set(key: string, value: Value): void {
    this.dropExpired();
    const size = this.capacity.sizeOf(value);
    const others = this.size - (this.entries.get(key)?.size ?? 0);
    if (others + size > this.capacity.maxSize) {
      throw new OAuthError('temporarily_unavailable', 'The server is too busy.', 503);
    }
    this.delete(key);
    this.size += size;
    this.entries.set(key, { value, size, expiresAt: Date.now() + this.lifetime * 1000 });
  }

  /**
   * Sets an entry under a key that nobody can guess.
   *
   * @returns the key
   * @throws {OAuthError} as `set` does
   */
  add(value: Value): string {
    const key = randomBytes(32).toString('base64url');
    this.set(key, value);
    return key;
  }

  delete(key: string): void {
    this.size -= this.entries.get(key)?.size ?? 0;
    this.entries.delete(key);
  }

  /** Gets an entry and removes it, so that only one caller ever has it. */
  take(key: string): Value | undefined {
    const value = this.get(key);
    this.delete(key);
    return value;
  }

  private dropExpired(): void {
    const now = Date.now();
    for (const [key, { expiresAt }] of this.entries) {
      if (expiresAt > now) return;
      this.delete(key);
    }
  }
}
