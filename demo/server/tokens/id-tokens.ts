import { createHash } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ServerKey } from '../signing-keys.js';
import type { GrantUser } from './grant.js';

const ID_TOKEN_LIFETIME = '300s';

/** The left half of the hash of the access token (OpenID Connect Core §3.1.3.6), for RS256. */
const accessTokenHash = (accessToken: string): string =>
  createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');

/** An ID token (OpenID Connect Core §2). */
export function issueIdToken(
  { issuer, key }: { readonly issuer: string; readonly key: ServerKey },
  content: {
    readonly clientId: string;
    readonly user: GrantUser;
    readonly nonce: string | undefined;
    readonly accessToken: string;
  },
): Promise<string> {
  const { clientId, user, nonce, accessToken } = content;
  return new SignJWT({
    auth_time: user.authTime,
    at_hash: accessTokenHash(accessToken),
    ...(nonce !== undefined && { nonce }),
  })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
    .setIssuer(issuer)
    .setSubject(user.sub)
    .setAudience(clientId)
    .setIssuedAt()
    .setExpirationTime(ID_TOKEN_LIFETIME)
    .sign(key.privateKey);
}
