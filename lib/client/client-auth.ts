import { type ClientAuth, clockSkew } from 'openid-client';
import { CLIENT_ASSERTION_TYPE } from '../shared/jwt-types.js';
import { AssertionService } from './assertion-service.js';

/**
 * The client authentication of an openid-client `Configuration`: every request that authenticates
 * the client carries an assertion made for it. That is code redemption, refresh, client
 * credentials, token exchange, PAR, revocation, introspection, device authorization and CIBA; a
 * request that is sent again, as for a DPoP nonce, carries another one.
 *
 * @throws {TypeError} for anything else than a service; on use, where the configuration is for another client or server
 * @example
 * ```ts
 * const config = await discovery(
 *   new URL('https://as.example'), 'mvc.jar.jwt', undefined, clientAssertion(assertions),
 * );
 * ```
 */
export function clientAssertion(assertions: AssertionService): ClientAuth {
  if (!(assertions instanceof AssertionService)) {
    throw new TypeError('clientAssertion needs an AssertionService');
  }
  return async (server, client, body) => {
    if (client.client_id !== assertions.clientId) {
      throw new TypeError(
        `The AssertionService is for the client ${assertions.clientId}, the configuration for ${client.client_id}`,
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
  };
}
