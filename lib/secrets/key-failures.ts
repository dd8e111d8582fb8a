import type { Failure, Reason } from '../reasons.js';
import { describeSecret } from './assert-secrets.js';
import { type Identifiers, namesOf } from './identifiers.js';
import type { Candidate, ExpiredKey } from './select-key.js';

// What the operator is told of keys that made no signature: whose they are and how they are called,
// never what they are.

/** How many keys are told of. */
const MAX_TOLD = 8;

function describeKey({ key, secret }: Candidate): string {
  const { kid, x5tS256, algorithms } = key;
  const [name = 'no kid'] = namesOf({ kid, x5tS256: kid === undefined ? x5tS256 : undefined });
  return `${describeSecret(secret)}: ${name}, ${algorithms.join('/')}`;
}

const describeExpired = ({ secret, expiresAt }: ExpiredKey): string =>
  `${describeSecret(secret)}, expired on ${new Date(expiresAt * 1000).toISOString()}`;

/**
 * Why no key of a client may have made the signature.
 *
 * @param usable those that may make others
 * @param expired those that fitted, or made it, and are past their time
 */
export function keyFailure(
  reason: Reason,
  wanted: Identifiers,
  usable: Iterable<Candidate>,
  expired: readonly ExpiredKey[],
): Failure {
  const told: string[] = [];
  for (const key of usable) {
    if (told.push(describeKey(key)) === MAX_TOLD) break;
  }
  return {
    reason,
    expected: told.length === 0 ? 'the client has no key that can be used' : told,
    actual: [`alg=${wanted.alg}`, ...namesOf(wanted), ...expired.map(describeExpired)],
  };
}
