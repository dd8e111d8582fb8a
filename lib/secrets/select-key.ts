import type { JsonObject } from '../assertion/compact-jws.js';
import type { Failure, Reason } from '../reasons.js';
import { KeyError } from './algorithms.js';
import { type Identifiers, identifiersOf, rank } from './identifiers.js';
import { expirationOf, importSecret } from './import.js';
import { keyFailure } from './key-failures.js';
import type { Secret } from './secret.js';
import type { VerificationKey } from './verification-key.js';

/** How many signatures one assertion can make the server check. */
export const MAX_KEY_TRIES = 8;

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

/** A secret of a client that was passed over because it cannot be used. */
export interface RefusedSecret {
  readonly secret: Secret;
  readonly message: string;
}

/** The outcome of a selection: at least one candidate, or the failure. */
export interface Selection {
  readonly candidates: readonly Candidate[];
  readonly refused: readonly RefusedSecret[];
  /** At most MAX_KEY_TRIES, imported only when this is called: for the operator's reason alone. */
  readonly expired: () => readonly ExpiredKey[];
  readonly failure?: Failure | undefined;
}

/** Where the keys of a secret come from: a `KeyCache`, or one with fetched keys besides. */
export interface KeySource {
  /** @throws {KeyError} where the secret cannot be used */
  keysOf(secret: Secret): readonly VerificationKey[];
  /** Called for a secret that has expired. */
  forget(secret: Secret): void;
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

/** Nothing keeps these keys, and what a `jwks_uri` would have held is not asked. */
function keysOfExpired(secret: Secret, wanted: Identifiers): ExpiredKey[] {
  const expiresAt = expirationOf(secret) as number;
  if (secret.type === 'JwksUri') return [{ secret, expiresAt }];
  try {
    const keys = importSecret(secret).filter((key) => rank(key, wanted) !== undefined);
    return keys.map((key) => ({ key, secret, expiresAt }));
  } catch {
    return [];
  }
}

/** The keys that could sign other assertions. */
function* usableKeys(secrets: readonly Secret[], now: number, keys: KeySource) {
  for (const secret of secrets) {
    try {
      const expiresAt = expirationOf(secret);
      if (expiresAt !== undefined && expiresAt <= now) continue;
      for (const key of keys.keysOf(secret)) yield { key, secret, expiresAt };
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
    }
  }
}

/** The most telling reason for which no key is left. */
function reasonFor(expired: boolean, notYetValid: boolean, refused: boolean): Reason {
  if (expired) return 'secret_expired';
  if (notYetValid) return 'secret_not_yet_valid';
  return refused ? 'secret_refused' : 'no_matching_key';
}

/**
 * Chooses the keys that may have signed: those with the header's `kid`, else with its `x5t#S256`,
 * else with its `x5t`, else every one that has no other identifier; of these the unexpired ones
 * that fit `alg`, at most MAX_KEY_TRIES.
 *
 * @param now seconds since the epoch
 * @param options.certificateValidity whether a certificate's own validity period counts
 */
export function selectKeys(
  secrets: readonly Secret[],
  header: JsonObject,
  now: number,
  options: { readonly keys: KeySource; readonly certificateValidity: boolean },
): Selection {
  const wanted = identifiersOf(header);
  const refused: RefusedSecret[] = [];
  const expiredSecrets: Secret[] = [];
  const expiredCertificates: ExpiredKey[] = [];
  let futureCertificate = false;
  let candidates: Candidate[] = [];
  let best = 0;

  for (const secret of secrets) {
    try {
      const expiration = expirationOf(secret);
      if (expiration !== undefined && expiration <= now) {
        expiredSecrets.push(secret);
        options.keys.forget(secret);
        continue;
      }
      for (const key of options.keys.keysOf(secret)) {
        const fit = rank(key, wanted);
        if (fit === undefined || fit < best) continue;
        const { notBefore, notAfter } = options.certificateValidity ? key : {};
        if (notBefore !== undefined && notBefore > now) {
          futureCertificate = true;
          continue;
        }
        // RFC 5280 §4.1.2.5: through notAfter, inclusive.
        if (notAfter !== undefined && notAfter < now) {
          expiredCertificates.push({ key, secret, expiresAt: notAfter });
          continue;
        }
        if (fit > best) candidates = [];
        best = fit;
        candidates.push({ key, secret, expiresAt: earlier(expiration, notAfter) });
      }
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      refused.push({ secret, message: error.message });
    }
  }

  const expired = () =>
    [
      ...expiredCertificates,
      ...expiredSecrets.slice(-MAX_KEY_TRIES).flatMap((secret) => keysOfExpired(secret, wanted)),
    ].slice(0, MAX_KEY_TRIES);
  if (candidates.length > 0) {
    return { candidates: candidates.slice(0, MAX_KEY_TRIES), refused, expired };
  }
  const tooLate = expired();
  const reason = reasonFor(tooLate.length > 0, futureCertificate, refused.length > 0);
  const failure = keyFailure(reason, wanted, usableKeys(secrets, now, options.keys), tooLate);
  return { candidates, refused, expired, failure };
}
