import { randomBytes } from 'node:crypto';
import { OAuthError } from 'passport-private-key-jwt';

interface Entry<Value> {
  readonly value: Value;
  /** In milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** In the memory of this process: what lives for a set time and is bounded in number. */
export class ExpiringMap<Value> {
  // All entries live equally long, so the order of insertion is the order in which they expire.
  private readonly entries = new Map<string, Entry<Value>>();
  private readonly lifetime: number;
  private readonly maxEntries: number;

  /** @param lifetime of each entry, in seconds */
  constructor(lifetime: number, maxEntries = 100_000) {
    this.lifetime = lifetime;
    this.maxEntries = maxEntries;
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
    this.entries.delete(key);
    this.dropExpired();
    if (this.entries.size >= this.maxEntries) {
      throw new OAuthError('temporarily_unavailable', 'The server is too busy.', 503);
    }
    this.entries.set(key, { value, expiresAt: Date.now() + this.lifetime * 1000 });
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
    this.entries.delete(key);
  }

  /** Gets an entry and removes it, so that only one caller ever has it. */
  take(key: string): Value | undefined {
    const value = this.get(key);
    this.entries.delete(key);
    return value;
  }

  private dropExpired(): void {
    const now = Date.now();
    for (const [key, { expiresAt }] of this.entries) {
      if (expiresAt > now) return;
      this.entries.delete(key);
    }
  }
}
