import { allowsAssertion, isDisabled } from '../../clients/policy.js';
import { methodOf } from '../../keys/compact-jws.js';
import type { AssertionClient } from '../../keys/secret.js';
import { isSameAlgorithm } from '../../shared/jose.js';
import { type Check, type ClientSubject, constant, header, type JwtSubject } from './check.js';
import { LIFETIME_CHECKS } from './times.js';

type OfClient = JwtSubject & { readonly client: AssertionClient };

/** Applies to request objects too. */
export const ENABLED_CHECK: Check<OfClient> = {
  name: 'client is enabled',
  source: 'RFC 6749 §5.2',
  reason: 'client_disabled',
  passes: ({ client }) => !isDisabled(client),
  expected: constant('enabled'),
  actual: ({ client }) => (isDisabled(client) ? 'disabled' : 'enabled'),
};

export const algorithmCheck = (
  member: 'tokenEndpointAuthSigningAlg' | 'requestObjectSigningAlg',
  source: string,
): Check<OfClient> => ({
  name: 'alg of the client',
  source,
  reason: 'client_algorithm_mismatch',
  passes: ({ client, jws }) => {
    const registered = client[member] ?? undefined;
    return registered === undefined || isSameAlgorithm(registered, jws.header['alg']);
  },
  expected: ({ client }) => client[member] ?? 'any',
  actual: header('alg'),
});

export const METHOD_CHECK: Check<OfClient> = {
  name: 'method of the client',
  source: 'RFC 7591 §2, OpenID Connect Core §9',
  reason: 'client_method_mismatch',
  passes: ({ client, jws }) => allowsAssertion(client, methodOf(jws.header['alg'])),
  expected: ({ client }) => client.tokenEndpointAuthMethod ?? 'any',
  actual: ({ jws }) => methodOf(jws.header['alg']),
};

/** In reporting order. */
export const CLIENT_CHECKS: readonly Check<ClientSubject>[] = [
  ENABLED_CHECK,
  METHOD_CHECK,
  algorithmCheck('tokenEndpointAuthSigningAlg', 'RFC 7591 §2, OpenID Connect Registration §2'),
  ...LIFETIME_CHECKS,
];
