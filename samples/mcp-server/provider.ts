import type { OAuthRegisteredClientsStore } from '@modelcontextprotocol/sdk/server/auth/clients.js';
import {
  InvalidGrantError,
  InvalidScopeError,
  InvalidTargetError,
  InvalidTokenError,
} from '@modelcontextprotocol/sdk/server/auth/errors.js';
import type { AuthorizationParams } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type {
  OAuthClientInformationFull,
  OAuthTokenRevocationRequest,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import type { Response } from 'express';
import type { McpServerProvider } from 'passport-private-key-jwt/mcp';
import { consentPage } from './consent.js';
import { ExpiringMap } from './expiring-map.js';

const TICKET_SECONDS = 600;
const CODE_SECONDS = 60;
const ACCESS_TOKEN_SECONDS = 3600;
const REFRESH_TOKEN_SECONDS = 2_592_000;

/** An authorization request that waits for the user's answer, or for its code to be redeemed. */
interface Authorization {
  readonly clientId: string;
  readonly parameters: AuthorizationParams;
}

interface Grant {
  readonly clientId: string;
  readonly scopes: string[];
}

/** Everything an authorization server keeps, in memory: it forgets all of it when it stops. */
export class Provider implements McpServerProvider {
  readonly clientsStore: OAuthRegisteredClientsStore;
  readonly #resource: URL;
  readonly #scopes: readonly string[];
  readonly #tickets = new ExpiringMap<Authorization>(TICKET_SECONDS);
  readonly #codes = new ExpiringMap<Authorization>(CODE_SECONDS);
  readonly #accessTokens = new ExpiringMap<AuthInfo>(ACCESS_TOKEN_SECONDS);
  readonly #refreshTokens = new ExpiringMap<Grant>(REFRESH_TOKEN_SECONDS);

  /**
   * @param resource the URL of the MCP server, for which alone tokens are issued (RFC 8707)
   * @param scopes those that there are
   */
  constructor(clients: OAuthRegisteredClientsStore, resource: URL, scopes: readonly string[]) {
    this.clientsStore = clients;
    this.#resource = resource;
    this.#scopes = scopes;
  }

  async authorize(
    client: OAuthClientInformationFull,
    parameters: AuthorizationParams,
    response: Response,
  ): Promise<void> {
    this.#checkResource(parameters.resource);
    const scopes = this.#granted(parameters.scopes);
    const ticket = this.#tickets.add({
      clientId: client.client_id,
      parameters: { ...parameters, scopes },
    });
    response.type('html').send(consentPage(client, { ...parameters, scopes }, ticket));
  }

  /** Where to send the user's browser with the answer; undefined where nothing was asked. */
  answer(ticket: string, allowed: boolean): URL | undefined {
    const authorization = this.#tickets.take(ticket);
    if (authorization === undefined) return undefined;
    const { redirectUri, state } = authorization.parameters;
    const url = new URL(redirectUri);
    if (allowed) url.searchParams.set('code', this.#codes.add(authorization));
    else url.searchParams.set('error', 'access_denied');
    if (state !== undefined) url.searchParams.set('state', state);
    return url;
  }

  async challengeForAuthorizationCode(
    client: OAuthClientInformationFull,
    code: string,
  ): Promise<string> {
    return this.#authorizationOf(client, this.#codes.get(code)).parameters.codeChallenge;
  }

  async exchangeAuthorizationCode(
    client: OAuthClientInformationFull,
    code: string,
    _codeVerifier?: string,
    redirectUri?: string,
    resource?: URL,
  ): Promise<OAuthTokens> {
    const { parameters } = this.#authorizationOf(client, this.#codes.take(code));
    if (redirectUri !== undefined && redirectUri !== parameters.redirectUri) {
      throw new InvalidGrantError('The redirect_uri is not that of the authorization request');
    }
    this.#checkResource(resource);
    const grant = { clientId: client.client_id, scopes: this.#granted(parameters.scopes) };
    return { ...this.#issue(grant), refresh_token: this.#refreshTokens.add(grant) };
  }

  async exchangeRefreshToken(
    client: OAuthClientInformationFull,
    refreshToken: string,
    scopes?: string[],
    resource?: URL,
  ): Promise<OAuthTokens> {
    const grant = this.#refreshTokens.get(refreshToken);
    if (grant === undefined || grant.clientId !== client.client_id) {
      throw new InvalidGrantError('The refresh token is not valid');
    }
    this.#checkResource(resource);
    const wanted = scopes ?? grant.scopes;
    if (!wanted.every((scope) => grant.scopes.includes(scope))) {
      throw new InvalidScopeError('The scope is more than was granted');
    }
    this.#refreshTokens.delete(refreshToken);
    const tokens = this.#issue({ ...grant, scopes: wanted });
    return { ...tokens, refresh_token: this.#refreshTokens.add(grant) };
  }

  async exchangeClientCredentials(
    client: OAuthClientInformationFull,
    scopes?: string[],
    resource?: URL,
  ): Promise<OAuthTokens> {
    this.#checkResource(resource);
    return this.#issue({ clientId: client.client_id, scopes: this.#granted(scopes) });
  }

  async verifyAccessToken(token: string): Promise<AuthInfo> {
    const info = this.#accessTokens.get(token);
    if (info === undefined) throw new InvalidTokenError('The access token is not valid');
    return info;
  }

  async revokeToken(
    client: OAuthClientInformationFull,
    { token }: OAuthTokenRevocationRequest,
  ): Promise<void> {
    const { client_id } = client;
    if (this.#accessTokens.get(token)?.clientId === client_id) this.#accessTokens.delete(token);
    if (this.#refreshTokens.get(token)?.clientId === client_id) this.#refreshTokens.delete(token);
  }

  #authorizationOf(
    client: OAuthClientInformationFull,
    authorization: Authorization | undefined,
  ): Authorization {
    if (authorization?.clientId === client.client_id) return authorization;
    throw new InvalidGrantError('The code is not valid');
  }

  #issue({ clientId, scopes }: Grant): OAuthTokens {
    const expiresAt = Math.floor(Date.now() / 1000) + ACCESS_TOKEN_SECONDS;
    // The token's own name is not known before it is kept.
    const info: AuthInfo = { token: '', clientId, scopes, expiresAt, resource: this.#resource };
    info.token = this.#accessTokens.add(info);
    return {
      access_token: info.token,
      token_type: 'bearer',
      expires_in: ACCESS_TOKEN_SECONDS,
      scope: scopes.join(' '),
    };
  }

  /** What was asked for, or everything where nothing was. */
  #granted(scopes: readonly string[] | undefined): string[] {
    if (scopes === undefined || scopes.length === 0) return [...this.#scopes];
    const unknown = scopes.find((scope) => !this.#scopes.includes(scope));
    if (unknown === undefined) return [...scopes];
    throw new InvalidScopeError('There is no such scope');
  }

  #checkResource(resource: URL | undefined): void {
    if (resource === undefined || resource.href === this.#resource.href) return;
    throw new InvalidTargetError('Tokens are issued for this MCP server alone');
  }
}
