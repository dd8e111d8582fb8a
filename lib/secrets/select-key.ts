import type { JsonObject } from '../assertion/compact-jws.js';
import type { Failure, Reason } from '../reasons.js';
import { KeyError } from './algorithms.js';
import { expirationOf, importSecret } from './import.js';
import type { Secret } from './secret.js';
import type { VerificationKey } from './verification-key.js';

/** How many signatures one assertion can make the server check. */
export const MAX_KEY_TRIES = 8;

/** How many expired secrets are imported for a reason. Nothing keeps their keys. */
const MAX_EXPIRED = 8;

/** A key that may have made the signature, and the secret that it comes from. */
export interface Candidate {
  readonly key: VerificationKey;
  readonly secret: Secret;
  /** The earlier of the secret's expiration and the certificate's, in seconds since the epoch. */
  readonly expiresAt: number | undefined;
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
  readonly failure?: Failure | undefined;
}

/** Where the keys of a secret come from: a `KeyCache`, or one with fetched keys besides. */
export interface KeySource {
  /** @throws {KeyError} where the secret cannot be used */
  keysOf(secret: Secret): readonly VerificationKey[];
  /** Called for a secret that has expired. */
  forget(secret: Secret): void;
}

interface Identifiers {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly x5t: string | undefined;
  readonly x5tS256: string | undefined;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

function identifiersOf(header: JsonObject): Identifiers {
  return {
    alg: String(header['alg']),
    kid: text(header['kid']),
    x5t: text(header['x5t']),
    x5tS256: text(header['x5t#S256']),
  };
}

/**
 * How well a key fits the header: 3 for its `kid`, 2 and 1 for its thumbprints, 0 where nothing
 * speaks against it, undefined where it is another key.
 */
function rank(key: VerificationKey, wanted: Identifiers): number | undefined {
  if (!(key.algorithms as readonly string[]).includes(wanted.alg)) return undefined;
  if (wanted.kid !== undefined && key.kid === wanted.kid) return 3;
  if (wanted.x5tS256 !== undefined && key.x5tS256 === wanted.x5tS256) return 2;
  if (wanted.x5t !== undefined && key.x5t === wanted.x5t) return 1;
  // What both have is not the same, or it would have been found above.
  const isAnother =
    (wanted.kid !== undefined && key.kid !== undefined) ||
    (wanted.x5tS256 !== undefined && key.x5tS256 !== undefined) ||
    (wanted.x5t !== undefined && key.x5t !== undefined);
  return isAnother ? undefined : 0;
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

/**
 * Whether a secret that has expired would have fitted: for the operator's reason only. What a
 * `jwks_uri` would have held is not asked.
 */
function fits(secret: Secret, wanted: Identifiers): boolean {
  if (secret.type === 'JwksUri') return true;
  try {
    return importSecret(secret).some((key) => rank(key, wanted) !== undefined);
  } catch {
    return false;
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
  let expiredCertificate = false;
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
          expiredCertificate = true;
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

  if (candidates.length > 0) return { candidates: candidates.slice(0, MAX_KEY_TRIES), refused };
  const looked = expiredSecrets.slice(-MAX_EXPIRED);
  const expired = expiredCertificate || looked.some((secret) => fits(secret, wanted));
  return {
    candidates,
    refused,
    failure: {
      reason: reasonFor(expired, futureCertificate, refused.length > 0),
      actual: Object.entries(wanted).flatMap(([name, value]) =>
        value === undefined ? [] : [`${name}=${value}`],
      ),
    },
  };
}
