import type { TokenEndpointResponse } from 'openid-client';

/** Where a server does not say how long a token lives, it is renewed after this many seconds. */
const ASSUMED_LIFETIME = 300;

/** Tokens as they are kept: plain JSON. Times are in seconds since the epoch. */
export interface TokenSet {
  readonly accessToken: string;
  /** `bearer` or `dpop`. */
  readonly tokenType: string;
  /** The end of the access token; five minutes after it came, where the server does not say it. */
  readonly expiresAt: number;
  /** When to ask for new ones: a while before they expire. */
  readonly renewAt: number;
  readonly scope?: string | undefined;
  readonly refreshToken?: string | undefined;
  readonly idToken?: string | undefined;
}

/**
 * What is kept of a token response (RFC 6749 §5.1).
 *
 * @param renewBefore seconds before the expiry; at most half of the lifetime counts
 * @param previous the tokens that were refreshed: what the response leaves out stays (RFC 6749 §6)
 * @throws {TypeError} for what is no token response
 */
export function tokenSet(
  response: TokenEndpointResponse,
  now: number,
  renewBefore: number,
  previous?: TokenSet,
): TokenSet {
  if (typeof response?.access_token !== 'string') {
    throw new TypeError('The tokens have no access_token: give the answer of the token endpoint');
  }
  const lifetime = response.expires_in ?? ASSUMED_LIFETIME;
  const scope = response.scope ?? previous?.scope;
  const refreshToken = response.refresh_token ?? previous?.refreshToken;
  const idToken = response.id_token ?? previous?.idToken;
  return {
    accessToken: response.access_token,
    tokenType: response.token_type,
    expiresAt: now + lifetime,
    renewAt: now + lifetime - Math.min(renewBefore, lifetime / 2),
    ...(scope !== undefined && { scope }),
    ...(refreshToken !== undefined && { refreshToken }),
    ...(idToken !== undefined && { idToken }),
  };
}

/**
 * Tokens as they were kept. None may be null, as of Redis.
 *
 * @throws {TypeError} for anything else than a TokenSet
 */
export function storedTokens(value: unknown): TokenSet | undefined {
  if (value === undefined || value === null) return undefined;
  const { accessToken, tokenType, expiresAt, renewAt } = value as TokenSet;
  const isTokenSet =
    [accessToken, tokenType].every((text) => typeof text === 'string') &&
    [expiresAt, renewAt].every(Number.isFinite);
  if (isTokenSet) return value as TokenSet;
  throw new TypeError(
    'What was kept is no TokenSet: a store returns what it was given (JSON has to be parsed), and a session has what save put into it',
  );
}

/** Whether the tokens can still be used: not due for renewal, nor the ones that an API refused. */
export const isUsable = (tokens: TokenSet, now: number, refused: string | undefined): boolean =>
  now < tokens.renewAt && tokens.accessToken !== refused;
