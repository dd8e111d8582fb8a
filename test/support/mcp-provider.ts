import { randomUUID } from 'node:crypto';
import type { OAuthRegisteredClientsStore } from '@modelcontextprotocol/sdk/server/auth/clients.js';
import * as sdk1 from '@modelcontextprotocol/sdk/server/auth/errors.js';
import type {
  AuthorizationParams,
  OAuthServerProvider,
} from '@modelcontextprotocol/sdk/server/auth/provider.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type {
  OAuthClientInformationFull,
  OAuthTokenRevocationRequest,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import type { Response } from 'express';

type Client = OAuthClientInformationFull;

/** The error classes of an SDK that the provider throws. */
export type SdkErrors = Pick<
  typeof sdk1,
  'InvalidGrantError' | 'InvalidScopeError' | 'InvalidTargetError' | 'InvalidTokenError'
>;

/** Registered clients, in memory. */
export class Clients implements OAuthRegisteredClientsStore {
  readonly #clients = new Map<string, Client>();

  constructor(clients: readonly Client[] = []) {
    for (const client of clients) this.#clients.set(client.client_id, client);
  }

  getClient(clientId: string): Client | undefined {
    return this.#clients.get(clientId);
  }

  registerClient(client: Omit<Client, 'client_id' | 'client_id_issued_at'>): Client {
    const registered = { client_id: randomUUID(), ...client };
    this.#clients.set(registered.client_id, registered);
    return registered;
  }
}

interface Authorization {
  readonly clientId: string;
  readonly parameters: AuthorizationParams & { issuer?: string };
}

interface Grant {
  readonly clientId: string;
  readonly scopes: string[];
  readonly resource: URL;
}

/** A provider as users of SDK 1 and of server-legacy write it. The user is asked on a page. */
export class Provider implements OAuthServerProvider {
  readonly clientsStore: OAuthRegisteredClientsStore;
  readonly authorizationResponseIssParameterSupported: boolean = true;
  /** The resource that each call was given, by the name of the method. */
  readonly resources: [string, string | undefined][] = [];
  readonly #resource: URL;
  readonly #scopes: readonly string[];
  readonly #errors: SdkErrors;
  readonly #tickets = new Map<string, Authorization>();
  readonly #codes = new Map<string, Authorization>();
  readonly #accessTokens = new Map<string, AuthInfo>();
  readonly #refreshTokens = new Map<string, Grant>();

  constructor(
    clients: OAuthRegisteredClientsStore,
    resource: URL,
    scopes: readonly string[],
    errors: SdkErrors = sdk1,
  ) {
    this.clientsStore = clients;
    this.#resource = resource;
    this.#scopes = scopes;
    this.#errors = errors;
  }

  async authorize(
    client: Client,
    parameters: AuthorizationParams,
    response: Response,
  ): Promise<void> {
    this.#note('authorize', parameters.resource);
    const ticket = randomUUID();
    this.#granted(parameters.scopes);
    this.#tickets.set(ticket, { clientId: client.client_id, parameters });
    response.type('html').send(`<input name="ticket" value="${ticket}">`);
  }

  /** Where to send the user's browser with the answer; undefined if nothing was asked. */
  answer(ticket: string, allowed: boolean): URL | undefined {
    const authorization = this.#tickets.get(ticket);
    if (authorization === undefined) return undefined;
    const { redirectUri, state, issuer } = authorization.parameters;
    const url = new URL(redirectUri);
    const code = randomUUID();
    if (allowed) this.#codes.set(code, authorization);
    url.searchParams.set(allowed ? 'code' : 'error', allowed ? code : 'access_denied');
    if (state !== undefined) url.searchParams.set('state', state);
    if (issuer !== undefined) url.searchParams.set('iss', issuer);
    return url;
  }

  async challengeForAuthorizationCode(client: Client, code: string): Promise<string> {
    const { parameters } = this.#own(client, this.#codes.get(code), 'code');
    return parameters.codeChallenge;
  }

  async exchangeAuthorizationCode(
    client: Client,
    code: string,
    _codeVerifier?: string,
    redirectUri?: string,
    resource?: URL,
  ): Promise<OAuthTokens> {
    this.#note('exchangeAuthorizationCode', resource);
    const { parameters } = this.#own(client, this.#codes.get(code), 'code');
    this.#codes.delete(code);
    if (redirectUri !== undefined && redirectUri !== parameters.redirectUri) {
      throw new this.#errors.InvalidGrantError('another redirect_uri');
    }
    return this.#issue(client, this.#granted(parameters.scopes), true);
  }

  async exchangeRefreshToken(
    client: Client,
    refreshToken: string,
    scopes?: string[],
    resource?: URL,
  ): Promise<OAuthTokens> {
    this.#note('exchangeRefreshToken', resource);
    const grant = this.#own(client, this.#refreshTokens.get(refreshToken), 'refresh token');
    this.#refreshTokens.delete(refreshToken);
    return this.#issue(client, scopes ?? grant.scopes, true);
  }

  async exchangeClientCredentials(
    client: Client,
    scopes?: string[],
    resource?: URL,
  ): Promise<OAuthTokens> {
    this.#note('exchangeClientCredentials', resource);
    return this.#issue(client, this.#granted(scopes), false);
  }

  async verifyAccessToken(token: string): Promise<AuthInfo> {
    const info = this.#accessTokens.get(token);
    if (info === undefined) throw new this.#errors.InvalidTokenError('no such token');
    return info;
  }

  async revokeToken(client: Client, { token }: OAuthTokenRevocationRequest): Promise<void> {
    const { client_id } = client;
    if (this.#accessTokens.get(token)?.clientId === client_id) this.#accessTokens.delete(token);
    if (this.#refreshTokens.get(token)?.clientId === client_id) this.#refreshTokens.delete(token);
  }

  #own<Owned extends { readonly clientId: string }>(
    client: Client,
    owned: Owned | undefined,
    what: string,
  ): Owned {
    if (owned?.clientId === client.client_id) return owned;
    throw new this.#errors.InvalidGrantError(`The ${what} is not valid`);
  }

  #issue({ client_id: clientId }: Client, scopes: string[], refreshable: boolean): OAuthTokens {
    const [token, refresh] = [randomUUID(), randomUUID()];
    const expiresAt = Math.floor(Date.now() / 1000) + 600;
    const resource = this.#resource;
    this.#accessTokens.set(token, { token, clientId, scopes, expiresAt, resource });
    if (refreshable) this.#refreshTokens.set(refresh, { clientId, scopes, resource });
    return {
      access_token: token,
      token_type: 'bearer',
      expires_in: 600,
      scope: scopes.join(' '),
      ...(refreshable && { refresh_token: refresh }),
    };
  }

  #granted(scopes: readonly string[] | undefined): string[] {
    if (scopes === undefined || scopes.length === 0) return [...this.#scopes];
    if (scopes.every((scope) => this.#scopes.includes(scope))) return [...scopes];
    throw new this.#errors.InvalidScopeError('There is no such scope');
  }

  #note(method: string, resource: URL | undefined): void {
    this.resources.push([method, resource?.href]);
    if (resource === undefined || resource.href === this.#resource.href) return;
    throw new this.#errors.InvalidTargetError('Tokens are issued for this MCP server alone');
  }
}
