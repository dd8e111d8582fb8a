import { AUDIENCE_CHECK } from './audience.js';
import { type AssertionSubject, type Check, claim, constant, isNonEmptyString } from './check.js';
import { HEADER_CHECKS, TYP_CHECK } from './header.js';
import { TIME_CHECKS } from './times.js';

/** Client assertions never contain parameters of authorization requests. */
const REQUEST_PARAMETERS = ['response_type', 'response_mode', 'redirect_uri', 'code_challenge'];

export const REQUEST_PARAMETERS_CHECK: Check<AssertionSubject> = {
  name: 'authorization request',
  source: 'RFC 9101 §10.8',
  reason: 'request_object_as_assertion',
  passes: ({ claims }) => {
    for (const name of REQUEST_PARAMETERS) if (Object.hasOwn(claims, name)) return false;
    return true;
  },
  expected: constant('absent'),
  actual: ({ claims }) => REQUEST_PARAMETERS.filter((name) => Object.hasOwn(claims, name)),
};

/** Before the client is looked up, in reporting order. */
export const ASSERTION_CHECKS: readonly Check<AssertionSubject>[] = [
  ...HEADER_CHECKS,
  TYP_CHECK,
  {
    name: 'iss',
    source: 'RFC 7523 §3 (1)',
    reason: 'issuer_invalid',
    passes: ({ claims }) => isNonEmptyString(claims['iss']),
    expected: constant('the client_id'),
    actual: claim('iss'),
  },
  {
    name: 'sub',
    source: 'RFC 7523 §3 (2)',
    reason: 'subject_mismatch',
    passes: ({ claims }) => claims['sub'] === claims['iss'],
    expected: ({ claims: { iss, sub } }) =>
      iss !== sub && isNonEmptyString(iss) && isNonEmptyString(sub)
        ? [iss, 'if iss is a platform that signs for the client, send the client_id parameter']
        : iss,
    actual: claim('sub'),
  },
  {
    name: 'client_id parameter',
    source: 'RFC 7521 §4.2',
    reason: 'client_id_mismatch',
    passes: ({ claims, clientIdParameter }) =>
      clientIdParameter === undefined || clientIdParameter === claims['sub'],
    expected: claim('sub'),
    actual: ({ clientIdParameter }) => clientIdParameter,
  },
  AUDIENCE_CHECK,
  ...TIME_CHECKS,
  {
    name: 'jti',
    source: 'RFC 7523 §3 (7), OpenID Connect Core §9',
    reason: 'jwt_id_invalid',
    passes: ({ claims }) => isNonEmptyString(claims['jti']),
    expected: constant('a non-empty string'),
    actual: claim('jti'),
  },
  REQUEST_PARAMETERS_CHECK,
];
