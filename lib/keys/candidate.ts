import type { Identifiers } from './identifiers.js';
import type { Secret } from './secret.js';
import type { VerificationKey } from './verification-key.js';

/** How many signatures one assertion can make the server check. */
export const MAX_KEY_TRIES = 8;

/** Where the keys of a secret come from: a `KeyCache`, or one with fetched keys besides. */
export interface ImportedKeys {
  /** @throws {KeyError} where the secret cannot be used */
  keysOf(secret: Secret): readonly VerificationKey[];
  /** Called for a secret that has expired. */
  forget(secret: Secret): void;
}

/** Whose key is looked for. */
export interface KeyQuery {
  readonly secrets: readonly Secret[];
  readonly wanted: Identifiers;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly keys: ImportedKeys;
  /** Whether a certificate's own validity period counts. */
  readonly certificateValidity: boolean;
}

/** A key that may have made the signature, and the secret that it comes from. */
export interface Candidate {
  readonly key: VerificationKey;
  readonly secret: Secret;
  /** The earlier of the secret's expiration and the certificate's, in seconds since the epoch. */
  readonly expiresAt: number | undefined;
}

/** A key that would have fitted; unknown where it was published at a `jwks_uri`. */
export interface ExpiredKey {
  readonly key?: VerificationKey;
  readonly secret: Secret;
  /** In seconds since the epoch. */
  readonly expiresAt: number;
}

/** What the validity period of a key's certificate says; other keys have none. */
export function certificateState(
  { notBefore, notAfter }: VerificationKey,
  { now, certificateValidity }: Pick<KeyQuery, 'now' | 'certificateValidity'>,
): 'valid' | 'early' | 'expired' {
  if (!certificateValidity) return 'valid';
  if (notBefore !== undefined && notBefore > now) return 'early';
  // RFC 5280 §4.1.2.5: through notAfter, inclusive.
  return notAfter !== undefined && notAfter < now ? 'expired' : 'valid';
}
