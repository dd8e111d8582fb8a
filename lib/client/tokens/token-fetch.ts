import {
  type Configuration,
  type DPoPHandle,
  fetchProtectedResource,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { isWebUrl, type OptionTable, seconds } from '../../shared/options.js';
import { type TokenLock, tokenLock } from './lock.js';
import { callApi, PROVIDER_OPTIONS, type ProviderOptions } from './provider.js';
import { type TokenSet, type TokenStore, tokenStore } from './token-store.js';

/** What both token managers are given. Times are in seconds. */
export interface TokenManagerOptions extends ProviderOptions {
  /**
   * Keeps the tokens. Default: a `ClientTokenManager` keeps them in the memory of this process, a
   * `UserTokenManager` in the session itself, as its member `tokens`; in a store they are under the id
   * of the session.
   */
  readonly store?: TokenStore | undefined;
  /** Lets one process at a time ask for tokens. Default: none, which is enough for one process. */
  readonly lock?: TokenLock | undefined;
  /**
   * How long before its expiry a token is renewed; at most half of its lifetime. Default 60, at most
   * an hour.
   */
  readonly renewBefore?: number | undefined;
}

export const TOKEN_MANAGER_OPTIONS = {
  ...PROVIDER_OPTIONS,
  store: tokenStore,
  lock: tokenLock,
  renewBefore: seconds(60, 0, 3600),
} satisfies OptionTable<TokenManagerOptions>;

/** What a fetch with tokens needs. */
export interface TokenFetchOptions {
  readonly config: Configuration;
  /**
   * The API, with a slash at its end; without it, the one URL that may be called, such as an MCP
   * endpoint. Requests to other origins and paths are refused, so that no token goes astray.
   */
  readonly baseUrl: string | URL;
  /** @param refused the access token that the API has refused, so that it is not given again */
  readonly getToken: (refused?: string) => Promise<TokenSet>;
  /** Where the tokens are bound to a key (RFC 9449). */
  readonly DPoP?: DPoPHandle | undefined;
}

/** As the global `fetch`; URLs may be relative to the API's. */
type TokenFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Waits for a promise, but no longer than until the signal aborts. */
function orAborted<Result>(signal: AbortSignal, promise: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function baseOf(baseUrl: string | URL): URL {
  if (!isWebUrl(baseUrl)) throw new TypeError('baseUrl must be the absolute URL of the API');
  return new URL(baseUrl);
}

/** Ways to write a dot or a separator that some servers decode after the URL was checked. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/%u002e|%c0%ae|%e0%80%ae/gi, '.'],
  [/%u2215|%u2216|%c0%af|%e0%80%af|%c1%9c/gi, '/'],
];

/** How often a path may be encoded over and over again. */
const MAX_ENCODINGS = 5;

/** One encoding less, however odd: a byte is a character here. */
const decodeOnce = (path: string): string =>
  SPELLINGS.reduce((text, [spelling, meaning]) => text.replace(spelling, meaning), path).replace(
    /%([0-9a-f]{2})/gi,
    (_encoded, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)),
  );

/** Whether a segment leads upward, with or without parameters (`..;v=1`). */
const isDots = (segment: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: some servers drop them.
  /^\.{1,2}(?:;.*)?$/s.test(segment.replace(/[\u0000-\u0020\u007f]/g, ''));

/** Whether a server behind the API's could read the path as one that leaves it (CWE-22). */
function hasHiddenDots(pathname: string): boolean {
  let path = pathname;
  for (let encodings = 0; encodings <= MAX_ENCODINGS; encodings += 1) {
    if (path.split(/[/\\]/).some(isDots)) return true;
    const decoded = decodeOnce(path);
    if (decoded === path) return false;
    path = decoded;
  }
  return true;
}

/** @throws {TypeError} for a request that is not to the API */
function checkTarget(base: URL, { origin, pathname }: URL): void {
  if (origin !== base.origin) {
    throw new TypeError(`Tokens for ${base.origin} are not sent to ${origin}`);
  }
  if (hasHiddenDots(pathname)) {
    throw new TypeError(
      `Tokens for ${origin}${base.pathname} are not sent to a path with encoded dots: ${pathname}`,
    );
  }
  const isFolder = base.pathname.endsWith('/');
  if (isFolder ? pathname.startsWith(base.pathname) : pathname === base.pathname) return;
  const remedy = isFolder
    ? 'write paths without a slash at the start'
    : `they are for this one URL. For all paths below, end baseUrl with a slash: ${origin}${base.pathname}/`;
  throw new TypeError(
    `Tokens for ${origin}${base.pathname} are not sent to ${origin}${pathname}: ${remedy}`,
  );
}

/**
 * A `fetch` that adds the access token (RFC 6750 §2.1, RFC 9449 §7.1). After a 401 it asks for
 * another token and sends the request once more. Redirects are not followed.
 *
 * @throws {TypeError} where `baseUrl` is not the API's, or a request is to something else
 */
export function tokenFetch({ config, baseUrl, getToken, DPoP }: TokenFetchOptions): TokenFetch {
  const base = baseOf(baseUrl);

  return async (input, init) => {
    const request = new Request(input instanceof Request ? input : new URL(input, base), init);
    const url = new URL(request.url);
    checkTarget(base, url);
    const { signal } = request;
    signal.throwIfAborted();
    // Read as a whole, since it may have to be sent twice.
    const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer());

    const send = async (accessToken: string): Promise<Response> => {
      signal.throwIfAborted();
      try {
        return await callApi(config, signal, () =>
          fetchProtectedResource(
            config,
            accessToken,
            url,
            request.method,
            body,
            new Headers(request.headers),
            DPoP && { DPoP },
          ),
        );
      } catch (error) {
        if (error instanceof WWWAuthenticateChallengeError) return error.response;
        signal.throwIfAborted();
        throw error;
      }
    };
    const exchange = async (): Promise<Response> => {
      const { accessToken } = await getToken();
      const response = await send(accessToken);
      if (response.status !== 401) return response;
      signal.throwIfAborted();
      const renewed = await getToken(accessToken);
      if (renewed.accessToken === accessToken) return response;
      await response.body?.cancel();
      return send(renewed.accessToken);
    };
    return orAborted(signal, exchange());
  };
}
