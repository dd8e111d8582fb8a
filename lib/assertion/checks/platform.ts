import { isSymmetric } from '../../keys/compact-jws.js';
import type { FederatedIdentity } from '../../keys/secret.js';
import {
  type AssertionSubject,
  type Check,
  type ClientSubject,
  claim,
  constant,
  isNonEmptyString,
} from './check.js';
import { REQUEST_PARAMETERS_CHECK } from './claims.js';
import { ENABLED_CHECK, METHOD_CHECK } from './client.js';
import { ALG_CHECK, HEADER_CHECKS, TYP_CHECK } from './header.js';
import { lifetime, TIME_CHECKS } from './times.js';

// `iss` and `sub` belong to the platform (RFC 7521 §3, RFC 7523 §3).

/** In seconds. Entra's managed identities are valid for 24 hours and backdate `iat`. */
const DEFAULT_MAX_LIFETIME = 90_000;

/** Without `client_id` the client is unknown: the rules for its own assertions apply, and fail. */
export const isOfPlatform = ({ claims, clientIdParameter }: AssertionSubject): boolean => {
  const { iss, sub } = claims;
  if (clientIdParameter === undefined || iss === sub) return false;
  return isNonEmptyString(iss) && isNonEmptyString(sub);
};

const isAsymmetric = (alg: unknown): boolean => !isSymmetric(alg);

/** Before the client is looked up, in reporting order. */
export const PLATFORM_CHECKS: readonly Check<AssertionSubject>[] = [
  ...HEADER_CHECKS.map(
    (check): Check<AssertionSubject> =>
      check === ALG_CHECK
        ? {
            ...check,
            passes: (subject) => check.passes(subject) && isAsymmetric(subject.jws.header['alg']),
            expected: ({ settings }) => [...settings.algorithms].filter(isAsymmetric),
          }
        : check,
  ),
  TYP_CHECK,
  ...TIME_CHECKS,
  REQUEST_PARAMETERS_CHECK,
];

/** The client's registered `alg` applies to its own keys only. */
export const PLATFORM_CLIENT_CHECKS: readonly Check<ClientSubject>[] = [
  ENABLED_CHECK,
  METHOD_CHECK,
];

export interface TrustSubject extends ClientSubject {
  /** Those that passed every rule so far. */
  readonly identities: readonly FederatedIdentity[];
}

export interface TrustCheck extends Check<TrustSubject> {
  trusts(identity: FederatedIdentity, subject: ClientSubject): boolean;
}

const wanted =
  (read: (identity: FederatedIdentity, subject: ClientSubject) => unknown) =>
  (subject: TrustSubject): unknown[] => [
    ...new Set(subject.identities.map((identity) => read(identity, subject))),
  ];

const trustCheck = (check: Omit<TrustCheck, 'passes'>): TrustCheck => ({
  ...check,
  passes: (subject) => subject.identities.some((identity) => check.trusts(identity, subject)),
});

const audienceOf = ({ audience }: FederatedIdentity, { server }: ClientSubject): string =>
  audience ?? server.issuer;

function hasAudience({ jws }: ClientSubject, audience: string): boolean {
  const { aud } = jws.claims;
  if (!Array.isArray(aud)) return aud === audience;
  return aud.every((value) => typeof value === 'string') && aud.includes(audience);
}

const brokenClaims = ({ claims }: FederatedIdentity, { jws }: ClientSubject): string[] =>
  Object.entries(claims ?? {})
    .filter(([name, value]) => !Object.hasOwn(jws.claims, name) || jws.claims[name] !== value)
    .map(([name]) => name);

const spanOf = ({ maxLifetime }: FederatedIdentity, { settings }: ClientSubject): number =>
  (maxLifetime ?? DEFAULT_MAX_LIFETIME) + settings.clockTolerance;

/** Rules about the platforms that the client's secrets trust, in reporting order. */
export const TRUST_CHECKS: readonly TrustCheck[] = [
  trustCheck({
    name: 'iss',
    source: 'RFC 7523 §3 (1)',
    reason: 'subject_mismatch',
    // Only a client's own keys can sign in the client's name.
    trusts: ({ issuer }, { jws, client }) =>
      issuer === jws.claims['iss'] && issuer !== client.clientId,
    expected: ({ jws, identities }) => [
      `sub = ${String(jws.claims['iss'])}, or a FederatedIdentity secret of the client for this iss`,
      ...identities.map(({ issuer }) => `the client has a FederatedIdentity secret for ${issuer}`),
    ],
    actual: claim('sub'),
  }),
  trustCheck({
    name: 'sub',
    source: 'RFC 7523 §3 (2)',
    reason: 'subject_mismatch',
    trusts: ({ subject }, { jws }) => subject === jws.claims['sub'],
    expected: wanted(({ subject }) => subject),
    actual: claim('sub'),
  }),
  trustCheck({
    name: 'aud',
    source: 'RFC 7523 §3 (3)',
    reason: 'audience_mismatch',
    trusts: (identity, subject) => hasAudience(subject, audienceOf(identity, subject)),
    expected: wanted(audienceOf),
    actual: claim('aud'),
  }),
  trustCheck({
    name: 'further claims',
    source: 'RFC 7521 §5.2',
    reason: 'claim_mismatch',
    trusts: (identity, subject) => brokenClaims(identity, subject).length === 0,
    expected: ({ identities }) =>
      identities.flatMap(({ claims }) =>
        Object.entries(claims ?? {}).map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
      ),
    actual: (subject) => {
      const broken = subject.identities.flatMap((identity) => brokenClaims(identity, subject));
      return [...new Set(broken)].map((name) => `${name} = ${shownClaim(subject, name)}`);
    },
  }),
  trustCheck({
    name: 'iat is not too old',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_too_long_ago',
    trusts: (identity, subject) => {
      const { iat } = subject.claims;
      return typeof iat !== 'number' || iat >= subject.now - spanOf(identity, subject);
    },
    expected: wanted((identity, subject) => `>= ${subject.now - spanOf(identity, subject)}`),
    actual: claim('iat'),
  }),
  trustCheck({
    name: 'lifetime',
    source: 'RFC 7523 §3 (4)',
    reason: 'lifetime_too_long',
    trusts: (identity, subject) => lifetime(subject) <= spanOf(identity, subject),
    expected: wanted((identity, subject) => `<= ${spanOf(identity, subject)}`),
    actual: lifetime,
  }),
  trustCheck({
    name: 'jti',
    source: 'RFC 7523 §3 (7)',
    reason: 'jwt_id_invalid',
    trusts: ({ singleUse }, { jws }) => singleUse !== true || isNonEmptyString(jws.claims['jti']),
    expected: constant('a non-empty string, because singleUse is set'),
    actual: claim('jti'),
  }),
];

function shownClaim({ jws }: ClientSubject, name: string): string {
  const value = Object.hasOwn(jws.claims, name) ? jws.claims[name] : undefined;
  if (value === undefined) return 'absent';
  return typeof value === 'object' ? 'an object or an array' : JSON.stringify(value);
}
