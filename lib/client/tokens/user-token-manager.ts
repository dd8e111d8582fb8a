import {
  type Configuration,
  type DPoPHandle,
  ResponseBodyError,
  type TokenEndpointResponse,
  tokenRevocation,
} from 'openid-client';
import {
  callback,
  type OptionTable,
  readOptions,
  seconds,
  unchecked,
} from '../../shared/options.js';
import { configuration, sendAgain } from './provider.js';
import { type TokenFetch, tokenFetch } from './token-fetch.js';
import { TokenRefresh } from './token-refresh.js';
import { isUsable, type TokenSet, type TokenStore, tokenSet } from './token-store.js';
import {
  tokensInSession,
  tokensInStore,
  type UserTokenRequest,
  type UserTokenStore,
} from './user-tokens.js';

const HOUR = 3600;
const YEAR = 31_536_000;

/** Options of a `UserTokenManager`. Times are in seconds. */
export interface UserTokenManagerOptions<Request extends UserTokenRequest = UserTokenRequest> {
  /** The result of openid-client's `discovery`, made with `clientAssertion(assertions)`. */
  readonly config: Configuration;
  /**
   * Keeps the tokens under the id of the session. Default: they are kept
   * in the session itself, as its member `tokens`.
   */
  readonly store?: TokenStore | undefined;
  /** For how long the store keeps tokens that are not used. Default 86400, a day; at most a year. */
  readonly keepFor?: number | undefined;
  /**
   * How long before its expiry a token is renewed; at most half of its lifetime. Default 60, at most
   * an hour.
   */
  readonly renewBefore?: number | undefined;
  /** The DPoP handle that the user's tokens are bound to (RFC 9449). */
  readonly DPoP?: ((request: Request) => DPoPHandle | undefined) | undefined;
}

const OPTIONS = {
  config: configuration,
  store: unchecked<TokenStore | undefined>(),
  keepFor: seconds(86_400, 1, YEAR),
  renewBefore: seconds(60, 0, HOUR),
  DPoP: callback<(request: UserTokenRequest) => DPoPHandle | undefined>(),
} satisfies OptionTable<UserTokenManagerOptions>;

/** The user has no tokens, or none that can be refreshed: they have to log in again. */
export class LoginRequiredError extends Error {
  override readonly name = 'LoginRequiredError';
  readonly status = 401;
}

/**
 * Keeps the tokens of the user of a session, refreshes them shortly before they expire, and revokes
 * them at logout. A refresh carries a new assertion; one is under way for each session, and requests
 * that came with the old refresh token get its result, so that servers may rotate refresh tokens.
 * Make one for the application and not one for each request: two know nothing of each other.
 *
 * @example
 * ```ts
 * const users = new UserTokenManager({ config });
 * await users.save(request, tokens); // at login, in the new session: see save
 * const response = await users.fetch(request, 'https://api.example')('/orders');
 * await users.revoke(request); // at logout, before req.logout()
 * ```
 */
export class UserTokenManager<Request extends UserTokenRequest = UserTokenRequest> {
  readonly #config: Configuration;
  readonly #store: UserTokenStore;
  readonly #keepFor: number;
  readonly #renewBefore: number;
  readonly #DPoP: (request: UserTokenRequest) => DPoPHandle | undefined;
  readonly #refresh: TokenRefresh;

  /** @throws {TypeError} where an option is wrong */
  constructor(options: UserTokenManagerOptions<Request>) {
    const settings = readOptions('UserTokenManager', options, OPTIONS);
    this.#config = settings.config;
    this.#keepFor = settings.keepFor;
    this.#renewBefore = settings.renewBefore;
    this.#store = settings.store === undefined ? tokensInSession : tokensInStore(settings.store);
    this.#DPoP = settings.DPoP ?? (() => undefined);
    this.#refresh = new TokenRefresh(settings.config, settings.renewBefore);
  }

  /**
   * Keeps the tokens of a login, once the session has been renewed for it: with Passport in the route
   * behind `passport.authenticate`, to which the verify function hands them over as `authInfo`. What
   * is saved before, in the verify function or in an event, vanishes with the old session.
   *
   * @throws {TypeError} for what is no answer of a token endpoint
   * @example
   * ```ts
   * passport.use('oidc', new OpenIdConnectStrategy(
   *   { config, assertions, callbackURL: 'https://client.example/cb' },
   *   (tokens, verified) => verified(null, tokens.claims(), { tokens }),
   * ));
   * app.get('/cb', passport.authenticate('oidc'), async (request, response) => {
   *   const { tokens } = request.authInfo as { tokens: LoginTokens };
   *   await users.save(request, tokens);
   *   response.redirect('/');
   * });
   * ```
   */
  async save(request: Request, response: TokenEndpointResponse): Promise<void> {
    const tokens = tokenSet(response, Date.now() / 1000, this.#renewBefore);
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
    if (isUsable(tokens, Date.now() / 1000, refused)) return tokens;
    return this.#renew(request, tokens, refused);
  }

  /**
   * A `fetch` for one API that adds the user's token, and refreshes it after a 401.
   *
   * @param baseUrl of the API, with a slash at its end; the token is sent to nothing outside of it
   * @throws {TypeError} where that is no such URL
   */
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
   * be told. To be called before the session ends: `req.logout()` takes the tokens with it.
   *
   * @returns whether the server was told: not where the user has no tokens, or the server no
   *   `revocation_endpoint`
   * @throws what openid-client throws
   */
  async revoke(request: Request): Promise<boolean> {
    const tokens = await this.#store.get(request);
    if (tokens === undefined) return false;
    await this.#store.delete(request);
    if (this.#config.serverMetadata().revocation_endpoint === undefined) return false;
    const { refreshToken, accessToken } = await this.#refresh.latest(tokens);
    await sendAgain(
      () =>
        tokenRevocation(this.#config, refreshToken ?? accessToken, {
          token_type_hint: refreshToken === undefined ? 'access_token' : 'refresh_token',
        }),
      'unanswered',
    );
    return true;
  }

  async #renew(request: Request, tokens: TokenSet, refused?: string): Promise<TokenSet> {
    const { refreshToken } = tokens;
    if (refreshToken === undefined) {
      if (Date.now() / 1000 < tokens.expiresAt && tokens.accessToken !== refused) return tokens;
      throw new LoginRequiredError('The access token has expired and there is no refresh token');
    }
    const replacement = this.#refresh.replacementOf(refreshToken);
    if (replacement !== undefined) {
      await this.#store.set(request, replacement, this.#keepFor);
      return this.getToken(request, refused);
    }
    try {
      const renewed = await this.#refresh.refresh(refreshToken, tokens, this.#DPoP(request));
      await this.#store.set(request, renewed, this.#keepFor);
      return renewed;
    } catch (error) {
      if (!(error instanceof ResponseBodyError) || error.error !== 'invalid_grant') throw error;
      await this.#store.delete(request);
      throw new LoginRequiredError('The refresh token is not valid any more', { cause: error });
    }
  }
}
