import { isSameAlgorithm } from '../../shared/algorithms.js';
import { CLIENT_AUTHENTICATION_TYP } from '../../shared/jwt-types.js';
import type { Failure, Reason } from '../../shared/reasons.js';
import type { AssertionSubject, ClientSubject } from '../subject.js';
import { acceptedAudiences, audienceForm, isStrictAudience, isStrictByTyp } from './audience.js';
import { type Check, claim, constant, header, isNonEmptyString } from './check.js';
import { HEADER_CHECKS } from './header.js';
import { lifetime, TIME_CHECKS } from './times.js';
import { typOf } from './typ.js';

const COMPATIBLE_TYPS: readonly unknown[] = [undefined, 'jwt', CLIENT_AUTHENTICATION_TYP];

/** What an authorization request has, signed or not, and no client assertion. */
const REQUEST_PARAMETERS = ['response_type', 'response_mode', 'redirect_uri', 'code_challenge'];

const maxLifetime = ({ client, settings }: ClientSubject): number =>
  client.maxLifetime ?? settings.maxLifetime;

const oldestIssuedAt = (subject: ClientSubject): number =>
  subject.now - maxLifetime(subject) - subject.settings.clockTolerance;

/** Databases know null where code knows undefined. */
const isUnsetOr = (registered: string | null | undefined, actual: unknown): boolean =>
  (registered ?? actual) === actual;

/** The same for an algorithm, whichever of its names is registered. */
export const isUnsetOrSameAlgorithm = (
  registered: string | null | undefined,
  alg: unknown,
): boolean => isSameAlgorithm(registered ?? alg, alg);

/** The method of OpenID Connect Core §9 that an assertion is, which follows from its `alg`. */
export const methodOf = (alg: unknown): 'private_key_jwt' | 'client_secret_jwt' =>
  String(alg).startsWith('HS') ? 'client_secret_jwt' : 'private_key_jwt';

/** The one rule that depends on who the server is. */
export const AUDIENCE_CHECK: Check<AssertionSubject> = {
  name: 'aud',
  source: 'RFC 7523 §3 (3), draft-ietf-oauth-rfc7523bis §4',
  reason: 'audience_mismatch',
  passes: (subject) => audienceForm(subject) !== undefined,
  // An endpoint's own URL is the token endpoint's at the token endpoint.
  expected: (subject) =>
    isStrictByTyp(subject)
      ? `${subject.server.issuer} alone, since typ is ${CLIENT_AUTHENTICATION_TYP}`
      : [...new Set(acceptedAudiences(subject).map(([audience]) => audience))],
  actual: claim('aud'),
};

/** What can be refused before the client is looked up, in the order in which it is reported. */
export const ASSERTION_CHECKS: readonly Check<AssertionSubject>[] = [
  ...HEADER_CHECKS,
  {
    name: 'typ',
    source: 'draft-ietf-oauth-rfc7523bis §4, RFC 8725 §3.11',
    reason: 'typ_not_allowed',
    passes: ({ jws, settings }) => {
      const typ = typOf(jws.header);
      return settings.audience === 'strict'
        ? typ === CLIENT_AUTHENTICATION_TYP
        : COMPATIBLE_TYPS.includes(typ);
    },
    expected: ({ settings }) =>
      settings.audience === 'strict'
        ? CLIENT_AUTHENTICATION_TYP
        : ['absent', 'JWT', CLIENT_AUTHENTICATION_TYP],
    actual: header('typ'),
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
  AUDIENCE_CHECK,
  ...TIME_CHECKS,
  {
    name: 'jti',
    source: 'RFC 7523 §3 (7), OpenID Connect Core §9',
    reason: 'jwt_id_invalid',
    passes: ({ jws }) => isNonEmptyString(jws.claims['jti']),
    expected: constant('a non-empty string'),
    actual: claim('jti'),
  },
  {
    name: 'authorization request',
    source: 'RFC 9101 §10.8',
    reason: 'request_object_as_assertion',
    passes: ({ jws }) => !REQUEST_PARAMETERS.some((name) => Object.hasOwn(jws.claims, name)),
    expected: constant('absent'),
    actual: ({ jws }) => REQUEST_PARAMETERS.filter((name) => Object.hasOwn(jws.claims, name)),
  },
];

/** What depends on the client, in the order in which it is reported. */
export const CLIENT_CHECKS: readonly Check<ClientSubject>[] = [
  {
    name: 'client is enabled',
    source: 'RFC 6749 §5.2',
    reason: 'client_disabled',
    // Any truthy value, such as a database's 1, since a mistake must not let a client in.
    passes: ({ client }) => !client.disabled,
    expected: constant('enabled'),
    actual: ({ client }) => (client.disabled ? 'disabled' : 'enabled'),
  },
  {
    name: 'method of the client',
    source: 'RFC 7591 §2, OpenID Connect Core §9',
    reason: 'client_method_mismatch',
    passes: ({ client, jws }) =>
      isUnsetOr(client.tokenEndpointAuthMethod, methodOf(jws.header['alg'])),
    expected: ({ client }) => client.tokenEndpointAuthMethod ?? 'any',
    actual: ({ jws }) => methodOf(jws.header['alg']),
  },
  {
    name: 'alg of the client',
    source: 'RFC 7591 §2, OpenID Connect Registration §2',
    reason: 'client_algorithm_mismatch',
    passes: ({ client, jws }) =>
      isUnsetOrSameAlgorithm(client.tokenEndpointAuthSigningAlg, jws.header['alg']),
    expected: ({ client }) => client.tokenEndpointAuthSigningAlg ?? 'any',
    actual: header('alg'),
  },
  {
    name: 'iat is not too old',
    source: 'RFC 7523 §3 (6)',
    reason: 'issued_too_long_ago',
    passes: (subject) => {
      const { iat } = subject.jws.claims;
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

/**
 * What `audience: 'strict'` would have refused: asked of every assertion that `compatible` accepts,
 * so that an operator can see which clients to warn before the switch.
 */
export function strictFailures(subject: AssertionSubject): readonly Reason[] {
  const failures: Reason[] = [];
  if (typOf(subject.jws.header) !== CLIENT_AUTHENTICATION_TYP) failures.push('typ_not_allowed');
  if (!isStrictAudience(subject)) failures.push('audience_mismatch');
  return failures;
}

/** The first rule that a subject breaks, as the failure to report. */
export function firstFailure<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
): Failure | undefined {
  for (const check of checks) {
    if (check.passes(subject)) continue;
    const { reason } = check;
    return { reason, expected: check.expected(subject), actual: check.actual(subject) };
  }
  return undefined;
}
