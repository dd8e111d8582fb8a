import { helpFor } from '../shared/errors.js';

/** One use of an assertion, as a store remembers it. */
export interface ReplayEntry {
  /**
   * A hash of the server's issuer, the client's id, the assertion's `jti` and, for a platform's
   * token, the platform's issuer; 43 base64url characters. The key alone identifies an entry.
   */
  readonly key: string;
  /** The issuer that received the assertion, without a final slash. */
  readonly issuer: string;
  /** The client of the assertion. A store with limits counts by issuer and client. */
  readonly clientId: string;
  /** When the entry may be forgotten, in seconds since the epoch, possibly with a fraction. */
  readonly expiresAt: number;
}

/**
 * Remembers used assertions (RFC 7523 §3, item 7). A single method, so that it can be atomic: if a
 * store checks first and adds later, two simultaneous copies both pass. Test your own store with
 * `replayStoreConformance` of `passport-private-key-jwt/replay-conformance`.
 */
export interface ReplayStore {
  /**
   * Inserts the entry; false if its key is present.
   * @throws {ReplayStoreFullError} if there is no room for the entry
   * @throws any other error if the store cannot tell. After any error the assertion is refused with
   *   503 `temporarily_unavailable`
   */
  insert(entry: ReplayEntry): boolean | Promise<boolean>;
}

/** No room for an entry. None may be forgotten early, so the assertion is refused with 503. */
export class ReplayStoreFullError extends Error {
  override readonly name = 'ReplayStoreFullError';
  readonly code: 'replay_store_full' | 'replay_client_share_full';
  /** The page of this package's guides about this error. */
  readonly help: string;

  /**
   * @param code `replay_store_full`, or `replay_client_share_full` if only this client has no room
   */
  constructor(
    code: 'replay_store_full' | 'replay_client_share_full',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.help = helpFor(code);
  }
}
