import type { StricterModes } from '../shared/events.js';
import { type Algorithm, FAPI2_ALGORITHMS } from '../shared/jose.js';
import type { Reason } from '../shared/reasons.js';
import { isIssuerAlone } from './checks/audience.js';
import type { ClientSubject } from './checks/check.js';
import { isExplicitTyp } from './checks/header.js';
import { lifetime } from './checks/times.js';

/** In seconds. */
const STRICT_LIFETIME = 600;

const TIME_REASONS = {
  exp: 'expiration_invalid',
  nbf: 'not_before_invalid',
  iat: 'issued_at_invalid',
} as const satisfies Record<string, Reason>;

/** Operators see which clients to warn before they turn a mode on. */
export function stricterModes(
  subject: ClientSubject,
  timesAsStrings: readonly string[],
): StricterModes {
  const { settings, client, jws } = subject;
  const isExplicit = isExplicitTyp(subject);
  const maxLifetime = (client.maxLifetime ?? STRICT_LIFETIME) + settings.clockTolerance;
  const isLong = lifetime(subject) > maxLifetime;
  const isString = isIssuerAlone(subject, 'issuer-string');
  const isAllowed = FAPI2_ALGORITHMS.has(jws.header['alg'] as Algorithm);
  const requireTyp: Reason[] = isExplicit ? [] : ['typ_not_allowed'];
  if (!isLong && isString && isAllowed && timesAsStrings.length === 0) {
    return { issuer: [], 'issuer-string': [], fapi2: [], requireTyp };
  }
  const common: Reason[] = [
    ...timesAsStrings.map((name) => TIME_REASONS[name as keyof typeof TIME_REASONS]),
    ...(isLong ? (['lifetime_too_long'] as const) : []),
  ];
  const audience = (isRight: boolean): Reason[] => (isRight ? [] : ['audience_mismatch']);
  const issuerString = [...audience(isString), ...common];
  const algorithm: Reason[] = isAllowed ? [] : ['algorithm_not_allowed'];
  return {
    issuer: [...audience(isIssuerAlone(subject, 'issuer')), ...common],
    'issuer-string': issuerString,
    fapi2: [...algorithm, ...issuerString],
    requireTyp,
  };
}

/** A listener that changes the event must not affect the application. */
export const copyOf = (modes: StricterModes): StricterModes => ({
  issuer: [...modes.issuer],
  'issuer-string': [...modes['issuer-string']],
  fapi2: [...modes.fapi2],
  requireTyp: [...modes.requireTyp],
});
