import type { LoginTokens } from 'passport-private-key-jwt/client';

/** Who is logged in, and the tokens of the login. It is kept in the session, on this server. */
export interface User {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly accessToken: string;
  readonly idToken: string | undefined;
  readonly refreshToken: string | undefined;
  /** When the access token expires, in milliseconds since the epoch; undefined if unknown. */
  readonly expiresAt: number | undefined;
}

/**
 * The user of a login, or of a refresh of it.
 *
 * @param before the user before a refresh: what the new response leaves out stays as it was
 */
export function userOf(tokens: LoginTokens, before?: User): User {
  const expiresIn = tokens.expiresIn();
  return {
    claims: { ...(tokens.claims() ?? before?.claims) },
    accessToken: tokens.access_token,
    idToken: tokens.id_token ?? before?.idToken,
    refreshToken: tokens.refresh_token ?? before?.refreshToken,
    expiresAt: expiresIn === undefined ? undefined : Date.now() + expiresIn * 1000,
  };
}
