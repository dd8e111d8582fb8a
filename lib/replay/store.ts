import { helpFor } from '../shared/errors.js';

/** One use of an assertion, as a store has to remember it. */
export interface ReplayEntry {
  /**
   * What makes the use unique: a hash of the server's issuer, the client's id, the assertion's `jti`
   * and, for the token of a platform, its issuer; 43 base64url characters. No other member is needed to
   * tell entries apart.
   */
  readonly key: string;
  /** The issuer that the assertion was sent to, without a final slash. */
  readonly issuer: string;
  /** Whose assertion it is. A store that limits clients counts by issuer and client. */
  readonly clientId: string;
  /** When the entry may be forgotten, in seconds since the epoch. It may have a fraction. */
  readonly expiresAt: number;
}

/**
 * Remembers which assertions were used (RFC 7523 §3, item 7).
 *
 * One method, so that it can be atomic: a store that first asks and then adds lets two copies pass
 * that arrive in the same instant. `replayStoreConformance` of
 * `passport-private-key-jwt/replay-conformance` tests a store of your own.
 */
export interface ReplayStore {
  /**
   * Inserts the entry if its key is absent.
   *
   * @returns true if the key was absent, false if the store already has it
   * @throws {ReplayStoreFullError} if there is no room for the entry
   * @throws any other error if the store cannot tell. After any error the assertion is refused with
   *   503 `temporarily_unavailable`
   */
  insert(entry: ReplayEntry): boolean | Promise<boolean>;
}

/**
 * A replay store has no room for an entry: nothing may be forgotten before its time, so the
 * assertion is refused with 503 `temporarily_unavailable`.
 */
export class ReplayStoreFullError extends Error {
  override readonly name = 'ReplayStoreFullError';
  readonly code: 'replay_store_full' | 'replay_client_share_full';
  /** The page of this package that has the cure. */
  readonly help: string;

  /**
   * @param code the reason that the operator gets: `replay_store_full`, or
   * `replay_client_share_full` where only this client has used up its share
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
