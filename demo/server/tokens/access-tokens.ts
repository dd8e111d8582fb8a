import { randomUUID } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { ExpiringMap } from '../../shared/expiring-map.js';
import type { ServerKey } from '../signing-keys.js';
import type { Grant } from './grant.js';

/** How long access tokens are valid, in seconds. */
export const ACCESS_TOKEN_LIFETIME = 600;

/** The claims of a valid access token. */
export interface AccessTokenClaims extends JWTPayload {
  readonly jti: string;
  readonly sub: string;
  readonly client_id: string;
  readonly grant_id: string;
  readonly scope?: string;
}

/** Access tokens: JWTs (RFC 9068) that can be revoked. */
export class AccessTokens {
  private readonly issuer: string;
  private readonly key: ServerKey;
  /** By `jti` or `grant_id`, for as long as a token could still be valid. */
  private readonly revoked = new ExpiringMap<true>(ACCESS_TOKEN_LIFETIME + 60);

  constructor(issuer: string, key: ServerKey) {
    this.issuer = issuer;
    this.key = key;
  }

  issue(grant: Grant, scopes: readonly string[]): Promise<string> {
    const { alg, kid, privateKey } = this.key;
    return new SignJWT({
      client_id: grant.clientId,
      grant_id: grant.id,
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      ...(grant.user !== undefined && { auth_time: grant.user.authTime }),
    })
      .setProtectedHeader({ alg, kid, typ: 'at+jwt' })
      .setIssuer(this.issuer)
      .setAudience(grant.resource ?? this.issuer)
      .setSubject(grant.user?.sub ?? grant.clientId)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${ACCESS_TOKEN_LIFETIME}s`)
      .sign(privateKey);
  }

  /** The claims of a token that is valid and not revoked. */
  async verify(token: string): Promise<AccessTokenClaims | undefined> {
    try {
      const { payload } = await jwtVerify<AccessTokenClaims>(token, this.key.publicKey, {
        algorithms: [this.key.alg],
        typ: 'at+jwt',
        issuer: this.issuer,
      });
      const { jti, grant_id } = payload;
      const isRevoked = this.revoked.get(jti) ?? this.revoked.get(grant_id) ?? false;
      return isRevoked ? undefined : payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }

  revoke({ jti, client_id }: AccessTokenClaims): void {
    this.revoked.set(jti, true, client_id);
  }

  /** Revokes every access token of a grant. */
  revokeGrant({ id, clientId }: Grant): void {
    this.revoked.set(id, true, clientId);
  }
}
