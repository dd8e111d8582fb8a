import {
  type Configuration,
  type DPoPHandle,
  fetchProtectedResource,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { isWebUrl } from '../../shared/options.js';
import type { TokenSet } from './token-store.js';

/** What a fetch with tokens needs. */
export interface TokenFetchOptions {
  readonly config: Configuration;
  /**
   * The API, with a slash at its end. Requests to other origins and paths are refused, so that no
   * token goes astray.
   */
  readonly baseUrl: string | URL;
  /** @param refused the access token that the API has refused, so that it is not given again */
  readonly getToken: (refused?: string) => Promise<TokenSet>;
  /** Where the tokens are bound to a key (RFC 9449). */
  readonly DPoP?: DPoPHandle | undefined;
}

/** As the global `fetch`; URLs may be relative to the API's. */
export type TokenFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Rejects when the signal aborts. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

function baseOf(baseUrl: string | URL): URL {
  if (!isWebUrl(baseUrl)) throw new TypeError('baseUrl must be the absolute URL of the API');
  const base = new URL(baseUrl);
  if (base.pathname.endsWith('/')) return base;
  throw new TypeError(`baseUrl must end with a slash: ${base.origin}${base.pathname}/`);
}

/** @throws {TypeError} for a request that is not to the API */
function checkTarget(base: URL, { origin, pathname }: URL): void {
  if (origin !== base.origin) {
    throw new TypeError(`Tokens for ${base.origin} are not sent to ${origin}`);
  }
  if (pathname.startsWith(base.pathname)) return;
  throw new TypeError(
    `Tokens for ${origin}${base.pathname} are not sent to ${origin}${pathname}: write paths without a slash at the start`,
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
    request.signal.throwIfAborted();
    // Read as a whole, since it may have to be sent twice.
    const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer());

    const send = async (accessToken: string): Promise<Response> => {
      try {
        return await fetchProtectedResource(
          config,
          accessToken,
          url,
          request.method,
          body,
          new Headers(request.headers),
          DPoP && { DPoP },
        );
      } catch (error) {
        if (error instanceof WWWAuthenticateChallengeError) return error.response;
        throw error;
      }
    };
    const exchange = async (): Promise<Response> => {
      const { accessToken } = await getToken();
      const response = await send(accessToken);
      if (response.status !== 401) return response;
      const renewed = await getToken(accessToken);
      if (renewed.accessToken === accessToken) return response;
      await response.body?.cancel();
      return send(renewed.accessToken);
    };
    return Promise.race([exchange(), aborted(request.signal)]);
  };
}
