import type { RequestHandler } from 'express';
import { createServer, type ExchangeDoneFunction, exchange } from 'oauth2orize';
import { OAuthError } from 'passport-private-key-jwt';
import type { RegisteredClient } from '../clients/registered-client.js';
import { grantAuthorizationCode } from '../grants/authorization-code.js';
import { grantClientCredentials } from '../grants/client-credentials.js';
import { grantRefreshToken } from '../grants/refresh-token.js';
import { type Parameters, requireParameter } from '../parameters.js';
import type { TokenResponse, Tokens } from '../tokens/tokens.js';

/** The values of `grant_type` that the token endpoint takes. */
export const GRANT_TYPES = ['authorization_code', 'refresh_token', 'client_credentials'] as const;

/** Hands a token response to oauth2orize. */
function hand(response: Promise<TokenResponse>, issued: ExchangeDoneFunction): void {
  response.then(
    ({ access_token, refresh_token, ...rest }) => issued(null, access_token, refresh_token, rest),
    (error: Error) => issued(error),
  );
}

/** Which grants there are, and which of them the client may use (RFC 6749 §5.2). */
const checkGrantType: RequestHandler = (request, _response, next) => {
  const grantType = requireParameter(request.body as Parameters, 'grant_type');
  if (!(GRANT_TYPES as readonly string[]).includes(grantType)) {
    throw new OAuthError('unsupported_grant_type', 'The grant type is not supported.');
  }
  const { grantTypes, tokenEndpointAuthMethod } = request.user as RegisteredClient;
  // RFC 6749 §4.4: a client that anyone can pretend to be has no tokens of its own.
  const isOpen = grantType === 'client_credentials' && tokenEndpointAuthMethod === 'none';
  if (isOpen || !grantTypes.includes(grantType)) {
    throw new OAuthError('unauthorized_client', 'The client may not use this grant type.');
  }
  next();
};

/** The token endpoint (RFC 6749 §3.2), for an authenticated client and a form that was read. */
export function tokenEndpoint(tokens: Tokens): RequestHandler[] {
  const server = createServer();
  server.exchange(
    exchange.clientCredentials({}, (client: RegisteredClient, _scopes, body, issued) =>
      hand(grantClientCredentials(tokens, client, body as Parameters), issued),
    ),
  );
  server.exchange(
    exchange.authorizationCode({}, (client: RegisteredClient, _code, _redirectUri, body, issued) =>
      hand(grantAuthorizationCode(tokens, client, body as Parameters), issued),
    ),
  );
  server.exchange(
    exchange.refreshToken({}, (client: RegisteredClient, _token, _scopes, body, issued) =>
      hand(grantRefreshToken(tokens, client, body as Parameters), issued),
    ),
  );
  return [checkGrantType, server.token()];
}
