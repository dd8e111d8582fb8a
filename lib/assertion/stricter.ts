import type { StricterModes } from '../shared/events.js';
import type { Reason } from '../shared/reasons.js';
import { isIssuerAlone } from './checks/audience.js';
import type { ClientSubject } from './checks/check.js';
import { isExplicitTyp } from './checks/header.js';
import { lifetime } from './checks/times.js';
import { FAPI2_ALGORITHMS } from './rules.js';

/** The default of the stricter modes, in seconds. */
const STRICT_LIFETIME = 600;

const TIME_REASONS = {
  exp: 'expiration_invalid',
  nbf: 'not_before_invalid',
  iat: 'issued_at_invalid',
} as const satisfies Record<string, Reason>;

const NONE: readonly Reason[] = Object.freeze([]);
const NO_TYP: readonly Reason[] = Object.freeze(['typ_not_allowed'] as const);

const conforming = (requireTyp: readonly Reason[]): StricterModes =>
  Object.freeze({ issuer: NONE, 'issuer-string': NONE, fapi2: NONE, requireTyp });

/** What most assertions get, so that it is made once. */
const CONFORMING = conforming(NONE);
const CONFORMING_WITHOUT_TYP = conforming(NO_TYP);

/**
 * What each stricter mode would have refused of an accepted assertion, so that an operator can see
 * which clients to warn before the mode is turned on.
 */
export function stricterModes(
  subject: ClientSubject,
  timesAsStrings: readonly string[],
): StricterModes {
  const { settings, client, jws } = subject;
  const isExplicit = isExplicitTyp(subject);
  const maxLifetime = (client.maxLifetime ?? STRICT_LIFETIME) + settings.clockTolerance;
  const isLong = lifetime(subject) > maxLifetime;
  const isString = isIssuerAlone(subject, 'issuer-string');
  const isFapi2Algorithm = FAPI2_ALGORITHMS.has(String(jws.header['alg']));
  if (!isLong && isString && isFapi2Algorithm && timesAsStrings.length === 0) {
    return isExplicit ? CONFORMING : CONFORMING_WITHOUT_TYP;
  }
  const common: Reason[] = [
    ...timesAsStrings.map((name) => TIME_REASONS[name as keyof typeof TIME_REASONS]),
    ...(isLong ? (['lifetime_too_long'] as const) : []),
  ];
  const audience = (isRight: boolean): Reason[] => (isRight ? [] : ['audience_mismatch']);
  const issuerString = [...audience(isString), ...common];
  const algorithm: Reason[] = isFapi2Algorithm ? [] : ['algorithm_not_allowed'];
  // Frozen, since the event and the application are given the same one.
  return Object.freeze({
    issuer: Object.freeze([...audience(isIssuerAlone(subject, 'issuer')), ...common]),
    'issuer-string': Object.freeze(issuerString),
    fapi2: Object.freeze([...algorithm, ...issuerString]),
    requireTyp: isExplicit ? NONE : NO_TYP,
  });
}
