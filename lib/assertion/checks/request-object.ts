import type { AssertionClient } from '../../keys/secret.js';
import { REQUEST_OBJECT_TYP } from '../../shared/jwt-types.js';
import type { JwtSubject } from '../subject.js';
import { type Check, claim, constant, header } from './check.js';
import { isUnsetOrSameAlgorithm } from './claims.js';
import { HEADER_CHECKS } from './header.js';
import { lifetime, TIME_CHECKS } from './times.js';
import { typOf } from './typ.js';

/** What the checks of a request object look at. */
export interface RequestObjectSubject extends JwtSubject {
  readonly client: AssertionClient;
  readonly issuer: string;
  readonly strict: boolean;
  readonly maxLifetime: number;
}

const audiences = ({ jws }: JwtSubject): readonly unknown[] => [jws.claims['aud']].flat();

const nested = ({ jws }: JwtSubject): readonly string[] =>
  ['request', 'request_uri'].filter((name) => Object.hasOwn(jws.claims, name));

/** The rules for request objects (RFC 9101), in the order in which they are reported. */
export const REQUEST_OBJECT_CHECKS: readonly Check<RequestObjectSubject>[] = [
  ...HEADER_CHECKS,
  {
    name: 'typ',
    source: 'RFC 9101 §10.8',
    reason: 'typ_not_allowed',
    passes: ({ jws, strict }) => {
      const typ = typOf(jws.header);
      return typ === REQUEST_OBJECT_TYP || (!strict && (typ === undefined || typ === 'jwt'));
    },
    expected: ({ strict }) => (strict ? REQUEST_OBJECT_TYP : ['absent', 'JWT', REQUEST_OBJECT_TYP]),
    actual: header('typ'),
  },
  {
    name: 'iss',
    source: 'RFC 9101 §4',
    reason: 'request_object_issuer_mismatch',
    passes: ({ jws, client }) => jws.claims['iss'] === client.clientId,
    expected: ({ client }) => client.clientId,
    actual: claim('iss'),
  },
  {
    name: 'aud',
    source: 'RFC 9101 §4',
    reason: 'audience_mismatch',
    passes: (subject) => {
      const values = audiences(subject);
      return values.includes(subject.issuer) && !(subject.strict && values.length > 1);
    },
    expected: ({ issuer }) => issuer,
    actual: claim('aud'),
  },
  {
    name: 'client_id',
    source: 'RFC 9101 §6.3',
    reason: 'request_object_client_mismatch',
    passes: ({ jws, client }) => jws.claims['client_id'] === client.clientId,
    expected: ({ client }) => client.clientId,
    actual: claim('client_id'),
  },
  {
    name: 'sub',
    source: 'RFC 9101 §10.8',
    reason: 'request_object_subject_present',
    passes: ({ jws, client }) => jws.claims['sub'] !== client.clientId,
    expected: constant('absent'),
    actual: claim('sub'),
  },
  {
    name: 'request and request_uri',
    source: 'RFC 9101 §4',
    reason: 'request_object_nested',
    passes: (subject) => nested(subject).length === 0,
    expected: constant('absent'),
    actual: nested,
  },
  ...TIME_CHECKS,
  {
    name: 'lifetime',
    source: 'RFC 9101 §10.2',
    reason: 'lifetime_too_long',
    passes: (subject) => lifetime(subject) <= subject.maxLifetime,
    expected: ({ maxLifetime }) => `<= ${maxLifetime}`,
    actual: lifetime,
  },
  {
    name: 'client is enabled',
    source: 'RFC 6749 §4.1.2.1',
    reason: 'client_disabled',
    passes: ({ client }) => !client.disabled,
    expected: constant('enabled'),
    actual: ({ client }) => (client.disabled ? 'disabled' : 'enabled'),
  },
  {
    name: 'alg of the client',
    source: 'RFC 9101 §10.1',
    reason: 'client_algorithm_mismatch',
    passes: ({ client, jws }) =>
      isUnsetOrSameAlgorithm(client.requestObjectSigningAlg, jws.header['alg']),
    expected: ({ client }) => client.requestObjectSigningAlg ?? 'any',
    actual: header('alg'),
  },
];
