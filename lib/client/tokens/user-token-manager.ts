import { createHash } from 'node:crypto';
import {
  type Configuration,
  type DPoPHandle,
  ResponseBodyError,
  refreshTokenGrant,
  type TokenEndpointResponse,
  tokenRevocation,
} from 'openid-client';
import { seconds } from '../seconds.js';
import { sendAgain } from './network-error.js';
import { SingleFlight } from './single-flight.js';
import { type TokenFetch, tokenFetch } from './token-fetch.js';
import { isUsable, type TokenSet, tokenSet } from './token-set.js';
import { MemoryTokenStore, type TokenStore } from './token-store.js';
import {
  tokensInSession,
  tokensInStore,
  type UserTokenRequest,
  type UserTokenStore,
} from './user-token-store.js';

/** For how long requests that still have the old refresh token are given the new tokens. */
const RECENT_SECONDS = 3600;

/** Options of a `UserTokenManager`. Times are in seconds. */
export interface UserTokenManagerOptions<Request extends UserTokenRequest = UserTokenRequest> {
  /** The result of openid-client's `discovery`, made with `clientAssertion(assertions)`. */
  readonly config: Configuration;
  /** Keeps the tokens under the id of the session. Default: they are kept in the session itself. */
  readonly store?: TokenStore | undefined;
  /** For how long the store keeps tokens that are not used. Default 86400, a day. */
  readonly keepFor?: number | undefined;
  /** The member of the session that has the tokens. Default `tokens`. */
  readonly sessionMember?: string | undefined;
  /** How long before its expiry a token is renewed; at most half of its lifetime. Default 60. */
  readonly renewBefore?: number | undefined;
  /** The DPoP handle that the user's tokens are bound to (RFC 9449). */
  readonly DPoP?: ((request: Request) => DPoPHandle | undefined) | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

/** The user has no tokens, or none that can be refreshed: they have to log in again. */
export class LoginRequiredError extends Error {
  override readonly name = 'LoginRequiredError';
  readonly status = 401;
}

/** Names a refresh token, which is a secret. */
const keyOf = (refreshToken: string): string =>
  createHash('sha256').update(refreshToken).digest('base64url');

/**
 * Keeps the tokens of the user of a session, refreshes them shortly before they expire, and revokes
 * them at logout. A refresh carries a new assertion; one is under way for each session, and requests
 * that came with the old refresh token get its result, so that servers may rotate refresh tokens.
 *
 * @example
 * ```ts
 * const users = new UserTokenManager({ config });
 * await users.save(request, tokens);                        // at login
 * const response = await users.fetch(request, 'https://api.example')('/orders');
 * await users.revoke(request);                              // at logout
 * ```
 */
export class UserTokenManager<Request extends UserTokenRequest = UserTokenRequest> {
  readonly #config: Configuration;
  readonly #store: UserTokenStore;
  readonly #keepFor: number;
  readonly #renewBefore: number;
  readonly #DPoP: (request: Request) => DPoPHandle | undefined;
  readonly #clock: () => number;
  readonly #flights = new SingleFlight<TokenSet>();
  readonly #recent: MemoryTokenStore;

  /** @throws {TypeError} where an option is wrong */
  constructor(options: UserTokenManagerOptions<Request>) {
    const { config, clock = Date.now, renewBefore = 60, keepFor = 86_400, store } = options;
    this.#config = config;
    this.#clock = clock;
    this.#keepFor = seconds('keepFor', keepFor, 1, 31_536_000);
    this.#renewBefore = seconds('renewBefore', renewBefore, 0, 3600);
    this.#store =
      store === undefined
        ? tokensInSession(options.sessionMember ?? 'tokens')
        : tokensInStore(store);
    this.#DPoP = options.DPoP ?? (() => undefined);
    this.#recent = new MemoryTokenStore({ clock });
  }

