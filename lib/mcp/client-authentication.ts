import type { AssertionSource } from '../client/assertion-source.js';
import { CLIENT_ASSERTION_TYPE } from '../shared/jose.js';

/**
 * Client authentication for the MCP TypeScript SDK, version 1 or 2: the `addClientAuthentication`
 * of an `OAuthClientProvider`. Every token request carries a new assertion. Unlike the SDK's
 * `PrivateKeyJwtProvider`, it supports an encrypted PEM, EdDSA, a `RemoteSigner` and a `KeyRing`.
 * An MCP server chooses the authorization server for its clients. Set `issuer` of the
 * `AssertionService`, so that no other server gets an assertion.
 * @returns a function that sets `client_id`, `client_assertion` and `client_assertion_type`. It
 *   rejects with a `TypeError` if the server has no metadata and the service no issuer, or if the
 *   server is not the service's issuer
 * @throws {TypeError} if `assertions` is not a source of assertions
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
  // The client half needs openid-client, which MCP clients may lack: no import.
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
