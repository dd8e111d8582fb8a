import type { JsonObject } from '../../keys/compact-jws.js';
import { type Check, type ClientSubject, claim, constant, type JwtSubject } from './check.js';

const TIMES = ['exp', 'nbf', 'iat'] as const;

const NONE: readonly string[] = [];

/** MSAL.NET writes times like this, and Microsoft's validator accepts them. */
const DIGITS = /^[0-9]{1,15}$/;

const isTimeString = (value: unknown): value is string =>
  typeof value === 'string' && DIGITS.test(value);

export function timesAsStrings(claims: JsonObject): readonly string[] {
  const { exp, nbf, iat } = claims;
  // Fast path: nearly all clients write numbers.
  if (typeof exp !== 'string' && typeof nbf !== 'string' && typeof iat !== 'string') return NONE;
  return TIMES.filter((name) => isTimeString(claims[name]));
}

export const withNumericTimes = (claims: JsonObject, names: readonly string[]): JsonObject =>
  names.length === 0
    ? claims
    : { ...claims, ...Object.fromEntries(names.map((name) => [name, Number(claims[name])])) };

const latest = ({ now, settings }: JwtSubject): number => now + settings.clockTolerance;

/** In seconds: from `iat`, or `nbf`, or now. */
export const lifetime = (subject: JwtSubject): number => {
  const { exp, iat, nbf } = subject.claims;
  const start = typeof iat === 'number' ? iat : nbf;
  const end = typeof exp === 'number' ? exp : Number.NaN;
  return end - (typeof start === 'number' ? start : subject.now);
};

/** NumericDate (RFC 7519 §2), compared unrounded. Wrong types are for the type check. */
export const TIME_CHECKS: readonly Check<JwtSubject>[] = [
  {
    name: 'exp is a number',
    source: 'RFC 7523 §3 (4)',
    reason: 'expiration_invalid',
    passes: ({ claims }) => Number.isFinite(claims['exp']),
    expected: constant('a number'),
    actual: claim('exp'),
  },
  {
    name: 'exp is in the future',
    source: 'RFC 7523 §3 (4)',
    reason: 'expired',
    passes: ({ claims: { exp }, settings, now }) =>
      typeof exp === 'number' && exp + settings.clockTolerance > now,
    expected: ({ now, settings }) => `> ${now - settings.clockTolerance}`,
    actual: claim('exp'),
  },
  {
    name: 'nbf is a number',
    source: 'RFC 7523 §3 (5)',
    reason: 'not_before_invalid',
    passes: ({ claims: { nbf } }) => nbf === undefined || Number.isFinite(nbf),
    expected: constant('absent or a number'),
    actual: claim('nbf'),
  },
  {
    name: 'nbf is not in the future',
    source: 'RFC 7523 §3 (5)',
    reason: 'not_yet_valid',
    passes: ({ claims: { nbf }, settings, now }) =>
      typeof nbf !== 'number' || nbf <= now + settings.clockTolerance,
    expected: (subject) => `<= ${latest(subject)}`,
    actual: claim('nbf'),
  },
  {
    name: 'iat is a number',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_at_invalid',
    passes: ({ claims: { iat } }) => iat === undefined || Number.isFinite(iat),
    expected: constant('absent or a number'),
    actual: claim('iat'),
  },
  {
    name: 'iat is not in the future',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_in_the_future',
    passes: ({ claims: { iat }, settings, now }) =>
      typeof iat !== 'number' || iat <= now + settings.clockTolerance,
    expected: (subject) => `<= ${latest(subject)}`,
    actual: claim('iat'),
  },
];

const maxLifetime = ({ client, settings }: ClientSubject): number =>
  (client.maxLifetime ?? settings.maxLifetime) + settings.clockTolerance;

const oldestIssuedAt = (subject: ClientSubject): number => subject.now - maxLifetime(subject);

/** The client's `maxLifetime` overrides the server's. */
export const LIFETIME_CHECKS: readonly Check<ClientSubject>[] = [
  {
    name: 'iat is not too old',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_too_long_ago',
    passes: (subject) => {
      const { iat } = subject.claims;
      return typeof iat !== 'number' || iat >= oldestIssuedAt(subject);
    },
    expected: (subject) => `>= ${oldestIssuedAt(subject)}`,
    actual: claim('iat'),
  },
  {
    name: 'lifetime',
    source: 'RFC 7523 §3 (4)',
    reason: 'lifetime_too_long',
    passes: (subject) => lifetime(subject) <= maxLifetime(subject),
    expected: (subject) => `<= ${maxLifetime(subject)}`,
    actual: lifetime,
  },
];
