import type { Failure, Reason } from '../shared/reasons.js';
import { KeyError } from './algorithms.js';
import { describeSecret } from './assert-secrets.js';
import {
  type Candidate,
  certificateState,
  type ExpiredKey,
  type KeyQuery,
  MAX_KEY_TRIES,
} from './candidate.js';
import { expiredKeys } from './expired-keys.js';
import { type Identifiers, namesOf } from './identifiers.js';
import { expirationOf } from './import.js';
import type { Secret } from './secret.js';
import type { Selection } from './select-key.js';
import type { VerificationKey } from './verification-key.js';

// What the operator is told of keys that made no signature: whose they are and how they are called,
// never what they are.

function describeKey({ key, secret }: Pick<Candidate, 'key' | 'secret'>): string {
  const { kid, x5tS256, algorithms } = key;
  const [name = 'no kid'] = namesOf({ kid, x5tS256: kid === undefined ? x5tS256 : undefined });
  return `${describeSecret(secret)}: ${name}, ${algorithms.join('/')}`;
}

const describeExpired = ({ secret, expiresAt }: ExpiredKey): string =>
  `${describeSecret(secret)}, expired on ${new Date(expiresAt * 1000).toISOString()}`;

const named = (wanted: Identifiers): string[] => [`alg=${wanted.alg}`, ...namesOf(wanted)];

/** The keys of a secret that may sign now. */
function usableKeys(secret: Secret, query: KeyQuery): readonly VerificationKey[] {
  try {
    const expiration = expirationOf(secret);
    if (expiration !== undefined && expiration <= query.now) return [];
    return query.keys.keysOf(secret).filter((key) => certificateState(key, query) === 'valid');
  } catch (error) {
    if (error instanceof KeyError) return [];
    throw error;
  }
}

/** What the client may sign with, as far as it is told. */
function usable(query: KeyQuery): string | string[] {
  const told: string[] = [];
  for (const secret of query.secrets) {
    for (const key of usableKeys(secret, query)) told.push(describeKey({ key, secret }));
    if (told.length >= MAX_KEY_TRIES) break;
  }
  return told.length === 0
    ? 'the client has no key that can be used'
    : told.slice(0, MAX_KEY_TRIES);
}

/** The most telling reason for which no key is left. */
function reasonFor(expired: boolean, { early, refused }: Selection): Reason {
  if (expired) return 'secret_expired';
  if (early) return 'secret_not_yet_valid';
  return refused.length > 0 ? 'secret_refused' : 'no_matching_key';
}

/** Why a selection has no candidates. */
export function noKeyFailure(query: KeyQuery, selection: Selection): Failure {
  const expired = new Set<string>();
  for (const key of expiredKeys(query, selection)) {
    if (expired.add(describeExpired(key)).size === MAX_KEY_TRIES) break;
  }
  return {
    reason: reasonFor(expired.size > 0, selection),
    expected: usable(query),
    actual: [...named(query.wanted), ...expired],
  };
}

/** A key made the signature after its time. */
export const expiredFailure = (query: KeyQuery, key: ExpiredKey): Failure => ({
  reason: 'secret_expired',
  expected: usable(query),
  actual: [...named(query.wanted), describeExpired(key)],
});

/** None of the keys that were tried made the signature. */
export const signatureFailure = ({ wanted }: KeyQuery, { candidates }: Selection): Failure => ({
  reason: 'signature_invalid',
  expected: candidates.map(describeKey),
  actual: named(wanted),
});
