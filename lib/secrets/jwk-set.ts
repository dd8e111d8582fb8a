import { KeyError } from './algorithms.js';
import { isForEncryption, keyFromJwk } from './jwk.js';
import type { JsonWebKey } from './secret.js';
import type { VerificationKey } from './verification-key.js';

const KEY_TYPES = ['RSA', 'EC', 'OKP', 'oct'];

/**
 * The verification keys of a JWK Set. Keys for encryption and of unknown types are passed over, as
 * RFC 7517 §5 asks; a private or weak key is an error, since somebody has to know of it.
 *
 * @throws {KeyError}
 */
export function keysFromJwkSet(value: unknown): readonly VerificationKey[] {
  const keys = (value as { keys?: unknown } | null | undefined)?.keys;
  if (!Array.isArray(keys)) throw new KeyError('the value is not a JWK Set: it has no array keys');
  const signatureKeys = keys.filter(
    (jwk: JsonWebKey | null): jwk is JsonWebKey =>
      jwk !== null && KEY_TYPES.includes(jwk?.kty) && !isForEncryption(jwk),
  );
  if (signatureKeys.length === 0) throw new KeyError('the JWK Set has no key for signatures');
  return signatureKeys.map((jwk) => {
    try {
      return keyFromJwk(jwk);
    } catch (error) {
      const kid = typeof jwk.kid === 'string' ? JSON.stringify(jwk.kid) : 'without a kid';
      throw new KeyError(`in the JWK Set, key ${kid}: ${(error as Error).message}`);
    }
  });
}
