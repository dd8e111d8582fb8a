import type { JsonObject } from '../../keys/compact-jws.js';
import { type Check, type ClientSubject, claim, constant, type JwtSubject } from './check.js';

const TIMES = ['exp', 'nbf', 'iat'] as const;

/** What MSAL.NET writes and Microsoft's validator takes. */
const DIGITS = /^[0-9]{1,15}$/;

const isTimeString = (value: unknown): value is string =>
  typeof value === 'string' && DIGITS.test(value);

/** Which of `exp`, `nbf` and `iat` are strings of digits. */
export const timesAsStrings = (claims: JsonObject): readonly string[] =>
  TIMES.filter((name) => isTimeString(claims[name]));

/** The claims with these times as numbers. */
export const withNumericTimes = (claims: JsonObject, names: readonly string[]): JsonObject =>
  names.length === 0
    ? claims
    : { ...claims, ...Object.fromEntries(names.map((name) => [name, Number(claims[name])])) };

/** A NumericDate (RFC 7519 §2). */
const isNumericDate = (value: unknown): value is number => Number.isFinite(value);

const isOptionalNumericDate = (value: unknown): value is number | undefined =>
  value === undefined || isNumericDate(value);

const latest = ({ now, settings }: JwtSubject): number => now + settings.clockTolerance;

/** A claim of the wrong type is the business of the check for its type. */
const isAfter = (value: unknown, limit: number): boolean =>
  typeof value === 'number' && value > limit;

const expiration = ({ claims }: JwtSubject): number => {
  const exp = claims['exp'];
  return typeof exp === 'number' ? exp : Number.NaN;
};

/** For how long a JWT is valid, in seconds: from `iat`, else from `nbf`, else from now. */
export const lifetime = (subject: JwtSubject): number => {
  const { iat, nbf } = subject.claims;
  const from = [iat, nbf].find((time) => typeof time === 'number') ?? subject.now;
  return expiration(subject) - (from as number);
};

/** The rules for `exp`, `nbf` and `iat` that all signed JWTs share. Times are compared unrounded. */
export const TIME_CHECKS: readonly Check<JwtSubject>[] = [
  {
    name: 'exp is a number',
    source: 'RFC 7523 §3 (4)',
    reason: 'expiration_invalid',
    passes: ({ claims }) => isNumericDate(claims['exp']),
    expected: constant('a number'),
    actual: claim('exp'),
  },
  {
    name: 'exp is in the future',
    source: 'RFC 7523 §3 (4)',
    reason: 'expired',
    passes: (subject) => expiration(subject) + subject.settings.clockTolerance > subject.now,
    expected: ({ now, settings }) => `> ${now - settings.clockTolerance}`,
    actual: claim('exp'),
  },
  {
    name: 'nbf is a number',
    source: 'RFC 7523 §3 (5)',
    reason: 'not_before_invalid',
    passes: ({ claims }) => isOptionalNumericDate(claims['nbf']),
    expected: constant('absent or a number'),
    actual: claim('nbf'),
  },
  {
    name: 'nbf is not in the future',
    source: 'RFC 7523 §3 (5)',
    reason: 'not_yet_valid',
    passes: (subject) => !isAfter(subject.claims['nbf'], latest(subject)),
    expected: (subject) => `<= ${latest(subject)}`,
    actual: claim('nbf'),
  },
  {
    name: 'iat is a number',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_at_invalid',
    passes: ({ claims }) => isOptionalNumericDate(claims['iat']),
    expected: constant('absent or a number'),
    actual: claim('iat'),
  },
  {
    name: 'iat is not in the future',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_in_the_future',
    passes: (subject) => !isAfter(subject.claims['iat'], latest(subject)),
    expected: (subject) => `<= ${latest(subject)}`,
    actual: claim('iat'),
  },
];

const maxLifetime = ({ client, settings }: ClientSubject): number =>
  (client.maxLifetime ?? settings.maxLifetime) + settings.clockTolerance;

const oldestIssuedAt = (subject: ClientSubject): number => subject.now - maxLifetime(subject);

/** How long a client's assertion may be valid for, which the client may override. */
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
