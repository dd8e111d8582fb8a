import { KeyError, shown } from './algorithms.js';
import { isForEncryption, keyFromJwk } from './jwk.js';
import type { JsonWebKey } from './secret.js';
import type { VerificationKey } from './verification-key.js';

const KEY_TYPES = ['RSA', 'EC', 'OKP', 'oct'];

/** How many keys of a fetched set are imported: a set has a few, a hostile one thousands. */
export const MAX_REMOTE_KEYS = 50;

/** How many keys a client may have that has introduced itself: everybody can make us import them. */
export const MAX_STRANGERS_KEYS = 10;

/** The keys for signatures: those for encryption and of unknown types are passed over. */
function signatureKeys(value: unknown, maxKeys: number): readonly JsonWebKey[] {
  const keys = (value as { keys?: unknown } | null | undefined)?.keys;
  if (!Array.isArray(keys)) throw new KeyError('the value is not a JWK Set: it has no array keys');
  const signatureKeys = keys.filter(
    (jwk: JsonWebKey | null): jwk is JsonWebKey =>
      jwk !== null && KEY_TYPES.includes(jwk.kty) && !isForEncryption(jwk),
  );
  if (signatureKeys.length === 0) throw new KeyError('the JWK Set has no key for signatures');
  if (signatureKeys.length > maxKeys) {
    throw new KeyError(`the JWK Set has more than ${maxKeys} keys`);
  }
  return signatureKeys;
}

function keyOfSet(jwk: JsonWebKey): VerificationKey {
  try {
    return keyFromJwk(jwk);
  } catch (error) {
    const kid = typeof jwk.kid === 'string' ? shown(jwk.kid) : 'without a kid';
    throw new KeyError(`in the JWK Set, key ${kid}: ${(error as Error).message}`);
  }
}

/**
 * The verification keys of a JWK Set. Keys for encryption and of unknown types are passed over, as
 * RFC 7517 §5 asks; a private or weak key is an error, since somebody has to know of it.
 *
 * @throws {KeyError}
 */
export function keysFromJwkSet(
  value: unknown,
  maxKeys = Number.POSITIVE_INFINITY,
): readonly VerificationKey[] {
  return signatureKeys(value, maxKeys).map(keyOfSet);
}

/**
 * The public keys of a JWK Set that was fetched. Private, symmetric and weak keys are refused, and
 * the others used: whoever publishes the set cannot be asked to mend it first.
 *
 * @throws {KeyError} where no key is left, or where there are far too many
 */
export function publicKeysFromJwkSet(
  value: unknown,
  maxKeys = MAX_REMOTE_KEYS,
): {
  readonly keys: readonly VerificationKey[];
  readonly refused: readonly string[];
} {
  const jwks = signatureKeys(value, maxKeys);
  const keys: VerificationKey[] = [];
  const refused: string[] = [];
  for (const jwk of jwks) {
    try {
      if (jwk.kty === 'oct') throw new KeyError('in the JWK Set, a symmetric key is published');
      keys.push(keyOfSet(jwk));
    } catch (error) {
      // keyOfSet throws nothing else.
      refused.push((error as KeyError).message);
    }
  }
  if (keys.length === 0) throw new KeyError(String(refused[0]));
  return { keys, refused };
}
