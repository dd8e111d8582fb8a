import { Buffer } from 'node:buffer';

/** The field of the curve (RFC 8032 §5.1). */
const P = 2n ** 255n - 19n;

/** The y of the points of order 8; those of order 1, 2 and 4 have 1, -1 and 0. */
const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;

const SMALL_ORDER: readonly bigint[] = [0n, 1n, P - 1n, ORDER_8, P - ORDER_8];

/**
 * Whether an encoded point of Ed25519 is one of the eight whose multiples are few, in any spelling
 * (RFC 8032 §5.1.3): with such a public key, signatures of many messages can be made without any
 * private one.
 *
 * @param encoded the 32 bytes of the public key
 */
export function isSmallOrderPoint(encoded: Buffer): boolean {
  const bits = BigInt(`0x${Buffer.from(encoded).reverse().toString('hex')}`);
  // The first bit is the sign of x. The others may exceed the field, as OpenSSL lets them.
  return SMALL_ORDER.includes((bits & (2n ** 255n - 1n)) % P);
}
