import type { RemoteJwkSets } from './jwks-uri.js';
import type { Secret } from './secret.js';
import type { VerificationKey } from './verification-key.js';

/** Where the keys of one client are, and no other client's. */
export interface OwnKeys {
  /** Of its JWK Set, imported. */
  readonly keys: readonly VerificationKey[];
  /** What fetches those at its `jwks_uri`. */
  readonly jwksUri: RemoteJwkSets;
}

const owners = new WeakMap<Secret, OwnKeys>();

/**
 * Keeps the keys of secrets apart from the caches that other clients share. Clients that introduce
 * themselves are as many as anybody likes, and would push the others out.
 */
export function keepApart(secrets: readonly Secret[], own: OwnKeys): void {
  // Frozen, since the value is not looked at again.
  for (const secret of secrets) owners.set(Object.freeze(secret), own);
}

/** Where the keys of a secret are kept apart; undefined for most. */
export const ownKeysOf = (secret: Secret): OwnKeys | undefined => owners.get(secret);
