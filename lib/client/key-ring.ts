import type { Algorithm } from '../secrets/algorithms.js';
import type { JsonWebKey } from '../secrets/secret.js';
import { seconds } from './jwt-options.js';
import type { KeyDemands } from './key-demands.js';
import { isSameKey, type RingKey, ringKey } from './ring-keys.js';
import { SigningKey, type SigningKeyInput } from './signing-key.js';

/** Servers may be this much behind, in seconds, when they check the expiry of a JWT. */
const CLOCK_TOLERANCE = 60;

/** Options of a `KeyRing`. Times are in seconds. */
export interface KeyRingOptions {
  /**
   * The keys: the first signs, the others are published only. A function is asked again and again,
   * so that keys change without a restart; `keyFiles` makes one that reads files.
   */
  readonly keys:
    | readonly SigningKeyInput[]
    | (() => readonly SigningKeyInput[] | Promise<readonly SigningKeyInput[]>);
  /** What the server takes as `alg`, as for an `AssertionService`. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /** How old the keys may be before the function is asked again, when they are used. Default 60. */
  readonly reloadEvery?: number | undefined;
  /**
   * For how long a new key is published before it signs: longer than the servers keep a JWK Set.
   * The keys of the first load are not held back, since none is there to sign instead. Default 600.
   */
  readonly publishBefore?: number | undefined;
  /**
   * For how long a key is published after it has left the source. It is published in any case until
   * the last JWT that it signed here has expired; this is for those that other processes sign, which
   * learn of the change later. Default 600.
   */
  readonly publishAfter?: number | undefined;
  /**
   * Told where the keys could not be loaded anew; the ring goes on with those that it has. What it
   * throws is ignored.
   */
  readonly onReloadError?: ((error: unknown) => void) | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

/**
 * Signing keys that follow each other: the next is published before it signs, and the last one for
 * as long as something that it signed is valid. Given as `key` to an `AssertionService`, and
 * published at the client's `jwks_uri`. It has no timer: keys are loaded anew when they are used.
 *
 * @example
 * ```ts
 * const ring = new KeyRing({ keys: keyFiles(['current.pem', 'next.pem']) });
 * const assertions = new AssertionService({ clientId: 'mvc.jar.jwt', key: ring });
 * app.use('/jwks.json', publishJwks(ring));
 * ```
 */
export class KeyRing {
  readonly #source: () => readonly SigningKeyInput[] | Promise<readonly SigningKeyInput[]>;
  readonly #demands: KeyDemands;
  readonly #reloadEvery: number;
  readonly #publishBefore: number;
  readonly #publishAfter: number;
  readonly #onReloadError: (error: unknown) => void;
  readonly #clock: () => number;
  #keys: readonly RingKey[] = [];
  #order: readonly string[] = [];
  #signer: RingKey | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;

  /** @throws {TypeError} where an option is wrong, or a key of a list cannot be used */
  constructor(options: KeyRingOptions) {
    const { keys, reloadEvery = 60, publishBefore = 600, publishAfter = 600 } = options;
    if (typeof keys !== 'function' && !Array.isArray(keys)) {
      throw new TypeError('keys must be a list of keys, or a function that returns one');
    }
    this.#demands = { algorithms: options.algorithms };
    this.#reloadEvery =
      typeof keys === 'function'
        ? seconds('reloadEvery', reloadEvery, 0)
        : Number.POSITIVE_INFINITY;
    this.#publishBefore = seconds('publishBefore', publishBefore, 0);
    this.#publishAfter = seconds('publishAfter', publishAfter, 0);
    this.#onReloadError = options.onReloadError ?? (() => {});
    this.#clock = options.clock ?? Date.now;
    this.#source = typeof keys === 'function' ? keys : () => keys;
    if (typeof keys !== 'function') this.#accept(keys as readonly SigningKeyInput[]);
  }

  /** The `kid` of the key that signs; undefined before the first load. */
  get kid(): string | undefined {
    return this.#signer?.kid;
  }

  /** The `alg` of the key that signs; undefined before the first load. */
  get alg(): Algorithm | undefined {
    return this.#signer?.key.alg;
  }

  /** The public half of the key that signs; undefined before the first load. */
  get publicJwk(): JsonWebKey | undefined {
    return this.#signer?.publicJwk;
  }

  /**
   * The JWK Set to publish: public keys only (RFC 7517 §5).
   *
   * @throws {TypeError} where there are no usable keys yet
   */
  async publicJwks(): Promise<{ readonly keys: readonly JsonWebKey[] }> {
    if (this.#isDue()) await this.#refresh();
    this.#forgetExpired();
    return { keys: this.#keys.map(({ publicJwk }) => publicJwk) };
  }

  /**
   * Signs claims with the key whose turn it is.
   *
   * @throws {TypeError} where there are no usable keys yet, or the key is not what the server demands
   */
  async signJwt(
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>>,
    demands: KeyDemands = {},
  ): Promise<string> {
    if (this.#signer === undefined) await this.reload();
    else if (this.#isDue()) this.#refresh().catch(() => {});
    const signer = this.#chooseSigner();
    signer.neededAt = this.#now();
    if (typeof claims['exp'] === 'number') {
      signer.lastExpiry = Math.max(signer.lastExpiry, claims['exp']);
    }
    return SigningKey.from(signer.key, demands).signJwt(claims, header, demands);
  }

  /**
   * Loads the keys now, for an application that knows that they have changed. One load is under way
   * at a time.
   *
   * @throws {TypeError} where a key cannot be used
   * @throws what the source throws
   */
  reload(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  #now(): number {
    return Math.floor(this.#clock() / 1000);
  }

  #isDue(): boolean {
    return this.#now() - this.#loadedAt >= this.#reloadEvery;
  }

  async #load(): Promise<void> {
    this.#accept(await this.#source());
  }

  /** Loads the keys anew, or goes on with those that are there. */
  async #refresh(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      if (this.#signer === undefined) throw error;
      this.#loadedAt = this.#now();
      this.#onReloadError(error);
    }
  }

  #accept(inputs: readonly SigningKeyInput[]): void {
    const now = this.#now();
    const keys = new Map(this.#keys.map((known) => [known.kid, known]));
    const order = inputs.map((input) => {
      const fresh = ringKey(SigningKey.from(input, this.#demands), now);
      const known = keys.get(fresh.kid) ?? fresh;
      if (!isSameKey(known, fresh)) {
        throw new TypeError(`Two keys of the KeyRing have the kid ${known.kid}: give each its own`);
      }
      known.neededAt = now;
      keys.set(known.kid, known);
      return known.kid;
    });
    if (order.length === 0) throw new TypeError('The KeyRing has no keys');
    this.#keys = [...keys.values()];
    this.#order = order;
    this.#signer ??= keys.get(this.#order[0] ?? '');
    this.#loadedAt = now;
  }

  /** The first key of the source, once it has been published for long enough. */
  #chooseSigner(): RingKey {
    const first = this.#keys.find(({ kid }) => kid === this.#order[0]);
    const isKnown = first && this.#now() - first.publishedAt >= this.#publishBefore;
    if (isKnown) this.#signer = first;
    if (this.#signer === undefined) throw new TypeError('The KeyRing has no keys');
    return this.#signer;
  }

  #forgetExpired(): void {
    const now = this.#now();
    this.#keys = this.#keys.filter(
      (known) =>
        known === this.#signer ||
        this.#order.includes(known.kid) ||
        now < known.neededAt + this.#publishAfter ||
        now < known.lastExpiry + CLOCK_TOLERANCE,
    );
  }
}
