import { type ClientAuth, clockSkew } from 'openid-client';
import { CLIENT_ASSERTION_TYPE } from '../shared/jwt-types.js';
import { type AssertionSource, isAssertionSource } from './assertion-source.js';

const sources = new WeakMap<URLSearchParams, AssertionSource>();

/** What has made the assertion of a request. */
export const sourceOf = (parameters: URLSearchParams): AssertionSource | undefined =>
  sources.get(parameters);

/**
 * The client authentication of an openid-client `Configuration`: every request that authenticates
 * the client carries an assertion made for it. That is code redemption, refresh, client
 * credentials, token exchange, PAR, revocation, introspection, device authorization and CIBA. A
 * request that is sent again, as for a DPoP nonce, carries another one.
 *
 * @throws {TypeError} for anything else than a source of assertions; on use, if the configuration
 *   is for another client or server
 * @example
 * ```ts
 * const config = await discovery(
 *   new URL('https://as.example'), 'mvc.jar.jwt', undefined, clientAssertion(assertions),
 * );
 * ```
 */
export function clientAssertion(assertions: AssertionSource): ClientAuth {
  if (!isAssertionSource(assertions)) {
    throw new TypeError(
      'clientAssertion needs an AssertionService, or the result of assertionFrom',
    );
  }
  return async (server, client, body) => {
    if (client.client_id !== assertions.clientId) {
      throw new TypeError(
        `The assertions are for the client ${assertions.clientId}, the configuration for ${client.client_id}`,
      );
    }
    const clockOffset = client[clockSkew];
    const assertion = await assertions.createClientToken({
      server,
      ...(typeof clockOffset === 'number' && { clockOffset }),
    });
    body.set('client_id', client.client_id);
    body.set('client_assertion_type', CLIENT_ASSERTION_TYPE);
    body.set('client_assertion', assertion);
    sources.set(body, assertions);
  };
}
