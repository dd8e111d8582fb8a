import type { Reason } from '../reasons.js';
import { acceptedAudiences, audienceForm, isStrictAudience } from './audience.js';
import type { JsonObject } from './compact-jws.js';
import type { AssertionSubject, ClientSubject } from './subject.js';
import { typOf } from './typ.js';

/** One rule: how it is called, where it is written, and whether an assertion keeps it. */
export interface Check<Subject> {
  readonly name: string;
  readonly source: string;
  /** What is reported when the rule is broken. */
  readonly reason: Reason;
  passes(subject: Subject): boolean;
  expected(subject: Subject): unknown;
  actual(subject: Subject): unknown;
}

const KEY_IDENTIFIERS = ['kid', 'x5t', 'x5t#S256'] as const;
const STRICT_TYP = 'client-authentication+jwt';
const COMPATIBLE_TYPS: readonly unknown[] = [undefined, 'jwt', STRICT_TYP];

const isNonEmptyString = (value: unknown): value is string =>
  typeof value === 'string' && value !== '';

/** A NumericDate (RFC 7519 §2). */
const isNumericDate = (value: unknown): value is number => Number.isFinite(value);

const isOptionalNumericDate = (value: unknown): value is number | undefined =>
  value === undefined || isNumericDate(value);

const member =
  (part: 'header' | 'claims', name: string) =>
  ({ jws }: AssertionSubject): unknown =>
    jws[part][name];

const header = (name: string) => member('header', name);
const claim = (name: string) => member('claims', name);
const constant = (value: unknown) => (): unknown => value;

const numericDate = (claims: JsonObject, name: string): number => {
  const value = claims[name];
  return typeof value === 'number' ? value : Number.NaN;
};

const latest = ({ now, settings }: AssertionSubject): number => now + settings.clockTolerance;

/** A missing claim, or one of the wrong type, is the business of the check for its type. */
const isAfter = (value: unknown, limit: number): boolean =>
  typeof value === 'number' && value > limit;

const lifetime = ({ jws, now }: AssertionSubject): number => {
  const iat = jws.claims['iat'];
  return numericDate(jws.claims, 'exp') - (typeof iat === 'number' ? iat : now);
};

const maxLifetime = ({ client, settings }: ClientSubject): number =>
  client.maxLifetime ?? settings.maxLifetime;

