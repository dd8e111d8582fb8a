import type { AssertionSource } from '../client/assertion-source.js';
import { CLIENT_ASSERTION_TYPE } from '../shared/jose.js';

/**
 * Client authentication for the MCP TypeScript SDK, version 1 or 2: the `addClientAuthentication` of an
 * `OAuthClientProvider`. Every token request carries a new assertion. So a client can use a key that the
 * SDK's own `PrivateKeyJwtProvider` cannot: an encrypted PEM, EdDSA, a `RemoteSigner`, a `KeyRing`; and
 * its assertions have a `kid`.
 *
 * Give the `AssertionService` the `issuer` that the client is registered at. An MCP server chooses the
 * authorization server that its clients are sent to, and with `issuer` no other one gets an assertion.
 *
 * @param assertions an `AssertionService`, or the result of `assertionFrom`
 * @returns a function that sets `client_id`, `client_assertion` and `client_assertion_type`. It rejects
 *   with a `TypeError` if the server has no metadata and the service no issuer, or if the server is
 *   another one than the service's
 * @throws {TypeError} if that is no source of assertions
 * @example
 * ```ts
 * // A class that implements the SDK's OAuthClientProvider.
 * class Provider {
 *   readonly addClientAuthentication = mcpClientAuthentication(assertions);
 * }
 * ```
 */
export function mcpClientAuthentication(
  assertions: AssertionSource,
): (
  headers: Headers,
  parameters: URLSearchParams,
  url: string | URL,
  metadata?: { readonly issuer: string } | undefined,
) => Promise<void> {
  // The client half is not imported: it needs openid-client, which a client of MCP may not have.
  const { clientId, createClientToken } = Object(assertions) as Partial<AssertionSource>;
  if (typeof clientId !== 'string' || typeof createClientToken !== 'function') {
    throw new TypeError(
      'mcpClientAuthentication needs an AssertionService, or the result of assertionFrom',
    );
  }
  return async (_headers, parameters, url, metadata) => {
    const server = metadata && { issuer: metadata.issuer, token_endpoint: String(url) };
    const assertion = await assertions.createClientToken(server === undefined ? {} : { server });
    parameters.set('client_id', clientId);
    parameters.set('client_assertion_type', CLIENT_ASSERTION_TYPE);
    parameters.set('client_assertion', assertion);
  };
}
