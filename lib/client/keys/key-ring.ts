import type { JsonWebKey, JsonWebKeySet } from '../../keys/secret.js';
import type { Algorithm } from '../../shared/algorithms.js';
import { assertKnownOptions, callback, given } from '../../shared/option-checks.js';
import { seconds } from '../seconds.js';
import { type KeyDemands, keyDemands } from './key-demands.js';
import {
  KEY_RING_OPTIONS,
  type KeyRingOptions,
  type KeySource,
  warnOfReload,
} from './key-ring-options.js';
import { heldTo, RingKeys } from './ring-keys.js';
import { SigningKey, type SigningKeyInput } from './signing-key.js';

const HOUR = 3600;
const DAY = 86_400;

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
  /** For how long a new key is published before it signs, in seconds. */
  readonly publishBefore: number;
  readonly #source: KeySource;
  readonly #demands: KeyDemands;
  readonly #reloadEvery: number;
  readonly #onReloadError: (error: unknown) => void;
  readonly #clock: () => number;
  readonly #keys: RingKeys;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;

  /** @throws {TypeError} where an option is wrong, or a key of a list cannot be used */
  constructor(options: KeyRingOptions) {
    assertKnownOptions('KeyRing', options, KEY_RING_OPTIONS);
    const { keys, reloadEvery = 60, publishBefore = 600, publishAfter = 600 } = given(options);
    if (typeof keys !== 'function' && !Array.isArray(keys)) {
      throw new TypeError('keys must be a list of keys, or a function that returns one');
    }
    this.#demands = keyDemands({ algorithms: options.algorithms });
    this.publishBefore = seconds('publishBefore', publishBefore, 0, DAY);
    this.#keys = new RingKeys(this.publishBefore, seconds('publishAfter', publishAfter, 0, DAY));
    this.#onReloadError = callback('onReloadError', options.onReloadError) ?? warnOfReload;
    this.#clock = callback('clock', options.clock) ?? Date.now;
    if (typeof keys === 'function') {
      this.#source = keys;
      this.#reloadEvery = seconds('reloadEvery', reloadEvery, 0, HOUR);
    } else {
      this.#source = () => keys;
      this.#reloadEvery = Number.POSITIVE_INFINITY;
      this.#accept(keys);
    }
  }

  /** The `kid` of the key that signs; undefined before the first load. */
  get kid(): string | undefined {
    return this.#keys.signer?.kid;
  }

  /** The `alg` of the key that signs; undefined before the first load. */
  get alg(): Algorithm | undefined {
    return this.#keys.signer?.key.alg;
  }

  /** The public half of the key that signs; undefined before the first load. */
  get publicJwk(): JsonWebKey | undefined {
    return this.#keys.signer?.publicJwk;
  }

  /**
   * The JWK Set to publish: public keys only (RFC 7517 §5).
   *
   * @throws {TypeError} where there are no usable keys yet
   */
  async publicJwks(): Promise<JsonWebKeySet> {
    if (this.#isDue()) await this.#refresh();
    return { keys: this.#keys.published(this.#now()).map(({ publicJwk }) => publicJwk) };
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
    if (this.#keys.signer === undefined) await this.reload();
    else if (this.#isDue()) this.#refresh().catch(() => {});
    const signer = this.#keys.nextSigner(this.#now());
    signer.neededAt = this.#now();
    if (typeof claims['exp'] === 'number') {
      signer.lastExpiry = Math.max(signer.lastExpiry, claims['exp']);
    }
    return heldTo(demands, signer).signJwt(claims, header, demands);
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

  /**
   * @throws {TypeError} where the key that signs is known, and is not what a server demands
   * @internal
   */
  _checkDemands(demands: KeyDemands): void {
    const { signer } = this.#keys;
    if (signer !== undefined) heldTo(demands, signer);
  }

  #now(): number {
    return Math.floor(this.#clock() / 1000);
  }

  #isDue(): boolean {
    return this.#now() - this.#loadedAt >= this.#reloadEvery;
  }

  async #load(): Promise<void> {
    this.#accept(await this.#source(this.#demands));
  }

  /** Loads the keys anew, or goes on with those that are there. */
  async #refresh(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      if (this.#keys.signer === undefined) throw error;
      this.#loadedAt = this.#now();
      new Promise((resolve) => resolve(this.#onReloadError(error))).catch(() => {});
    }
  }

  #accept(inputs: readonly SigningKeyInput[]): void {
    if (!Array.isArray(inputs)) {
      throw new TypeError('keys must return a list of keys; of a JWK Set, give its keys');
    }
    const keys = inputs.map((input: SigningKeyInput) => SigningKey.from(input, this.#demands));
    this.#keys.replace(keys, this.#now());
    this.#loadedAt = this.#now();
  }
}
