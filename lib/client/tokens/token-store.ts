import { decodeJwt } from 'jose';
import type { TokenEndpointResponse } from 'openid-client';
import type { Reader } from '../../shared/options.js';
import { ProviderError } from './failures.js';

/** In seconds, if the server gives no lifetime. */
const ASSUMED_LIFETIME = 300;

/** Tokens in storage: plain JSON. Times are in seconds since the epoch. */
export interface TokenSet {
  readonly accessToken: string;
  /** `bearer` or `dpop`. */
  readonly tokenType: string;
  /** When the access token expires; without a lifetime, five minutes after it was received. */
  readonly expiresAt: number;
  /** When to request new tokens: some time before they expire. */
  readonly renewAt: number;
  readonly scope?: string | undefined;
  readonly refreshToken?: string | undefined;
  readonly idToken?: string | undefined;
  /** Set while a process refreshes the tokens, so that no other process does. */
  readonly refreshing?: { readonly by: string; readonly until: number } | undefined;
}

/** In seconds. */
const MAX_LIFETIME = 31_536_000;

function lifetimeOf(value: unknown): number {
  if (value === undefined || value === null) return ASSUMED_LIFETIME;
  // Some servers send a string.
  const lifetime = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof lifetime === 'number' && lifetime >= 0) return Math.min(lifetime, MAX_LIFETIME);
  throw new TypeError('The expires_in of the tokens must be a number of seconds');
}

function optionalText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new TypeError(`The ${name} of the tokens must be text`);
}

function subjectOf(idToken: string | undefined): unknown {
  try {
    return idToken === undefined ? undefined : decodeJwt(idToken).sub;
  } catch {
    return undefined;
  }
}

/** OIDC Core §12.2: a refresh must not return the tokens of another user. */
function checkSubject(idToken: string | undefined, previous: string | undefined): void {
  const [subject, before] = [subjectOf(idToken), subjectOf(previous)];
  if (subject === undefined || before === undefined || subject === before) return;
  throw new TypeError('The id_token is of another user than the one before it');
}

/** RFC 6749 §5.1. Members that a refresh omits are kept (RFC 6749 §6). Times in seconds. */
export function tokenSet(
  response: TokenEndpointResponse,
  now: number,
  renewBefore: number,
  previous?: TokenSet,
): TokenSet {
  const { access_token, token_type, expires_in } = response ?? {};
  if (typeof access_token !== 'string' || access_token === '') {
    throw new TypeError('The tokens have no access_token: pass the response of the token endpoint');
  }
  if (typeof token_type !== 'string') throw new TypeError('The tokens have no token_type');
  // Other characters cannot be sent, and the error of fetch would repeat the token.
  if (!/^[\x20-\x7e]+$/.test(access_token)) {
    throw new TypeError(
      'The access_token has characters that no token may have (RFC 6749 appendix A.12)',
    );
  }
  const lifetime = lifetimeOf(expires_in);
  const scope = optionalText('scope', response.scope) ?? previous?.scope;
  const refreshToken =
    optionalText('refresh_token', response.refresh_token) ?? previous?.refreshToken;
  const idToken = optionalText('id_token', response.id_token) ?? previous?.idToken;
  checkSubject(idToken, previous?.idToken);
  return {
    accessToken: access_token,
    tokenType: token_type,
    expiresAt: now + lifetime,
    renewAt: now + lifetime - Math.min(renewBefore, lifetime / 2),
    ...(scope !== undefined && { scope }),
    ...(refreshToken !== undefined && { refreshToken }),
    ...(idToken !== undefined && { idToken }),
  };
}

export function answeredTokens(...parameters: Parameters<typeof tokenSet>): TokenSet {
  try {
    return tokenSet(...parameters);
  } catch (error) {
    const { message } = error as Error;
    throw new ProviderError(502, `The answer of the provider cannot be used: ${message}.`);
  }
}

/** Null means none, as in Redis. */
export function storedTokens(value: unknown): TokenSet | undefined {
  if (value === undefined || value === null) return undefined;
  const { accessToken, tokenType, expiresAt, renewAt } = value as TokenSet;
  const isTokenSet =
    typeof accessToken === 'string' &&
    typeof tokenType === 'string' &&
    Number.isFinite(expiresAt) &&
    Number.isFinite(renewAt);
  if (isTokenSet) return value as TokenSet;
  throw new TypeError(
    'The stored value is not a TokenSet: a store must return what it was given (parse JSON), and only save may write tokens into a session',
  );
}

export const isUsable = (tokens: TokenSet, now: number, refused: string | undefined): boolean =>
  now < tokens.renewAt && tokens.accessToken !== refused;

/**
 * Keeps tokens, so that several processes share them and a restart does not lose them. The tokens
 * are secrets: protect the store like your sessions.
 */
export interface TokenStore {
  /** Returns the entry of a key as stored; undefined or null if there is none. */
  get(key: string): TokenSet | null | undefined | Promise<TokenSet | null | undefined>;
  /**
   * Replaces one entry with another in one atomic step. If the current entry differs from
   * `expected`, nothing changes. Two entries are equal if their JSON is.
   * @param expected what `get` returned; undefined if there must be no entry
   * @param tokens the new entry; undefined to delete the entry
   * @param lifetime in whole seconds; after that the entry may be dropped
   * @returns whether the entry was replaced
   */
  replace(
    key: string,
    expected: TokenSet | undefined,
    tokens: TokenSet | undefined,
    lifetime: number,
  ): boolean | Promise<boolean>;
}

export const tokenStore: Reader<TokenStore | undefined> = (name, value) => {
  if (value === undefined) return undefined;
  const { get, replace } = (value ?? {}) as Partial<TokenStore>;
  if (typeof get === 'function' && typeof replace === 'function') return value as TokenStore;
  throw new TypeError(`${name} must have the methods get and replace of a TokenStore`);
};

export const isSame = (one: TokenSet | undefined, other: TokenSet | undefined): boolean =>
  one === other || JSON.stringify(one) === JSON.stringify(other);

const MAX_ENTRIES = 10_000;

/** Keeps 10,000 entries in the memory of this process; the oldest are dropped first. */
export class MemoryTokenStore implements TokenStore {
  readonly #entries = new Map<string, { readonly tokens: TokenSet; readonly until: number }>();

  get(key: string): TokenSet | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || Date.now() < entry.until) return entry?.tokens;
    this.#entries.delete(key);
    return undefined;
  }

  replace(
    key: string,
    expected: TokenSet | undefined,
    tokens: TokenSet | undefined,
    lifetime: number,
  ): boolean {
    if (!isSame(this.get(key), expected)) return false;
    this.#entries.delete(key);
    if (tokens === undefined) return true;
    this.#entries.set(key, { tokens, until: Date.now() + lifetime * 1000 });
    const [oldest] = this.#entries.size > MAX_ENTRIES ? this.#entries.keys() : [];
    if (oldest !== undefined) this.#entries.delete(oldest);
    return true;
  }
}
