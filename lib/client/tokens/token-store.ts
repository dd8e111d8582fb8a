import { assertKnownOptions, type OptionNames } from '../../shared/option-checks.js';
import type { TokenSet } from './token-set.js';

/**
 * Keeps tokens, so that several processes share them and a restart does not lose them. The tokens
 * are secrets: keep them where sessions are kept.
 */
export interface TokenStore {
  /**
   * The tokens under a key.
   *
   * @returns the tokens as they were set; undefined or null where there are none
   */
  get(key: string): TokenSet | null | undefined | Promise<TokenSet | null | undefined>;
  /**
   * Keeps tokens under a key, in place of those that were there.
   *
   * @param lifetime in whole seconds, after which the entry may be forgotten
   * @returns anything, or a promise, which is awaited
   */
  set(key: string, tokens: TokenSet, lifetime: number): unknown;
  /**
   * Forgets the tokens under a key, if there are any.
   *
   * @returns anything, or a promise, which is awaited
   */
  delete(key: string): unknown;
}

/** Options of the memory store. */
export interface MemoryTokenStoreOptions {
  /** How many entries are kept; the oldest give way. Default 10,000. */
  readonly maxEntries?: number | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

const OPTIONS: OptionNames<MemoryTokenStoreOptions> = { maxEntries: true, clock: true };

/** Keeps tokens in the memory of this process. It has no timer. */
export class MemoryTokenStore implements TokenStore {
  readonly #entries = new Map<string, { readonly tokens: TokenSet; readonly until: number }>();
  readonly #maxEntries: number;
  readonly #clock: () => number;

  /**
   * @param options how many entries, and the clock
   * @throws {TypeError} where an option is wrong
   */
  constructor(options: MemoryTokenStoreOptions = {}) {
    assertKnownOptions('MemoryTokenStore', options, OPTIONS);
    const { maxEntries = 10_000, clock = Date.now } = options;
    if (!Number.isInteger(maxEntries) || maxEntries < 1) {
      throw new TypeError('maxEntries must be a whole number of at least 1');
    }
    this.#maxEntries = maxEntries;
    this.#clock = clock;
  }

  get(key: string): TokenSet | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#clock() < entry.until) return entry?.tokens;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, tokens: TokenSet, lifetime: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { tokens, until: this.#clock() + lifetime * 1000 });
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
