import type { JsonWebKey } from '../../keys/secret.js';
import type { KeyDemands } from './key-demands.js';
import { SigningKey } from './signing-key.js';

/** Servers may be this much behind, in seconds, when they check the expiry of a JWT. */
const CLOCK_TOLERANCE = 60;

/** A key and what became of it. Times are in seconds since the epoch. */
export interface RingKey {
  readonly key: SigningKey;
  readonly kid: string;
  readonly publicJwk: JsonWebKey;
  /** Since when the key is published. */
  readonly publishedAt: number;
  /** When it was last seen in the source, or signed. */
  neededAt: number;
  /** The latest `exp` of what it signed; 0 where it signed nothing. */
  lastExpiry: number;
}

/** @throws {TypeError} where a server could not find the key in a JWK Set by its `kid` */
function ringKey(key: SigningKey, now: number): RingKey {
  const { kid, publicJwk } = key;
  if (kid === undefined) {
    throw new TypeError('A key of the KeyRing has no kid: servers tell the keys apart by it');
  }
  if (publicJwk === undefined) {
    throw new TypeError(
      `The key ${kid} of the KeyRing cannot be published: it is symmetric, or its publicJwk is not known`,
    );
  }
  return { key, kid, publicJwk, publishedAt: now, neededAt: now, lastExpiry: 0 };
}

/** Whether two keys with one `kid` are the same key. */
const isSameKey = (one: RingKey, other: RingKey): boolean =>
  JSON.stringify(one.publicJwk) === JSON.stringify(other.publicJwk);

/**
 * The key of a ring as a server demands it.
 *
 * @throws {TypeError} where it is not
 */
export function heldTo(demands: KeyDemands, { key }: RingKey): SigningKey {
  const { algorithms } = demands;
  if (algorithms?.includes(key.alg) === false) {
    throw new TypeError(
      `The KeyRing signs with ${key.alg}, but the server takes ${algorithms.join(' or ')}: make the KeyRing with the same algorithms`,
    );
  }
  return SigningKey.from(key, demands);
}

/** The keys of a ring: those of its source, and those that have left it and are still needed. */
export class RingKeys {
  readonly #publishBefore: number;
  readonly #publishAfter: number;
  #keys: readonly RingKey[] = [];
  /** The `kid` of each key of the source. */
  #order: readonly string[] = [];
  #signer: RingKey | undefined;

  /** Both in seconds, as the options of the ring. */
  constructor(publishBefore: number, publishAfter: number) {
    this.#publishBefore = publishBefore;
    this.#publishAfter = publishAfter;
  }

  /** The key that signed last or signs first; undefined before the first load. */
  get signer(): RingKey | undefined {
    return this.#signer;
  }

  /**
   * Takes what the source has now in place of what it had.
   *
   * @throws {TypeError} where a key cannot be in a ring; then nothing has changed
   */
  replace(source: readonly SigningKey[], now: number): void {
    const keys = new Map(this.#keys.map((known) => [known.kid, known]));
    const current = source.map((key) => {
      const fresh = ringKey(key, now);
      const known = keys.get(fresh.kid) ?? fresh;
      if (!isSameKey(known, fresh)) {
        throw new TypeError(`Two keys of the KeyRing have the kid ${known.kid}: give each its own`);
      }
      keys.set(known.kid, known);
      return known;
    });
    if (current[0] === undefined) throw new TypeError('The KeyRing has no keys');
    for (const known of current) known.neededAt = now;
    this.#keys = [...keys.values()];
    this.#order = current.map(({ kid }) => kid);
    this.#signer ??= current[0];
  }

  /** The first key of the source, once it has been published for long enough; until then the last. */
  nextSigner(now: number): RingKey {
    const first = this.#keys.find(({ kid }) => kid === this.#order[0]);
    const isKnown = first && now - first.publishedAt >= this.#publishBefore;
    if (isKnown) this.#signer = first;
    if (this.#signer === undefined) throw new TypeError('The KeyRing has no keys');
    return this.#signer;
  }

  /** The keys to publish. Those that nobody needs any more are forgotten. */
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
