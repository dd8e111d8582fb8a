import { type AssertionSource, isAssertionSource } from '../client/assertion-source.js';
import { CLIENT_ASSERTION_TYPE } from '../shared/jwt-types.js';

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
 * class Provider implements OAuthClientProvider {
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
  if (!isAssertionSource(assertions)) {
    throw new TypeError(
      'mcpClientAuthentication needs an AssertionService, or the result of assertionFrom',
    );
  }
  return async (_headers, parameters, url, metadata) => {
    const server = metadata && { issuer: metadata.issuer, token_endpoint: String(url) };
    const assertion = await assertions.createClientToken(server === undefined ? {} : { server });
    parameters.set('client_id', assertions.clientId);
    parameters.set('client_assertion_type', CLIENT_ASSERTION_TYPE);
    parameters.set('client_assertion', assertion);
  };
}
