import { ExpiringMap } from '../../shared/expiring-map.js';
import type { Log } from '../log.js';
import type { ServerKeys } from '../signing-keys.js';
import { ACCESS_TOKEN_LIFETIME, AccessTokens } from './access-tokens.js';
import type { Grant } from './grant.js';
import { issueIdToken } from './id-tokens.js';
import { OneTimeTokens } from './one-time-tokens.js';

/** How long a code can be redeemed, in seconds (RFC 6749 §4.1.2 wants at most ten minutes). */
const CODE_LIFETIME = 60;

/** How long a refresh token can be used, in seconds. */
const REFRESH_TOKEN_LIFETIME = 14 * 24 * 3600;

/** What an authorization code stands for and is bound to. */
export interface AuthorizationCode {
  readonly grant: Grant;
  readonly redirectUri: string;
  /** The PKCE challenge, of method S256. */
  readonly codeChallenge: string | undefined;
  readonly nonce: string | undefined;
}

/** What a refresh token stands for. */
export interface RefreshToken {
  readonly grant: Grant;
  /** In seconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** The members of a token response (RFC 6749 §5.1). */
export interface TokenResponse {
  readonly access_token: string;
  readonly expires_in: number;
  readonly scope?: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
}

/** Why a grant ended before its time. */
export type GrantEnd = 'code_used_again' | 'refresh_token_used_again' | 'revoked_by_client';

/** All tokens of the server. */
export class Tokens {
  readonly codes = new OneTimeTokens<AuthorizationCode>(CODE_LIFETIME);
  /** They rotate (RFC 9700 §4.14.2). */
  readonly refreshTokens = new OneTimeTokens<RefreshToken>(REFRESH_TOKEN_LIFETIME);
  readonly accessTokens: AccessTokens;
  private readonly revokedGrants = new ExpiringMap<true>(REFRESH_TOKEN_LIFETIME);
  private readonly issuer: string;
  private readonly keys: ServerKeys;
  private readonly log: Log;

  constructor(issuer: string, keys: ServerKeys, log: Log) {
    this.issuer = issuer;
    this.keys = keys;
    this.log = log;
    this.accessTokens = new AccessTokens(issuer, keys.accessToken);
  }

  /**
   * Issues the tokens of a grant.
   *
   * @param options.scopes of the access token, if it gets fewer than were granted
   * @param options.refreshable whether a refresh token comes along
   */
  async issue(
    grant: Grant,
    options: {
      readonly scopes?: readonly string[];
      readonly refreshable: boolean;
      readonly nonce?: string | undefined;
    },
  ): Promise<TokenResponse> {
    const { scopes = grant.scopes, refreshable, nonce } = options;
    const { clientId, user } = grant;
    const accessToken = await this.accessTokens.issue(grant, scopes);
    const server = { issuer: this.issuer, key: this.keys.idToken };
    return {
      access_token: accessToken,
      expires_in: ACCESS_TOKEN_LIFETIME,
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      ...(refreshable && { refresh_token: this.issueRefreshToken(grant) }),
      ...(user !== undefined &&
        scopes.includes('openid') && {
          id_token: await issueIdToken(server, { clientId, user, nonce, accessToken }),
        }),
    };
  }

  /** What a refresh token stands for, if it can be used. */
  findRefreshToken(token: string): RefreshToken | undefined {
    const found = this.refreshTokens.find(token);
    if (found === undefined) return undefined;
    return this.revokedGrants.get(found.grant.id) === true ? undefined : found;
  }

  /**
   * Ends a grant: none of its tokens can be used any longer.
   *
   * @param reason for the operator
   */
  revokeGrant(grant: Grant, reason: GrantEnd): void {
    const { id, clientId, user } = grant;
    if (this.revokedGrants.get(id) === true) return;
    this.revokedGrants.set(id, true, clientId);
    this.accessTokens.revokeGrant(grant);
    this.log('grant_ended', { reason, grantId: id, clientId, sub: user?.sub });
  }

  private issueRefreshToken(grant: Grant): string {
    const issuedAt = Math.floor(Date.now() / 1000);
    return this.refreshTokens.issue({
      grant,
      issuedAt,
      expiresAt: issuedAt + this.refreshTokens.lifetime,
    });
  }
}