/** What can be refused before the client is looked up, in the order in which it is reported. */
export const ASSERTION_CHECKS: readonly Check<AssertionSubject>[] = [
  {
    name: 'alg',
    source: 'RFC 8725 §3.1',
    reason: 'algorithm_not_allowed',
    passes: ({ jws, settings }) => settings.algorithms.has(jws.header['alg'] as string),
    expected: ({ settings }) => [...settings.algorithms],
    actual: header('alg'),
  },
  {
    name: 'crit',
    source: 'RFC 7515 §4.1.11',
    reason: 'critical_header',
    passes: ({ jws }) => jws.header['crit'] === undefined,
    expected: constant('absent'),
    actual: header('crit'),
  },
  {
    name: 'b64',
    source: 'RFC 7797 §7',
    reason: 'unencoded_payload',
    passes: ({ jws }) => jws.header['b64'] === undefined || jws.header['b64'] === true,
    expected: constant('absent'),
    actual: header('b64'),
  },
  {
    name: 'typ',
    source: 'draft-ietf-oauth-rfc7523bis §4, RFC 8725 §3.11',
    reason: 'typ_not_allowed',
    passes: ({ jws, settings }) => {
      const typ = typOf(jws.header);
      return settings.audience === 'strict' ? typ === STRICT_TYP : COMPATIBLE_TYPS.includes(typ);
    },
    expected: ({ settings }) =>
      settings.audience === 'strict' ? STRICT_TYP : ['absent', 'JWT', STRICT_TYP],
    actual: header('typ'),
  },
  {
    name: 'key identifiers',
    source: 'RFC 7515 §4.1.4, §4.1.7, §4.1.8',
    reason: 'key_identifier_invalid',
    passes: ({ jws }) =>
      KEY_IDENTIFIERS.every((name) => ['undefined', 'string'].includes(typeof jws.header[name])),
    expected: constant('strings'),
    actual: ({ jws }) => KEY_IDENTIFIERS.map((name) => jws.header[name]),
  },
  {
    name: 'iss',
    source: 'RFC 7523 §3 (1)',
    reason: 'issuer_invalid',
    passes: ({ jws }) => isNonEmptyString(jws.claims['iss']),
    expected: constant('the client_id'),
    actual: claim('iss'),
  },
  {
    name: 'sub',
    source: 'RFC 7523 §3 (2)',
    reason: 'subject_mismatch',
    passes: ({ jws }) => jws.claims['sub'] === jws.claims['iss'],
    expected: claim('iss'),
    actual: claim('sub'),
  },
  {
    name: 'client_id parameter',
    source: 'RFC 7521 §4.2',
    reason: 'client_id_mismatch',
    passes: ({ jws, clientIdParameter }) =>
      clientIdParameter === undefined || clientIdParameter === jws.claims['sub'],
    expected: claim('sub'),
    actual: ({ clientIdParameter }) => clientIdParameter,
  },
  {
    name: 'aud',
    source: 'RFC 7523 §3 (3), draft-ietf-oauth-rfc7523bis §4',
    reason: 'audience_mismatch',
    passes: (subject) => audienceForm(subject) !== undefined,
    expected: (subject) => acceptedAudiences(subject).map(([audience]) => audience),
    actual: claim('aud'),
  },
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
    passes: ({ jws, now, settings }) =>
      numericDate(jws.claims, 'exp') + settings.clockTolerance > now,
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
  {
    name: 'jti',
    source: 'RFC 7523 §3 (7), OpenID Connect Core §9',
    reason: 'jwt_id_invalid',
    passes: ({ jws }) => isNonEmptyString(jws.claims['jti']),
    expected: constant('a non-empty string'),
    actual: claim('jti'),
  },
];

/** What depends on the client, in the order in which it is reported. */
export const CLIENT_CHECKS: readonly Check<ClientSubject>[] = [
  {
    name: 'client is enabled',
    source: 'RFC 6749 §5.2',
    reason: 'client_disabled',
    passes: ({ client }) => client.disabled !== true,
    expected: constant('enabled'),
    actual: ({ client }) => (client.disabled === true ? 'disabled' : 'enabled'),
  },
  {
    name: 'alg of the client',
    source: 'RFC 7591 §2, OpenID Connect Registration §2',
    reason: 'client_algorithm_mismatch',
    passes: ({ client, jws }) =>
      client.tokenEndpointAuthSigningAlg === undefined ||
      client.tokenEndpointAuthSigningAlg === jws.header['alg'],
    expected: ({ client }) => client.tokenEndpointAuthSigningAlg ?? 'any',
    actual: header('alg'),
  },
  {
    name: 'lifetime',
    source: 'RFC 7523 §3 (4)',
    reason: 'lifetime_too_long',
    passes: (subject) => lifetime(subject) <= maxLifetime(subject),
    expected: (subject) => `<= ${maxLifetime(subject)}`,
    actual: lifetime,
  },
  {
    name: 'iat is not too old',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_too_long_ago',
    passes: (subject) => {
      const iat = subject.jws.claims['iat'];
      const oldest = subject.now - maxLifetime(subject) - subject.settings.clockTolerance;
      return typeof iat !== 'number' || iat >= oldest;
    },
    expected: (subject) =>
      `>= ${subject.now - maxLifetime(subject) - subject.settings.clockTolerance}`,
    actual: claim('iat'),
  },
];

/**
 * What `audience: 'strict'` would have refused: asked of every assertion that `compatible` accepts,
 * so that an operator can see which clients to warn before the switch.
 */
export function strictFailures(subject: AssertionSubject): readonly Reason[] {
  const failures: Reason[] = [];
  if (typOf(subject.jws.header) !== STRICT_TYP) failures.push('typ_not_allowed');
  if (!isStrictAudience(subject)) failures.push('audience_mismatch');
  return failures;
}
