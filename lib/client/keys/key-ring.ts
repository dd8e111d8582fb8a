import type { JsonWebKey } from '../../keys/secret.js';
import { withDeadline } from '../../shared/deadline.js';
import type { Algorithm } from '../../shared/jose.js';
import { type OptionTable, type Reader, readOptions, seconds } from '../../shared/options.js';
import { KEY_DEMANDS, type KeyDemands } from './key-demands.js';
import { SigningKey, type SigningKeyInput } from './signing-key.js';

const HOUR = 3600;
const DAY = 86_400;

/**
 * Loads the keys of a `KeyRing`.
 * @param demands the ring's demands, for sources that call `SigningKey.from` themselves
 */
export type KeySource = (
  demands: KeyDemands,
) => readonly SigningKeyInput[] | Promise<readonly SigningKeyInput[]>;

/** Options of a `KeyRing`. Times are in seconds. */
export interface KeyRingOptions {
  /**
   * The keys: the first one signs, the others are only published. A function is called repeatedly,
   * so that keys change without a restart; `keyFiles` makes a function that reads files.
   */
  readonly keys: readonly SigningKeyInput[] | KeySource;
  /** The `alg` values that the server accepts. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /**
   * The maximum age of the keys: on use, older keys are loaded again. Default 60, at most an hour.
   */
  readonly reloadEvery?: number | undefined;
  /**
   * How long a new key is published before it signs. Must exceed the time that servers cache a JWK
   * Set. `reloadEvery` is added, because other processes may load the key that much later; 0 means
   * no delay. The keys of the first load sign at once, because there is no earlier key. Default
   * 600, at most a day.
   */
  readonly publishBefore?: number | undefined;
  /**
   * How long a key stays published after it leaves the source, and at least until the last JWT that
   * it signed in this process has expired. Covers other processes, which may sign with the key for
   * `publishBefore` plus twice `reloadEvery`. Default 900, at most a day.
   */
  readonly publishAfter?: number | undefined;
}

const keysReader: Reader<readonly SigningKeyInput[] | KeySource> = (_name, value) => {
  if (typeof value === 'function' || Array.isArray(value)) return value as KeySource;
  throw new TypeError('keys must be a list of keys, or a function that returns one');
};

const OPTIONS = {
  keys: keysReader,
  algorithms: KEY_DEMANDS.algorithms,
  reloadEvery: seconds(60, 0, HOUR),
  publishBefore: seconds(600, 0, DAY),
  publishAfter: seconds(900, 0, DAY),
} satisfies OptionTable<KeyRingOptions>;

/** The message of the source may contain a key, so it is left out. */
function warnOfReload(error: unknown): void {
  const { name, code, path } = error as { name?: unknown; code?: unknown; path?: unknown };
  const what = [name, code, path].filter(Boolean).join(' ');
  process.emitWarning(
    `The keys of a KeyRing could not be reloaded (${what}): the ring keeps its old keys.`,
  );
}

/** In seconds: the clocks of servers may be this far behind. */
const CLOCK_TOLERANCE = 60;

/** In seconds. */
const LOAD_TIME = 10;

/** In seconds. */
const REFUSED_FOR = 60;

/** A key and its state. Times are in seconds since the epoch. */
interface RingKey {
  /** As the source gave it last: its certificate may have been renewed. */
  key: SigningKey;
  readonly kid: string;
  readonly publicJwk: JsonWebKey;
  publishedAt: number;
  /** When the key was last in the source, or last signed. */
  neededAt: number;
  /** The latest `exp` that the key signed; 0 if none. */
  lastExpiry: number;
}

function ringKey(key: SigningKey, now: number): RingKey {
  const { kid, publicJwk } = key;
  if (kid === undefined) {
    throw new TypeError('A key of the KeyRing has no kid: servers need it to choose the key');
  }
  if (publicJwk === undefined) {
    throw new TypeError(
      `The key ${kid} of the KeyRing cannot be published: it is symmetric, or its publicJwk is not known`,
    );
  }
  return { key, kid, publicJwk, publishedAt: now, neededAt: now, lastExpiry: 0 };
}

const isSameKey = (one: RingKey, other: RingKey): boolean =>
  JSON.stringify(one.publicJwk) === JSON.stringify(other.publicJwk);

