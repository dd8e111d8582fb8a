import type { Algorithm } from '../../shared/algorithms.js';
import type { OptionNames } from '../../shared/option-checks.js';
import type { KeyDemands } from './key-demands.js';
import type { SigningKeyInput } from './signing-key.js';

/**
 * Has the keys of a `KeyRing`.
 *
 * @param demands what the ring demands of its keys, for a source that makes them by
 *   `SigningKey.from`; keys in another form are made so by the ring
 */
export type KeySource = (
  demands: KeyDemands,
) => readonly SigningKeyInput[] | Promise<readonly SigningKeyInput[]>;

/** Options of a `KeyRing`. Times are in seconds. */
export interface KeyRingOptions {
  /**
   * The keys: the first signs, the others are published only. A function is asked again and again,
   * so that keys change without a restart; `keyFiles` makes one that reads files.
   */
  readonly keys: readonly SigningKeyInput[] | KeySource;
  /** What the server takes as `alg`, as for an `AssertionService`. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /**
   * How old the keys may be before the function is asked again, when they are used. Default 60, at
   * most an hour.
   */
  readonly reloadEvery?: number | undefined;
  /**
   * For how long a new key is published before it signs: longer than the servers keep a JWK Set.
   * The keys of the first load are not held back, since none is there to sign instead. Default 600,
   * at most a day.
   */
  readonly publishBefore?: number | undefined;
  /**
   * For how long a key is published after it has left the source. It is published in any case until
   * the last JWT that it signed here has expired; this is for those that other processes sign, which
   * learn of the change later. Default 600, at most a day.
   */
  readonly publishAfter?: number | undefined;
  /**
   * Told where the keys could not be loaded anew; the ring goes on with those that it has. What it
   * throws, or rejects with, is ignored. Default: a warning of the process with the name of the
   * error, its `code` and its `path`; without its message, which is the source's own.
   */
  readonly onReloadError?: ((error: unknown) => void) | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

/** The names of `KeyRingOptions`. */
export const KEY_RING_OPTIONS: OptionNames<KeyRingOptions> = {
  keys: true,
  algorithms: true,
  reloadEvery: true,
  publishBefore: true,
  publishAfter: true,
  onReloadError: true,
  clock: true,
};

/** What is done where no `onReloadError` is given. */
export function warnOfReload(error: unknown): void {
  const { name, code, path } = error as { name?: unknown; code?: unknown; path?: unknown };
  const what = [name, code, path].filter(Boolean).join(' ');
  process.emitWarning(
    `The keys of a KeyRing could not be loaded anew (${what}): it goes on with those that it has. Its onReloadError learns why.`,
  );
}
