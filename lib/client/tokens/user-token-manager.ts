import { createHash, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import {
  type Configuration,
  type DPoPHandle,
  refreshTokenGrant,
  type TokenEndpointResponse,
} from 'openid-client';
import { isThenable } from '../../shared/deadline.js';
import { callback, type OptionTable, readOptions, seconds } from '../../shared/options.js';
import { checkAuthentication } from '../assertion-source.js';
import { publish } from '../events.js';
import { LoginRequiredError, ProviderError } from './failures.js';
import { locked, SingleFlight, type TokenLock } from './lock.js';
import { call, clientEvent, revokeTokens } from './provider.js';
import { leaveEndedSession, type UserTokenRequest } from './session.js';
import { TOKEN_MANAGER_OPTIONS, type TokenManagerOptions, tokenFetch } from './token-fetch.js';
import {
  answeredTokens,
  isUsable,
  MemoryTokenStore,
  type TokenSet,
  tokenSet,
} from './token-store.js';
import { tokensInSession, tokensInStore, type UserTokens } from './user-tokens.js';

const YEAR = 31_536_000;

/** Options of a `UserTokenManager`. Times are in seconds. */
export interface UserTokenManagerOptions<Request extends UserTokenRequest = UserTokenRequest>
  extends TokenManagerOptions {
  /** For how long the store keeps tokens that are not used. Default 86400, a day; at most a year. */
  readonly keepFor?: number | undefined;
  /** The DPoP handle that the user's tokens are bound to (RFC 9449). */
  readonly DPoP?: ((request: Request) => DPoPHandle | undefined) | undefined;
}

const OPTIONS = {
  ...TOKEN_MANAGER_OPTIONS,
  keepFor: seconds(86_400, 1, YEAR),
  DPoP: callback<(request: UserTokenRequest) => DPoPHandle | undefined>(),
} satisfies OptionTable<UserTokenManagerOptions>;

/** For how long it is remembered which tokens have replaced others, in seconds. */
const REMEMBERED = 3600;

/** For how long a process may refresh before another one may: longer than a token request takes. */
const REFRESH_TIME = 40;

/** How far the clocks of processes may differ, in seconds. */
const MAX_CLOCK_DIFFERENCE = 60;

/** For how long new tokens are tried to be saved, in seconds. */
const SAVE_TIME = 30;

/** How long a request waits for another process that refreshes, in seconds. */
const MAX_WAIT = 10;

/** How often one request begins again, since others have changed the tokens meanwhile. */
const MAX_ATTEMPTS = 20;

const now = (): number => Date.now() / 1000;

/** Names a refresh token, which is a secret. */
const nameOf = (refreshToken: string): string =>
  createHash('sha256').update(refreshToken).digest('base64url');

const ended = (): LoginRequiredError =>
  new LoginRequiredError('The session has ended: the user must log in again');

/** Takes a request out of its session if that has ended, so that it is not written back. */
async function orLeave<Result>(
  request: UserTokenRequest,
  result: Promise<Result>,
): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof LoginRequiredError) await leaveEndedSession(request);
    throw error;
  }
}

