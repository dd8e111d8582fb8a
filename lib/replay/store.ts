/** One use of an assertion, as a store has to remember it. */
export interface ReplayEntry {
  /** A hash of the client's id and the assertion's `jti`: 43 base64url characters. */
  readonly key: string;
  /** Whose assertion it is, for stores that hold each client to its share. */
  readonly clientId: string;
  /** When the entry may be forgotten, in seconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Remembers which assertions were used (RFC 7523 §3, item 7).
 *
 * One method, so that it can be atomic: a store that first asks and then adds lets two copies pass
 * that arrive in the same instant.
 */
export interface ReplayStore {
  /**
   * Inserts the entry if its key is absent.
   *
   * @returns true if the key was absent, false if the store already has it
   * @throws whatever goes wrong; the assertion is then refused with 503 `temporarily_unavailable`
   */
  insert(entry: ReplayEntry): boolean | Promise<boolean>;
}
