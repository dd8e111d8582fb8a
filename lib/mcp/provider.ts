import type { ServerResponse } from 'node:http';
import type { ClientMetadata } from '../clients/metadata.js';
import { OAuthError } from '../shared/errors.js';
import { thrownText } from '../shared/safe.js';

// The interfaces of the SDKs, declared again, because users have only one of the SDKs installed.

/** What a clients store knows about a client. `disabled: true` refuses it everywhere. */
export interface McpClientInformation extends ClientMetadata {
  redirect_uris: string[];
  grant_types?: string[] | undefined;
  readonly client_name?: string | undefined;
}

export interface McpClientsStore {
  getClient(
    clientId: string,
  ): McpClientInformation | undefined | Promise<McpClientInformation | undefined>;
  registerClient?(
    client: McpClientInformation,
  ): McpClientInformation | Promise<McpClientInformation>;
}

interface Tokens {
  access_token: string;
  token_type: string;
  expires_in?: number | undefined;
  scope?: string | undefined;
  refresh_token?: string | undefined;
  id_token?: string | undefined;
}

export interface AccessTokenInfo {
  readonly token: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Seconds since the epoch. */
  readonly expiresAt?: number | undefined;
  /** RFC 8707. */
  readonly resource?: URL | undefined;
}

/**
 * The authorization server behind the router: the `OAuthServerProvider` of SDK 1 or of
 * `@modelcontextprotocol/server-legacy`. Its methods throw the errors of either SDK, or an
 * `OAuthError` of this package; anything else is answered with 500 `server_error` and becomes a
 * process warning.
 */
export interface McpServerProvider {
  /** Without `registerClient` there is no registration endpoint. */
  readonly clientsStore: McpClientsStore;
  /**
   * Whether every authorization response carries `iss` (RFC 9207); the metadata then say so. The
   * router adds `iss` to redirects that `authorize` sends on its `response`. Set this to true if
   * you send no other redirects, or add `issuer` of the parameters to them. Default false.
   */
  readonly authorizationResponseIssParameterSupported?: boolean | undefined;
  /**
   * Whether an upstream server checks the `code_verifier` (RFC 7636 §4.6) instead of the router.
   */
  readonly skipLocalPkceValidation?: boolean | undefined;
  /** Answers an authorization request, immediately or after asking the user. */
  authorize(
    client: McpClientInformation,
    parameters: {
      state?: string | undefined;
      scopes?: string[] | undefined;
      codeChallenge: string;
      redirectUri: string;
      resource?: URL | undefined;
      issuer?: string | undefined;
    },
    response: ServerResponse,
  ): Promise<void>;
  /** Returns the `code_challenge` of the authorization request that issued the code. */
  challengeForAuthorizationCode(client: McpClientInformation, code: string): Promise<string>;
  /**
   * Redeems a code, once (RFC 6749 §4.1.3). `codeVerifier` is set with `skipLocalPkceValidation`.
   */
  exchangeAuthorizationCode(
    client: McpClientInformation,
    code: string,
    codeVerifier?: string,
    redirectUri?: string,
    resource?: URL,
  ): Promise<Tokens>;
  /** Redeems a refresh token (RFC 6749 §6). */
  exchangeRefreshToken(
    client: McpClientInformation,
    refreshToken: string,
    scopes?: string[],
    resource?: URL,
  ): Promise<Tokens>;
  /**
   * Issues an access token to an authenticated client that acts for itself (RFC 6749 §4.4), and
   * whose `grant_types` include the grant; you decide which scopes it may have. Without this method
   * the grant is not supported.
   */
  exchangeClientCredentials?(
    client: McpClientInformation,
    scopes?: string[],
    resource?: URL,
  ): Promise<Tokens>;
  /** Returns the data behind an access token. Throws `invalid_token` if the token is not valid. */
  verifyAccessToken(token: string): Promise<AccessTokenInfo>;
  /** Revokes a token of the client (RFC 7009). Without this method there is no revocation endpoint. */
  revokeToken?(
    client: McpClientInformation,
    request: { token: string; token_type_hint?: string | undefined },
  ): Promise<void>;
}

/** The shape of SDK errors: `errorCode` in SDK 1 and server-legacy, `code` in SDK 2. */
interface SdkError {
  readonly errorCode?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly toResponseObject?: unknown;
}

const STATUS: Readonly<Record<string, number>> = {
  invalid_client: 401,
  invalid_token: 401,
  insufficient_scope: 403,
  too_many_requests: 429,
  server_error: 500,
  temporarily_unavailable: 503,
};

/** By shape: `instanceof` fails if the application has another SDK, or another copy. */
export function oauthErrorOf(thrown: unknown): OAuthError {
  if (thrown instanceof OAuthError) return thrown;
  const { errorCode, code, message, toResponseObject } = Object(thrown) as SdkError;
  const error = errorCode ?? code;
  if (typeof toResponseObject === 'function' && typeof error === 'string') {
    return new OAuthError(error, String(message), STATUS[error] ?? 400);
  }
  process.emitWarning(`The MCP provider failed: ${thrownText(thrown)}`, 'PrivateKeyJwtWarning');
  return new OAuthError('server_error', 'Internal Server Error', 500);
}