  /** Keeps the tokens of a login, once the session has been regenerated for it. */
  async save(request: Request, response: TokenEndpointResponse): Promise<void> {
    const tokens = tokenSet(response, this.#now(), this.#renewBefore);
    await this.#store.set(request, tokens, this.#keepFor);
  }

  /**
   * A token of the user that can be used.
   *
   * @param refused an access token that an API has refused: it is not given again
   * @throws {LoginRequiredError} where the user has none and it cannot be refreshed
   * @throws what openid-client throws, and what the store does
   */
  async getToken(request: Request, refused?: string): Promise<TokenSet> {
    const tokens = await this.#store.get(request);
    if (tokens === undefined) throw new LoginRequiredError('The user has no tokens');
    if (isUsable(tokens, this.#now(), refused)) return tokens;
    return this.#renew(request, tokens, refused);
  }

  /** A `fetch` for one API that adds the user's token, and refreshes it after a 401. */
  fetch(request: Request, baseUrl: string | URL): TokenFetch {
    return tokenFetch({
      config: this.#config,
      baseUrl,
      DPoP: this.#DPoP(request),
      getToken: (refused) => this.getToken(request, refused),
    });
  }

  /**
   * Revokes the tokens (RFC 7009) and forgets them. They are forgotten even where the server cannot
   * be told.
   *
   * @throws what openid-client throws
   */
  async revoke(request: Request): Promise<void> {
    const tokens = await this.#store.get(request);
    if (tokens === undefined) return;
    await this.#store.delete(request);
    const { refreshToken, accessToken } = await this.#latest(tokens);
    await sendAgain(
      () =>
        tokenRevocation(this.#config, refreshToken ?? accessToken, {
          token_type_hint: refreshToken === undefined ? 'access_token' : 'refresh_token',
        }),
      'unanswered',
    );
  }

  async #renew(request: Request, tokens: TokenSet, refused?: string): Promise<TokenSet> {
    const { refreshToken } = tokens;
    if (refreshToken === undefined) {
      if (this.#now() < tokens.expiresAt && tokens.accessToken !== refused) return tokens;
      throw new LoginRequiredError('The access token has expired and there is no refresh token');
    }
    const recent = this.#recent.get(keyOf(refreshToken));
    if (recent !== undefined) {
      await this.#store.set(request, recent, this.#keepFor);
      return this.getToken(request, refused);
    }
    try {
      const renewed = await this.#flights.run(keyOf(refreshToken), () =>
        this.#refresh(refreshToken, tokens, this.#DPoP(request)),
      );
      await this.#store.set(request, renewed, this.#keepFor);
      return renewed;
    } catch (error) {
      if (!(error instanceof ResponseBodyError) || error.error !== 'invalid_grant') throw error;
      await this.#store.delete(request);
      throw new LoginRequiredError('The refresh token is not valid any more', { cause: error });
    }
  }

  async #refresh(
    refreshToken: string,
    tokens: TokenSet,
    DPoP: DPoPHandle | undefined,
  ): Promise<TokenSet> {
    // A server may have used up the refresh token though its answer was lost: only what was not
    // sent at all is sent again.
    const response = await sendAgain(
      () => refreshTokenGrant(this.#config, refreshToken, undefined, DPoP && { DPoP }),
      'unsent',
    );
    const renewed = tokenSet(response, this.#now(), this.#renewBefore, tokens);
    if (renewed.refreshToken !== refreshToken) {
      this.#recent.set(keyOf(refreshToken), renewed, RECENT_SECONDS);
    }
    return renewed;
  }

  /** The tokens that have replaced these, or are about to. */
  async #latest(tokens: TokenSet): Promise<TokenSet> {
    const key = keyOf(tokens.refreshToken ?? '');
    const underWay = await this.#flights.underWay(key)?.catch(() => undefined);
    const next = underWay ?? this.#recent.get(key);
    return next === undefined || next.refreshToken === tokens.refreshToken
      ? tokens
      : this.#latest(next);
  }

  #now(): number {
    return this.#clock() / 1000;
  }
}