function heldTo(demands: KeyDemands, { key }: RingKey): SigningKey {
  const { algorithms } = demands;
  if (algorithms?.includes(key.alg) === false) {
    throw new TypeError(
      `The KeyRing signs with ${key.alg}, but the server accepts ${algorithms.join(' or ')}: make the KeyRing with the same algorithms`,
    );
  }
  return SigningKey.from(key, demands);
}

class RingKeys {
  readonly #publishBefore: number;
  readonly #publishAfter: number;
  #keys: readonly RingKey[] = [];
  #order: readonly string[] = [];
  #signer: RingKey | undefined;
  readonly #refusedAt = new Map<string, number>();
  /** Signs instead of a key that the server refused, until the source changes. */
  #instead: RingKey | undefined;

  /** Both in seconds. */
  constructor(publishBefore: number, publishAfter: number) {
    this.#publishBefore = publishBefore;
    this.#publishAfter = publishAfter;
  }

  /** The key that signed last, or will sign first; undefined before the first load. */
  get signer(): RingKey | undefined {
    return this.#signer;
  }

  /** If a key is unfit for a ring, it throws and changes nothing. */
  replace(source: readonly SigningKey[], now: number): void {
    const keys = new Map(this.#keys.map((known) => [known.kid, known]));
    const current = source.map((key) => {
      const fresh = ringKey(key, now);
      const known = keys.get(fresh.kid) ?? fresh;
      if (!isSameKey(known, fresh)) {
        throw new TypeError(
          `Two keys of the KeyRing have the kid ${known.kid}: give each key its own kid`,
        );
      }
      keys.set(known.kid, known);
      return { known, key };
    });
    if (current[0] === undefined) throw new TypeError('The KeyRing has no keys');
    for (const { known, key } of current) {
      known.neededAt = now;
      // A file may be read before its certificate is written.
      if (key._hasCertificate || !known.key._hasCertificate) known.key = key;
    }
    this.#keys = [...keys.values()];
    // Later times were written before the clock was set back.
    for (const each of this.#keys) each.publishedAt = Math.min(each.publishedAt, now);
    const order = current.map(({ known }) => known.kid);
    if (JSON.stringify(order) !== JSON.stringify(this.#order)) {
      this.#instead = undefined;
      this.#refusedAt.clear();
    }
    this.#order = order;
    this.#signer ??= current[0].known;
  }

  /** Undefined if all were refused recently, so that keys do not alternate. */
  changeFrom(kid: string, now: number): RingKey | undefined {
    const { signer } = this;
    if (signer !== undefined && signer.kid !== kid && !this.#wasRefused(signer.kid, now)) {
      return signer;
    }
    this.#refusedAt.set(kid, now);
    const inOrder = this.#order.map((each) => this.#keys.find((key) => key.kid === each));
    const other = [...inOrder, ...this.#keys].find(
      (key) => key !== undefined && !this.#wasRefused(key.kid, now),
    );
    this.#instead = other;
    if (other !== undefined) this.#signer = other;
    return other;
  }

  #wasRefused(kid: string, now: number): boolean {
    const age = now - (this.#refusedAt.get(kid) ?? Number.NEGATIVE_INFINITY);
    return age >= 0 && age < REFUSED_FOR;
  }

  nextSigner(now: number): RingKey {
    if (this.#instead !== undefined) return this.#instead;
    const first = this.#keys.find(({ kid }) => kid === this.#order[0]);
    const isKnown = first && now - first.publishedAt >= this.#publishBefore;
    if (isKnown) this.#signer = first;
    if (this.#signer === undefined) throw new TypeError('The KeyRing has no keys');
    return this.#signer;
  }

  published(now: number): readonly RingKey[] {
    this.#keys = this.#keys.filter(
      (known) =>
        known === this.#signer ||
        this.#order.includes(known.kid) ||
        now < known.neededAt + this.#publishAfter ||
        now < known.lastExpiry + CLOCK_TOLERANCE,
    );
    return this.#keys;
  }
}

/**
 * Rotates signing keys. The next key is published before it signs; the previous key stays published
 * while anything that it signed is valid. Pass the ring as `key` to an `AssertionService`, and
 * publish it at the client's `jwks_uri`. The ring has no timer: it reloads keys on use.
 * @example
 * ```ts
 * const ring = new KeyRing({ keys: keyFiles(['current.pem', 'next.pem']) });
 * const assertions = new AssertionService({ clientId: 'mvc.jar.jwt', key: ring });
 * app.use('/jwks.json', publishJwks(ring));
 * ```
 */
export class KeyRing {
  /** In seconds. */
  readonly publishBefore: number;
  readonly #source: KeySource;
  readonly #demands: KeyDemands;
  readonly #reloadEvery: number;
  readonly #keys: RingKeys;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;

  /** @throws {TypeError} if an option is wrong, or a key of a list is unusable */
  constructor(options: KeyRingOptions) {
    const settings = readOptions('KeyRing', options, OPTIONS);
    const { keys, algorithms } = settings;
    this.#demands = { algorithms };
    this.publishBefore = settings.publishBefore;
    const seenElsewhere = settings.publishBefore > 0 ? settings.reloadEvery : 0;
    this.#keys = new RingKeys(settings.publishBefore + seenElsewhere, settings.publishAfter);
    if (typeof keys === 'function') {
      this.#source = keys;
      this.#reloadEvery = settings.reloadEvery;
    } else {
      this.#source = () => keys;
      this.#reloadEvery = Number.POSITIVE_INFINITY;
      this.#accept(keys);
    }
  }

  /** The `kid` of the signing key; undefined before the first load. */
  get kid(): string | undefined {
    return this.#keys.signer?.kid;
  }

  /** The `alg` of the signing key; undefined before the first load. */
  get alg(): Algorithm | undefined {
    return this.#keys.signer?.key.alg;
  }

  /** The public half of the signing key; undefined before the first load. */
  get publicJwk(): JsonWebKey | undefined {
    return this.#keys.signer?.publicJwk;
  }

  /**
   * The JWK Set to publish: public keys only (RFC 7517 §5).
   * @throws {TypeError} if there are no usable keys yet
   */
  async publicJwks(): Promise<{ readonly keys: readonly JsonWebKey[] }> {
    if (this.#isDue()) await this.#refresh();
    return { keys: this.#keys.published(this.#now()).map(({ publicJwk }) => publicJwk) };
  }

  /**
   * Signs claims with the current key.
   * @throws {TypeError} if there are no usable keys yet, or the key does not fit the demands
   */
  async signJwt(
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>>,
    demands: KeyDemands = {},
  ): Promise<string> {
    // If a key was unused for long, every other process may have dropped it.
    if (this.#isOverdue()) await this.#refresh();
    else if (this.#isDue()) this.#refresh().catch(() => {});
    const signer = this.#keys.nextSigner(this.#now());
    signer.neededAt = this.#now();
    if (typeof claims['exp'] === 'number') {
      signer.lastExpiry = Math.max(signer.lastExpiry, claims['exp']);
    }
    return heldTo(demands, signer).signJwt(claims, header, demands);
  }

  /**
   * Loads the keys now, if the application knows that they changed. Only one load runs at a time.
   * @throws {TypeError} if a key is unusable
   * @throws what the source throws
   */
  reload(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** @internal */
  _checkDemands(demands: KeyDemands): void {
    const { signer } = this.#keys;
    if (signer !== undefined) heldTo(demands, signer);
  }

  /**
   * Loads the keys anew first. Undefined if there is no other key to try.
   * @internal
   */
  async _changeFrom(kid: string): Promise<string | undefined> {
    await this.#refresh();
    return this.#keys.changeFrom(kid, this.#now())?.kid;
  }

  #now(): number {
    return Date.now() / 1000;
  }

  /** If the clock was set back, the age of the keys is unknown. */
  #isOlderThan(seconds: number): boolean {
    const age = this.#now() - this.#loadedAt;
    return age >= seconds || age < 0;
  }

  #isDue(): boolean {
    return this.#isOlderThan(this.#reloadEvery);
  }

  #isOverdue(): boolean {
    return this.#isOlderThan(this.#reloadEvery * 2 + CLOCK_TOLERANCE);
  }

  async #load(): Promise<void> {
    const loaded = Promise.resolve(this.#source(this.#demands));
    this.#accept(await withDeadline(loaded, LOAD_TIME, 'The function keys of a KeyRing'));
  }

  async #refresh(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      if (this.#keys.signer === undefined) throw error;
      this.#loadedAt = this.#now();
      warnOfReload(error);
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
