import { createHash, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type Configuration, refreshTokenGrant, type TokenEndpointResponse } from 'openid-client';
import { isThenable } from '../../shared/deadline.js';
import { type OptionTable, readOptions, seconds } from '../../shared/options.js';
import { checkAuthentication } from '../assertion-source.js';
import { publish } from '../events.js';
import { LoginRequiredError, ProviderError } from './failures.js';
import { locked, SingleFlight, type TokenLock } from './lock.js';
import { call, clientEvent, DPOP_OPTIONS, type DPoPOptions, revokeTokens } from './provider.js';
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
  extends TokenManagerOptions,
    DPoPOptions<Request> {
  /** How long the store keeps unused tokens. Default 86400, a day; at most a year. */
  readonly keepFor?: number | undefined;
}

const OPTIONS = {
  ...TOKEN_MANAGER_OPTIONS,
  keepFor: seconds(86_400, 1, YEAR),
  ...DPOP_OPTIONS,
} satisfies OptionTable<UserTokenManagerOptions>;

/** In seconds. */
const REMEMBERED = 3600;

/** In seconds: no other process refreshes meanwhile. Longer than a token request takes. */
const REFRESH_TIME = 40;

/** In seconds: how far the clocks of processes may differ. */
const MAX_CLOCK_DIFFERENCE = 60;

/** In seconds. */
const SAVE_TIME = 30;

/** In seconds: how long a request waits for another process to refresh. */
const MAX_WAIT = 10;

/** Others may change the tokens in the meantime: one request starts over this often. */
const MAX_ATTEMPTS = 20;

const now = (): number => Date.now() / 1000;

const nameOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

function clientName(config: Configuration): string {
  const named = JSON.stringify([config.serverMetadata().issuer, config.clientMetadata().client_id]);
  return nameOf(named).slice(0, 16);
}

const ended = (): LoginRequiredError =>
  new LoginRequiredError('The session has ended: the user must log in again');

/** The new session keeps the end of the request from saving the ended session. */
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
 * them at logout. At most one refresh, with a new assertion, runs for each session, and requests
 * with the old refresh token get its result, so servers may rotate refresh tokens. After a session
 * has ended, nothing is kept for it, not even by requests that are still running. Create one
 * manager for each provider: two managers do not coordinate, and each keeps its own tokens in a
 * session.
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
  readonly #DPoP: NonNullable<DPoPOptions<Request>['DPoP']>;
  readonly #flights = new SingleFlight<TokenSet>();
  /** By refresh token name: the tokens that replaced the refresh token. */
  readonly #replacements = new MemoryTokenStore();
  readonly #renewals = new Map<string, Set<Promise<unknown>>>();
  /** The sessions that are ending, with the results of their last refreshes. */
  readonly #ending = new Map<string, TokenSet[]>();

  /** @throws {TypeError} if an option is wrong, or the provider's metadata rules out the key */
  constructor(options: UserTokenManagerOptions<Request>) {
    const settings = readOptions('UserTokenManager', options, OPTIONS);
    this.#config = settings.config;
    checkAuthentication(settings.config, ['token_endpoint', 'revocation_endpoint']);
    this.#lock = settings.lock;
    this.#keepFor = settings.keepFor;
    this.#renewBefore = settings.renewBefore;
    const client = clientName(settings.config);
    this.#place =
      settings.store === undefined
        ? tokensInSession(client)
        : tokensInStore(settings.store, client);
    this.#DPoP = settings.DPoP ?? (() => undefined);
  }

  /**
   * Saves the tokens of a login. Call it after the session was renewed: with Passport, in the
   * handler after `passport.authenticate`. Tokens that are saved earlier, in the verify function or
   * an event, are lost with the old session.
   * @throws {TypeError} if `response` is not a token response
   * @throws {LoginRequiredError} if the user has logged out in the meantime, or the session was not
   *   renewed for this login
   * @example
   * ```ts
   * passport.use('oidc', new OpenIdConnectStrategy(
   *   { config, assertions, callbackURL: 'https://client.example/cb' },
   *   (tokens, verified) => verified(null, tokens.claims(), { tokens }), // to authInfo
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
      if (error instanceof LoginRequiredError) {
        await revokeTokens(this.#config, tokens).catch(() => undefined);
      }
      throw error;
    }
  }

  /**
   * Returns a usable token of the user.
   * @param refused an access token that an API has refused; it is not returned again
   * @throws {LoginRequiredError} if the user has no token, or the token cannot be refreshed
   * @throws the errors of `callProvider`, the store and the lock
   */
  async getToken(request: Request, refused?: string): Promise<TokenSet> {
    const kept = this.#place.get(request);
    const tokens = isThenable(kept) ? await kept : kept;
    if (tokens !== undefined && isUsable(tokens, now(), refused)) return tokens;
    return orLeave(request, this.#renew(request, tokens, refused));
  }

  /**
   * A `fetch` for one API. It adds the user's token, and retries with a refreshed token after a
   * 401. If a signal aborts, the request to the API is closed too.
   * @param baseUrl of the API, with a slash at its end; or the exact URL that gets the token, such
   *   as an MCP endpoint. The token is sent nowhere else
   * @throws {TypeError} if `baseUrl` is invalid
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
      DPoP: () => this.#DPoP(request),
      getToken: (refused) => this.getToken(request, refused),
    });
  }

  /**
   * Forgets the user's tokens and revokes both (RFC 7009), the refresh token first. Waits for
   * running refreshes. The tokens are forgotten even if the provider is unreachable. Call it before
   * `req.logout()`, which deletes the tokens.
   * @returns whether the provider was called; false if the user has no tokens, or the provider has
   *   no `revocation_endpoint`
   * @throws the errors of `callProvider`
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
      // Also forgets a renewal that was just being saved.
      await this.#place.end(request);
      if (before === undefined && late.length === 0) return false;
      const last = late.at(-1) ?? this.#latest(before as TokenSet).tokens;
      return await revokeTokens(this.#config, last);
    } finally {
      if (key !== undefined && this.#ending.get(key) === late) this.#ending.delete(key);
    }
  }

  /** If a provider reissues a replaced refresh token, the replacements form a circle. */
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

  async #refresh(request: Request, refused?: string): Promise<TokenSet> {
    const deadline = now() + MAX_WAIT;
    const by = randomUUID();
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
        // Another process may have been faster: the current tokens decide.
        dead.set(latest.refreshToken, error);
      }
    }
    throw new Error('Other requests keep changing the tokens of this session.');
  }

  async #isRefreshedElsewhere(
    { refreshing }: TokenSet,
    by: string,
    deadline: number,
  ): Promise<boolean> {
    if (refreshing === undefined || refreshing.by === by) return false;
    const left = refreshing.until - now();
    // A process whose clock is far ahead must not block the others.
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

  async #send(
    request: Request,
    claimed: TokenSet,
    tokens: TokenSet,
  ): Promise<TokenSet | undefined> {
    const { refreshToken = '' } = tokens;
    let renewed: TokenSet;
    try {
      const DPoP = await this.#DPoP(request);
      // The server may have used up the refresh token although its answer was lost, so only unsent
      // requests are repeated.
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
        // The provider has rotated the refresh token: an outage of the store must not lose it.
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

  /** Tokens arrived after their session had ended. A running logout revokes them itself. */
  async #giveUp(request: Request, renewed: TokenSet): Promise<void> {
    await this.#place.end(request).catch(() => undefined);
    const ending = this.#ending.get(this.#place.keyOf(request) ?? '');
    if (ending !== undefined) ending.push(renewed);
    else await revokeTokens(this.#config, renewed).catch(() => undefined);
  }
}
