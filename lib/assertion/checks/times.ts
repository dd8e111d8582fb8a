import type { JwtSubject } from '../subject.js';
import { type Check, claim, constant } from './check.js';

/** A NumericDate (RFC 7519 §2). */
const isNumericDate = (value: unknown): value is number => Number.isFinite(value);

const isOptionalNumericDate = (value: unknown): value is number | undefined =>
  value === undefined || isNumericDate(value);

const latest = ({ now, settings }: JwtSubject): number => now + settings.clockTolerance;

/** A claim of the wrong type is the business of the check for its type. */
const isAfter = (value: unknown, limit: number): boolean =>
  typeof value === 'number' && value > limit;

const expiration = ({ jws }: JwtSubject): number => {
  const exp = jws.claims['exp'];
  return typeof exp === 'number' ? exp : Number.NaN;
};

/** For how long a JWT is valid, in seconds: from `iat`, or else from now. */
export const lifetime = (subject: JwtSubject): number => {
  const iat = subject.jws.claims['iat'];
  return expiration(subject) - (typeof iat === 'number' ? iat : subject.now);
};

/** The rules for `exp`, `nbf` and `iat` that all signed JWTs share. */
export const TIME_CHECKS: readonly Check<JwtSubject>[] = [
  {
    name: 'exp is a number',
    source: 'RFC 7523 §3 (4)',
    reason: 'expiration_invalid',
    passes: ({ jws }) => isNumericDate(jws.claims['exp']),
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
    passes: ({ jws }) => isOptionalNumericDate(jws.claims['nbf']),
    expected: constant('absent or a number'),
    actual: claim('nbf'),
  },
  {
    name: 'nbf is not in the future',
    source: 'RFC 7523 §3 (5)',
    reason: 'not_yet_valid',
    passes: (subject) => !isAfter(subject.jws.claims['nbf'], latest(subject)),
    expected: (subject) => `<= ${latest(subject)}`,
    actual: claim('nbf'),
  },
  {
    name: 'iat is a number',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_at_invalid',
    passes: ({ jws }) => isOptionalNumericDate(jws.claims['iat']),
    expected: constant('absent or a number'),
    actual: claim('iat'),
  },
  {
    name: 'iat is not in the future',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_in_the_future',
    passes: (subject) => !isAfter(subject.jws.claims['iat'], latest(subject)),
    expected: (subject) => `<= ${latest(subject)}`,
    actual: claim('iat'),
  },
];
