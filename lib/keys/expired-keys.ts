import { KeyError } from './algorithms.js';
import { type ExpiredKey, type KeyQuery, MAX_KEY_TRIES } from './candidate.js';
import { rank } from './identifiers.js';
import { expirationOf, importSecret } from './import.js';
import type { Secret } from './secret.js';
import type { Selection } from './select-key.js';
import type { VerificationKey } from './verification-key.js';

/** Nothing keeps these keys. A set of more than can be tried is left alone. */
function keysIn(secret: Secret): readonly VerificationKey[] {
  try {
    return importSecret(secret, MAX_KEY_TRIES);
  } catch (error) {
    if (error instanceof KeyError) return [];
    throw error;
  }
}

/**
 * The keys that would have fitted before they expired, for the operator's reason only: of many
 * secrets the last ones, each imported when it is come to. What a `jwks_uri` would have held is not
 * asked.
 */
export function* expiredKeys(
  { wanted }: KeyQuery,
  { expiredCertificates, expiredSecrets }: Selection,
): Generator<ExpiredKey> {
  yield* expiredCertificates;
  for (const secret of expiredSecrets.slice(-MAX_KEY_TRIES)) {
    const expiresAt = expirationOf(secret) as number;
    if (secret.type === 'JwksUri') yield { secret, expiresAt };
    for (const key of keysIn(secret)) {
      if (rank(key, wanted) !== undefined) yield { key, secret, expiresAt };
    }
  }
}
