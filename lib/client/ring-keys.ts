import type { JsonWebKey } from '../secrets/secret.js';
import type { SigningKey } from './signing-key.js';

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
export function ringKey(key: SigningKey, now: number): RingKey {
  const { kid, publicJwk } = key;
  if (kid === undefined) {
    throw new TypeError('A key of the KeyRing has no kid: servers tell the keys apart by it');
  }
  if (publicJwk === undefined) {
    throw new TypeError(
      `The key ${kid} of the KeyRing cannot be published: it is symmetric, or its publicJwk is not known`,
    );
  }
  if (publicJwk['d'] !== undefined) {
    throw new TypeError(`The publicJwk of the key ${kid} is a private key: leave out its d`);
  }
  return { key, kid, publicJwk, publishedAt: now, neededAt: now, lastExpiry: 0 };
}

/** Whether two keys with one `kid` are the same key. */
export const isSameKey = (one: RingKey, other: RingKey): boolean =>
  JSON.stringify(one.publicJwk) === JSON.stringify(other.publicJwk);
