import { createHash, type KeyObject } from 'node:crypto';
import type { JsonWebKey } from '../../keys/secret.js';

/** The members that a thumbprint is made of, in their order (RFC 7638 §3.2, RFC 8037 §2). */
const REQUIRED_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
};

/** The public half of a key as a JSON Web Key. */
export const publicJwkOf = (publicKey: KeyObject): JsonWebKey =>
  publicKey.export({ format: 'jwk' }) as JsonWebKey;

/**
 * The SHA-256 thumbprint of a public key (RFC 7638). Not jose's, which is asynchronous: a key's
 * `kid` is known as soon as the key is.
 */
export function jwkThumbprint(jwk: JsonWebKey): string {
  const members = (REQUIRED_MEMBERS[jwk.kty] ?? []).map((name) => [name, jwk[name]]);
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url');
}