/**
 * Keeps the tokens of the user of a session, refreshes them shortly before they expire, and revokes
 * them at logout. A refresh carries a new assertion; one is under way for each session, and requests
 * that came with the old refresh token get its result, so that servers may rotate refresh tokens.
 * Once a session has ended, nothing is kept for it any more, not even by requests under way.
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
  readonly #place: UserTokens;
  readonly #lock: TokenLock | undefined;
  readonly #keepFor: number;
  readonly #renewBefore: number;
  readonly #DPoP: (request: UserTokenRequest) => DPoPHandle | undefined;
  readonly #flights = new SingleFlight<TokenSet>();
  /** Under the name of a refresh token, the tokens that have replaced it. */
  readonly #replacements = new MemoryTokenStore();
  /** The renewals under way for each session. */
  readonly #renewals = new Map<string, Set<Promise<unknown>>>();
  /** The sessions that are just being ended, and what their last refreshes have brought. */
  readonly #ending = new Map<string, TokenSet[]>();

  /** @throws {TypeError} if an option is wrong, or the provider's metadata rules the client's key out */
  constructor(options: UserTokenManagerOptions<Request>) {
    const settings = readOptions('UserTokenManager', options, OPTIONS);
    this.#config = settings.config;
    checkAuthentication(settings.config, ['token_endpoint', 'revocation_endpoint']);
    this.#lock = settings.lock;
    this.#keepFor = settings.keepFor;
    this.#renewBefore = settings.renewBefore;
    this.#place = settings.store === undefined ? tokensInSession() : tokensInStore(settings.store);
    this.#DPoP = settings.DPoP ?? (() => undefined);
  }

  /**
   * Keeps the tokens of a login, once the session has been renewed for it: with Passport in the route
   * behind `passport.authenticate`, to which the verify function hands them over as `authInfo`. What
   * is saved before, in the verify function or in an event, vanishes with the old session.
   *
   * @throws {TypeError} for what is no answer of a token endpoint
   * @throws {LoginRequiredError} if the session has ended: the user has logged out meanwhile, or the
   *   session was not renewed for this login
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
    const tokens = tokenSet(response, now(), this.#renewBefore);
    try {
      await orLeave(request, this.#place.start(request, tokens, this.#keepFor));
    } catch (error) {
      // Nothing will use them.
      if (error instanceof LoginRequiredError) {
        await revokeTokens(this.#config, tokens).catch(() => undefined);
      }
      throw error;
    }
  }

  /**
   * A token of the user that can be used.
   *
   * @param refused an access token that an API has refused: it is not given again
   * @throws {LoginRequiredError} if the user has none and it cannot be refreshed
   * @throws what `callProvider` throws, and what the store and the lock do
   */
  async getToken(request: Request, refused?: string): Promise<TokenSet> {
    const kept = this.#place.get(request);
    const tokens = isThenable(kept) ? await kept : kept;
    if (tokens !== undefined && isUsable(tokens, now(), refused)) return tokens;
    return orLeave(request, this.#renew(request, tokens, refused));
  }

  /**
   * A `fetch` for one API that adds the user's token, and refreshes it after a 401. A signal that
   * aborts closes the request at the API too.
   *
   * @param baseUrl of the API, with a slash at its end; or the one URL that gets the token, such as an
   *   MCP endpoint. The token is sent to nothing outside of it
   * @throws {TypeError} if that is no such URL
   */
  fetch(
    request: Request,
    baseUrl: string | URL,
  ): (
    input: string | URL | globalThis.Request,
    init?: RequestInit,
  ) => Promise<globalThis.Response> {
    return tokenFetch({
      config: this.#config,
      baseUrl,
      DPoP: this.#DPoP(request),
      getToken: (refused) => this.getToken(request, refused),
    });
  }

  /**
   * Ends the session for tokens: forgets them and revokes both (RFC 7009), the refresh token first.
   * Refreshes that are under way are waited for. The tokens are forgotten even if the provider cannot
   * be told. Call it before the session ends: `req.logout()` takes the tokens with it.
   *
   * @returns whether the provider was told: not if the user has no tokens, or the provider no
   *   `revocation_endpoint`
   * @throws what `callProvider` throws
   */
  async revoke(request: Request): Promise<boolean> {
    const key = this.#place.keyOf(request);
    const late: TokenSet[] = [];
    if (key !== undefined) this.#ending.set(key, late);
    try {
      const before = await this.#place.end(request);
      const underWay = before?.refreshToken && this.#flights.underWay(nameOf(before.refreshToken));
      const renewals = this.#renewals.get(key ?? '') ?? [];
      await Promise.allSettled([...renewals, underWay]);
      // A renewal that was just being saved is forgotten too.
      await this.#place.end(request);
      if (before === undefined && late.length === 0) return false;
      const last = late.at(-1) ?? this.#latest(before as TokenSet).tokens;
      return await revokeTokens(this.#config, last);
    } finally {
      if (key !== undefined && this.#ending.get(key) === late) this.#ending.delete(key);
    }
  }

  /**
   * The tokens that have replaced these, as far as this process knows. A provider that gives out a
   * refresh token again which it had replaced makes a circle.
   */
  #latest(tokens: TokenSet): { readonly tokens: TokenSet; readonly isCircle: boolean } {
    const visited = new Set<string>();
    for (let latest = tokens; ; ) {
      const name = latest.refreshToken === undefined ? '' : nameOf(latest.refreshToken);
      if (visited.has(name)) return { tokens: latest, isCircle: true };
      visited.add(name);
      const next = this.#replacements.get(name);
      if (next === undefined) return { tokens: latest, isCircle: false };
      latest = next;
    }
  }

  async #renew(
    request: Request,
    tokens: TokenSet | undefined,
    refused?: string,
  ): Promise<TokenSet> {
    if (tokens === undefined) throw new LoginRequiredError('The user has no tokens');
    const { refreshToken } = tokens;
    if (refreshToken === undefined) {
      if (now() < tokens.expiresAt && tokens.accessToken !== refused) return tokens;
      throw new LoginRequiredError('The access token has expired and there is no refresh token');
    }
    const key = this.#place.keyOf(request) ?? '';
    const renewal = this.#flights
      .run(nameOf(refreshToken), () =>
        locked(this.#lock, key || nameOf(refreshToken), () => this.#refresh(request, refused)),
      )
      .then(async (renewed) => {
        await this.#place.adopt(request, renewed);
        return renewed;
      });
    const renewals = this.#renewals.get(key) ?? new Set();
    this.#renewals.set(key, renewals.add(renewal));
    try {
      return await renewal;
    } finally {
      renewals.delete(renewal);
      if (renewals.size === 0) this.#renewals.delete(key);
    }
  }

  /** Refreshes the tokens, unless somebody else has done so since they were read. */
  async #refresh(request: Request, refused?: string): Promise<TokenSet> {
    const deadline = now() + MAX_WAIT;
    const by = randomUUID();
    /** Refresh tokens that the provider takes no more. */
    const dead = new Map<string | undefined, unknown>();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const current = await this.#place.current(request);
      if (current === undefined) throw ended();
      const { tokens: latest, isCircle } = this.#latest(current);
      if (isCircle) {
        throw new LoginRequiredError(
          'The provider returned a refresh token that it had already replaced: the user must log in again',
        );
      }
      if (isUsable(latest, now(), refused)) {
        if (latest === current) return latest;
        if (await this.#place.replace(request, current, latest, this.#keepFor)) return latest;
        continue;
      }
      if (dead.has(latest.refreshToken)) {
        if (!(await this.#place.replace(request, current, undefined, this.#keepFor))) continue;
        throw dead.get(latest.refreshToken);
      }
      if (await this.#isRefreshedElsewhere(current, by, deadline)) {
        attempt -= 1;
        continue;
      }
      const { refreshing: interrupted, ...tokens } = latest;
      const refreshing = { by, until: now() + REFRESH_TIME };
      const claimed = await this.#place.claim(
        request,
        current,
        { ...tokens, refreshing },
        this.#keepFor,
      );
      if (claimed === undefined) continue;
      if (interrupted !== undefined && interrupted.by !== by) {
        publish(() => clientEvent(this.#config, 'refresh_interrupted'));
      }
      try {
        const renewed = await this.#send(request, claimed, tokens);
        if (renewed !== undefined) return renewed;
      } catch (error) {
        if (!(error instanceof LoginRequiredError) || error.error !== 'invalid_grant') throw error;
        // Another process may have been faster: what is there now decides.
        dead.set(latest.refreshToken, error);
      }
    }
    throw new Error('Other requests keep changing the tokens of this session.');
  }

  /** Waits a moment if another process refreshes the tokens; false if none does. */
  async #isRefreshedElsewhere(
    { refreshing }: TokenSet,
    by: string,
    deadline: number,
  ): Promise<boolean> {
    if (refreshing === undefined || refreshing.by === by) return false;
    const left = refreshing.until - now();
    // A process whose clock is far ahead does not hold the others up.
    if (left <= 0 || left > REFRESH_TIME + MAX_CLOCK_DIFFERENCE) return false;
    if (now() > deadline) {
      throw new ProviderError(
        503,
        `Another process has been refreshing the tokens for more than ${MAX_WAIT} s.`,
      );
    }
    await setTimeout(50);
    return true;
  }

  /** Asks for new tokens and keeps them; undefined if other ones are there now. */
  async #send(
    request: Request,
    claimed: TokenSet,
    tokens: TokenSet,
  ): Promise<TokenSet | undefined> {
    const { refreshToken = '' } = tokens;
    const DPoP = this.#DPoP(request);
    let renewed: TokenSet;
    try {
      // A server may have used up the refresh token though its answer was lost: only what was not
      // sent at all is sent again.
      const response = await call(
        this.#config,
        () => refreshTokenGrant(this.#config, refreshToken, undefined, DPoP && { DPoP }),
        { repeatable: 'unsent' },
      );
      renewed = answeredTokens(response, now(), this.#renewBefore, tokens);
    } catch (error) {
      await this.#place.replace(request, claimed, tokens, this.#keepFor).catch(() => undefined);
      throw error;
    }
    if (renewed.refreshToken !== refreshToken) {
      const name = nameOf(refreshToken);
      this.#replacements.replace(name, this.#replacements.get(name), renewed, REMEMBERED);
    }
    publish(() => clientEvent(this.#config, 'token_refreshed'));
    return this.#keep(request, claimed, renewed);
  }

  /** Keeps new tokens in the place of those that they replace, and of nothing else. */
  async #keep(
    request: Request,
    claimed: TokenSet,
    renewed: TokenSet,
  ): Promise<TokenSet | undefined> {
    const until = now() + SAVE_TIME;
    let expected = claimed;
    for (;;) {
      let current: TokenSet | undefined;
      try {
        if (await this.#place.replace(request, expected, renewed, this.#keepFor)) return renewed;
        current = await this.#place.current(request);
      } catch (error) {
        // The provider has replaced the refresh token: an outage of the store must not lose it.
        if (now() > until) throw error;
        await setTimeout(100);
        continue;
      }
      if (current === undefined) {
        await this.#giveUp(request, renewed);
        throw ended();
      }
      if (current.refreshToken !== claimed.refreshToken) return undefined;
      expected = current;
    }
  }

  /** Revokes tokens that came after their session had ended; a logout under way does it itself. */
  async #giveUp(request: Request, renewed: TokenSet): Promise<void> {
    await this.#place.end(request).catch(() => undefined);
    const ending = this.#ending.get(this.#place.keyOf(request) ?? '');
    if (ending !== undefined) ending.push(renewed);
    else await revokeTokens(this.#config, renewed).catch(() => undefined);
  }
}
