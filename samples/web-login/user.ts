import type { LoginTokens } from 'passport-private-key-jwt/client';

/** Who is logged in, as the session keeps it. */
export interface User {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly idToken?: string | undefined;
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** When the access token expires, in milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
}

/** The user whom tokens tell of; what a refresh does not bring anew stays as it was. */
export function userFrom(tokens: LoginTokens, before?: User): User {
  const expiresIn = tokens.expiresIn();
  return {
    claims: { ...(tokens.claims() ?? before?.claims) },
    idToken: tokens.id_token ?? before?.idToken,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? before?.refreshToken,
    expiresAt: expiresIn === undefined ? undefined : Date.now() + expiresIn * 1000,
  };
}
