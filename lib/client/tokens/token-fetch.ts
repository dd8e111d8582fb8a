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

/** Options of both token managers. Times are in seconds. */
export interface TokenManagerOptions extends ProviderOptions {
  /**
   * Keeps the tokens. Default: a `ClientTokenManager` keeps them in the memory of this process, a
   * `UserTokenManager` in the session. A store has them by session id, client and provider.
   */
  readonly store?: TokenStore | undefined;
  /** Lets one process at a time request tokens. Default: none, which is enough for one process. */
  readonly lock?: TokenLock | undefined;
  /**
   * How long before its expiry a token is renewed; at most half of its lifetime. Default 60, at
   * most an hour.
   */
  readonly renewBefore?: number | undefined;
}

export const TOKEN_MANAGER_OPTIONS = {
  ...PROVIDER_OPTIONS,
  store: tokenStore,
  lock: tokenLock,
  renewBefore: seconds(60, 0, 3600),
} satisfies OptionTable<TokenManagerOptions>;

export interface TokenFetchOptions {
  readonly config: Configuration;
  /** With a slash at its end; without, only this exact URL may be called. */
  readonly baseUrl: string | URL;
  /** `refused`: the access token that the API refused; it must not be returned again. */
  readonly getToken: (refused?: string) => Promise<TokenSet>;
  /** Set if the tokens are bound to a key (RFC 9449). */
  readonly DPoP: () => DPoPHandle | undefined | Promise<DPoPHandle | undefined>;
}

/** URLs may be relative to `baseUrl`. */
type TokenFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

function orAborted<Result>(signal: AbortSignal, promise: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function baseOf(baseUrl: string | URL): URL {
  if (!isWebUrl(baseUrl)) throw new TypeError('baseUrl must be the absolute URL of the API');
  const base = new URL(baseUrl);
  if (base.username === '' && base.password === '') return base;
  throw new TypeError('baseUrl must not contain a user name or password');
}

/** Encodings of a dot or a separator that some servers decode after the URL was checked. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/%u002e|%c0%ae|%e0%80%ae/gi, '.'],
  [/%u2215|%u2216|%c0%af|%e0%80%af|%c1%9c/gi, '/'],
];

/** Layers of percent-encoding in a path. */
const MAX_ENCODINGS = 5;

const decodeOnce = (path: string): string =>
  SPELLINGS.reduce((text, [spelling, meaning]) => text.replace(spelling, meaning), path).replace(
    /%([0-9a-f]{2})/gi,
    (_encoded, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)),
  );

const isDots = (segment: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: some servers drop them.
  /^\.{1,2}(?:;.*)?$/s.test(segment.replace(/[\u0000-\u0020\u007f]/g, ''));

/** Whether a server behind the API could read the path as one outside `baseUrl` (CWE-22). */
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

/** RFC 6750 §2.1, RFC 9449 §7.1. After a 401, one retry with another token. No redirects. */
export function tokenFetch({ config, baseUrl, getToken, DPoP }: TokenFetchOptions): TokenFetch {
  const base = baseOf(baseUrl);

  return async (input, init) => {
    const request = new Request(input instanceof Request ? input : new URL(input, base), init);
    const url = new URL(request.url);
    checkTarget(base, url);
    const { signal } = request;
    signal.throwIfAborted();
    // The request may have to be repeated.
    const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer());

    const send = async (accessToken: string): Promise<Response> => {
      signal.throwIfAborted();
      const handle = await DPoP();
      try {
        return await callApi(config, signal, () =>
          fetchProtectedResource(
            config,
            accessToken,
            url,
            request.method,
            body,
            new Headers(request.headers),
            handle && { DPoP: handle },
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
