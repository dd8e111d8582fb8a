import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { JsonWebKey } from './secret.js';

/** The size of a coordinate in bytes (RFC 7518 §6.2.1.2), and how the key starts in DER (RFC 5480 §2). */
const CURVES: ReadonlyMap<unknown, readonly [size: number, prefix: Buffer]> = new Map(
  [
    ['P-256', 32, '3059301306072a8648ce3d020106082a8648ce3d030107034200'],
    ['P-384', 48, '3076301006072a8648ce3d020106052b81040022036200'],
    ['P-521', 66, '30819b301006072a8648ce3d020106052b8104002303818600'],
  ].map(([curve, size, prefix]) => [curve, [Number(size), Buffer.from(String(prefix), 'hex')]]),
);

const UNCOMPRESSED = Buffer.of(4);

/** Some publishers leave leading zeros out. */
function coordinate(value: unknown, size: number): Buffer {
  const bytes = Buffer.from(typeof value === 'string' ? value : '', 'base64url');
  if (bytes.length === 0) throw new TypeError('not a coordinate');
  // Where it is too long, there is no such buffer, and alloc throws.
  return Buffer.concat([Buffer.alloc(size - bytes.length), bytes]);
}

/**
 * The public key of an EC JWK. It goes by way of DER, since OpenSSL multiplies the point of a JWK by
 * the order of the curve, which takes a millisecond on P-521, and tells nothing that the equation
 * of these curves does not tell as well: all of their points have that order.
 *
 * @returns undefined for a curve that is not known here
 * @throws where it is no point of its curve
 */
export function ecPublicKey({ crv, x, y }: JsonWebKey): KeyObject | undefined {
  const curve = CURVES.get(crv);
  if (curve === undefined) return undefined;
  const [size, prefix] = curve;
  const key = Buffer.concat([prefix, UNCOMPRESSED, coordinate(x, size), coordinate(y, size)]);
  return createPublicKey({ key, format: 'der', type: 'spki' });
}
