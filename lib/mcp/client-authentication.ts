import type { AssertionSource } from '../client/assertion-source.js';
import { CLIENT_ASSERTION_TYPE } from '../shared/jose.js';

/**
 * An attacker's metadata may name the issuer of another server beside its own token endpoint, or
 * there may be none. Anyone who receives the assertion could use it at the other server (RFC 9700
 * §4.4).
 */
function checkTokenEndpoint(url: URL, issuer: string | undefined, expected: string | undefined) {
  if (expected !== undefined ? url.href === expected : issuer === undefined) return;
  if (expected === undefined && URL.canParse(String(issuer))) {
    if (url.origin === new URL(String(issuer)).origin) return;
  }
  throw new TypeError(
    `The token endpoint ${url.origin}${url.pathname} is not known to belong to ${expected ?? issuer}: if it does, give its URL to mcpClientAuthentication.`,
  );
}

/**
 * Client authentication for the MCP TypeScript SDK, version 1 or 2: the `addClientAuthentication`
 * of an `OAuthClientProvider`. Every token request carries a new assertion. Unlike the SDK's
 * `PrivateKeyJwtProvider`, it supports an encrypted PEM, EdDSA, a `RemoteSigner` and a `KeyRing`.
 * An MCP server chooses the authorization server for its clients. Set `issuer` of the
 * `AssertionService`, so that no other server gets an assertion.
 * SDK 1 does not check whose metadata it has fetched, so the token endpoint must be at the origin of
 * the issuer.
 * @param tokenEndpoint the URL of the token endpoint, if it is at another origin
 * @returns a function that sets `client_id`, `client_assertion` and `client_assertion_type`. It
 *   rejects with a `TypeError` if the server has no metadata and the service no issuer, if the
 *   server is not the service's issuer, or if the token endpoint is another
 * @throws {TypeError} if `assertions` is not a source of assertions, or `tokenEndpoint` no URL
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
  tokenEndpoint?: string,
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
  const expected = tokenEndpoint === undefined ? undefined : new URL(tokenEndpoint).href;
  return async (_headers, parameters, url, metadata) => {
    const server = metadata && { issuer: metadata.issuer, token_endpoint: String(url) };
    checkTokenEndpoint(new URL(url), metadata?.issuer ?? assertions.issuer, expected);
    const assertion = await assertions.createClientToken(server === undefined ? {} : { server });
    parameters.set('client_id', clientId);
    parameters.set('client_assertion_type', CLIENT_ASSERTION_TYPE);
    parameters.set('client_assertion', assertion);
  };
}
