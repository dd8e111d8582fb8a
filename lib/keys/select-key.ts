import { KeyError } from './algorithms.js';
import {
  type Candidate,
  certificateState,
  type ExpiredKey,
  type KeyQuery,
  MAX_KEY_TRIES,
} from './candidate.js';
import { rank } from './identifiers.js';
import { expirationOf } from './import.js';
import type { Secret } from './secret.js';

/** A secret of a client that was passed over because it cannot be used. */
export interface RefusedSecret {
  readonly secret: Secret;
  readonly message: string;
}

/** The outcome of a selection: the keys to try, and why others are not among them. */
export interface Selection {
  readonly candidates: readonly Candidate[];
  readonly refused: readonly RefusedSecret[];
  readonly expiredSecrets: readonly Secret[];
  readonly expiredCertificates: readonly ExpiredKey[];
  /** Whether a certificate would have fitted that is not valid yet. */
  readonly early: boolean;
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

/**
 * Chooses the keys that may have signed: those with the header's `kid`, else with its `x5t#S256`,
 * else with its `x5t`, else every one that has no other identifier; of these the unexpired ones
 * that fit `alg`, at most MAX_KEY_TRIES.
 */
export function selectKeys(query: KeyQuery): Selection {
  const { secrets, wanted, now, keys, certificateValidity } = query;
  const refused: RefusedSecret[] = [];
  const expiredSecrets: Secret[] = [];
  const expiredCertificates: ExpiredKey[] = [];
  let early = false;
  let candidates: Candidate[] = [];
  let best = 0;

  for (const secret of secrets) {
    try {
      const expiration = expirationOf(secret);
      if (expiration !== undefined && expiration <= now) {
        expiredSecrets.push(secret);
        keys.forget(secret);
        continue;
      }
      for (const key of keys.keysOf(secret)) {
        const fit = rank(key, wanted);
        if (fit === undefined) continue;
        const state = certificateState(key, query);
        const notAfter = certificateValidity ? key.notAfter : undefined;
        if (state === 'early') {
          early = true;
        } else if (state === 'expired') {
          expiredCertificates.push({ key, secret, expiresAt: notAfter as number });
        } else if (fit >= best) {
          if (fit > best) candidates = [];
          best = fit;
          candidates.push({ key, secret, expiresAt: earlier(expiration, notAfter) });
        }
      }
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      refused.push({ secret, message: error.message });
    }
  }
  candidates = candidates.length > MAX_KEY_TRIES ? candidates.slice(0, MAX_KEY_TRIES) : candidates;
  return { candidates, refused, expiredSecrets, expiredCertificates, early };
}
