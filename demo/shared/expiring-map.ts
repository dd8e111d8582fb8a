import { randomBytes } from 'node:crypto';
import { OAuthError } from 'passport-private-key-jwt';

interface Entry<Value> {
  readonly value: Value;
  readonly owner: string;
  /** In milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** How many entries a map holds at most. */
const MAX_ENTRIES = 100_000;

/** How many of them one owner has at most: the others keep room, whatever one client does. */
const MAX_SHARE = 20_000;

/**
 * A table in the memory of this process: its entries live for a set time, and nothing is forgotten
 * before its time. Both the table and each owner's share of it are bounded.
 */
export class ExpiringMap<Value> {
  // All entries live equally long, so the order of insertion is the order in which they expire.
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #shares = new Map<string, number>();
  readonly #lifetime: number;
  readonly #maxShare: number;

  /** @param lifetime of each entry, in seconds */
  constructor(lifetime: number, maxShare = MAX_SHARE) {
    this.#lifetime = lifetime;
    this.#maxShare = maxShare;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.expiresAt <= Date.now() ? undefined : entry.value;
  }

  /**
   * Sets an entry, which starts its life again.
   *
   * @param owner whose share the entry counts in, such as the client
   * @throws {OAuthError} `temporarily_unavailable` if the table or the owner's share is full
   */
  set(key: string, value: Value, owner: string): void {
    this.#dropExpired();
    const isNew = !this.#entries.has(key);
    const share = this.#shares.get(owner) ?? 0;
    if (isNew && (this.#entries.size >= MAX_ENTRIES || share >= this.#maxShare)) {
      throw new OAuthError('temporarily_unavailable', 'The server is too busy.', 503);
    }
    this.delete(key);
    this.#shares.set(owner, (this.#shares.get(owner) ?? 0) + 1);
    this.#entries.set(key, { value, owner, expiresAt: Date.now() + this.#lifetime * 1000 });
  }

  /**
   * Sets an entry under a key that cannot be guessed.
   *
   * @returns the key
   * @throws {OAuthError} as `set` does
   */
  add(value: Value, owner: string): string {
    const key = randomBytes(32).toString('base64url');
    this.set(key, value, owner);
    return key;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const share = (this.#shares.get(entry.owner) ?? 1) - 1;
    if (share === 0) this.#shares.delete(entry.owner);
    else this.#shares.set(entry.owner, share);
  }

  /** Gets an entry and removes it, so that only one caller ever has it. */
  take(key: string): Value | undefined {
    const value = this.get(key);
    this.delete(key);
    return value;
  }

  #dropExpired(): void {
    const now = Date.now();
    for (const [key, { expiresAt }] of this.#entries) {
      if (expiresAt > now) return;
      this.delete(key);
    }
  }
}
