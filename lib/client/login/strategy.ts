import { types } from 'node:util';
import { buildEndSessionUrl } from 'openid-client';
import { Strategy } from 'openid-client/passport';
import { ConfigurationError } from '../../shared/errors.js';
import { type ArgumentTable, readOptions, text } from '../../shared/options.js';
import { errorFrom } from '../../shared/safe.js';
import { metadataOf } from '../assertion-source.js';
import { publish } from '../events.js';
import { isClientFailure, LoginRequiredError } from '../tokens/failures.js';
import { clientEvent } from '../tokens/provider.js';
import { leaveEndedSession } from '../tokens/session.js';
import type { LoginRequest, LoginTokens } from './events.js';
import { finishLogin } from './finish-login.js';
import {
  checkLoginOptions,
  type LoginAuthenticateOptions,
  type LoginSettings,
  loginSettings,
  type OpenIdConnectStrategyOptions,
  type OpenIdConnectStrategyOptionsWithRequest,
  type Verified,
  type Verify,
  type VerifyWithRequest,
} from './options.js';
import { LoginStateError } from './pending-logins.js';
import { startLogin } from './start-login.js';

type CallVerify = (request: LoginRequest, tokens: LoginTokens, verified: Verified) => unknown;

function callVerify(verify: Verify | VerifyWithRequest, passReqToCallback: boolean): CallVerify {
  if (typeof verify !== 'function') throw new TypeError('verify must be a function');
  const taken = passReqToCallback ? ['request', 'tokens', 'verified'] : ['tokens', 'verified'];
  // A function without named parameters may read its arguments differently.
  if (verify.length !== 0 && verify.length !== taken.length) {
    throw new TypeError(
      `verify must take (${taken.join(', ')}), since passReqToCallback is ${passReqToCallback}`,
    );
  }
  return passReqToCallback
    ? (verify as VerifyWithRequest)
    : (_request, tokens, verified) => (verify as Verify)(tokens, verified);
}

const warn = (what: string): void => process.emitWarning(`${what}: the login was already over.`);

/** After a second decision, Passport would answer the request again. */
async function decide(verify: (verified: Verified) => unknown, settle: Verified): Promise<void> {
  let isSettled = false;
  const verified: Verified = (...outcome) => {
    if (isSettled) {
      warn('verify called verified more than once');
      return;
    }
    isSettled = true;
    settle(...outcome);
  };
  try {
    const returned = verify(verified);
    const value = await returned;
    if (isSettled || value === undefined || !types.isPromise(returned)) return;
    verified(
      new ConfigurationError('verify returned a value: call verified(null, user) with it instead.'),
    );
  } catch (error) {
    if (isSettled) warn(`verify failed after it had called verified (${error})`);
    else verified(error || new Error('verify failed without an error.'));
  }
}

export type AddedParameters = URLSearchParams | Record<string, string> | undefined;

/**
 * Typed here so that the declarations need no other package. A subclass may override the first four
 * members; Passport adds the others.
 */
export interface OpenIdConnectStrategyBase {
  readonly name: string;
  /** More parameters of the authorization request. */
  authorizationRequestParams(request: LoginRequest, options: object): AddedParameters;
  /** More parameters of the token request. */
  authorizationCodeGrantParameters(request: LoginRequest, options: object): AddedParameters;
  /** The URL of the request as the user's browser sees it. */
  currentUrl(request: LoginRequest): URL;
  /** Whether a request begins a login, instead of being the provider's response. */
  shouldInitiateAuthRequest(request: LoginRequest, currentUrl: URL, options: object): boolean;
  /** Passport's: the user has logged in. */
  success(user: object, info?: object): void;
  /** Passport's: the user has not logged in. */
  fail(info?: object | string | number, status?: number): void;
  /** Passport's: sends the user's browser elsewhere. */
  redirect(url: string, status?: number): void;
  /** Passport's: something went wrong, for `next`. */
  error(error: unknown): void;
}

const Base = Strategy as unknown as new (
  options: object,
  verify: unknown,
) => OpenIdConnectStrategyBase;

interface LogoutParameters {
  readonly idToken?: string | undefined;
  readonly returnTo?: string | URL | undefined;
  readonly state?: string | undefined;
}

const LOGOUT = {
  idToken: text(undefined),
  returnTo: (name, value) => {
    if (value === undefined || URL.canParse(String(value)))
      return value as string | URL | undefined;
    throw new TypeError(`${name} must be an absolute URL`);
  },
  state: text(undefined),
} satisfies ArgumentTable<LogoutParameters>;

/** The names of the parameters that are sent. */
const LOGOUT_HINTS = {
  id_token_hint: 'use idToken',
  idTokenHint: 'use idToken',
  post_logout_redirect_uri: 'use returnTo',
};

const isRefusal = (error: unknown): boolean =>
  error instanceof LoginRequiredError && error.error === 'access_denied';

function failureInfo(error: unknown): object {
  if (!(error instanceof Error)) return { message: 'The login failed.' };
  if (!isClientFailure(error)) return { message: error.message };
  const { error_description: description, error: code, message } = error;
  return { message: description ?? code ?? message, error: code };
}

/**
 * Logs users in at an OpenID provider: openid-client's Passport strategy, plus signed client
 * assertions, signed authorize requests (JAR) and events. PKCE, `state` and, with the scope
 * `openid`, `nonce` are always sent. Several tabs can log in at the same time; after one succeeds,
 * the others must begin again. Requires a session that Passport can renew at login, such as that of
 * express-session.
 * @example
 * ```ts
 * passport.use('oidc', new OpenIdConnectStrategy(
 *   {
 *     config, assertions, callbackURL: 'https://client.example/cb',
 *     scope: 'openid profile', signedAuthorizeRequests: true,
 *   },
 *   (tokens, verified) => verified(null, tokens.claims()),
 * ));
 * app.get('/login', passport.authenticate('oidc'));
 * // Not back to /login: where cookies are lost, that would go on for ever.
 * app.get('/cb', passport.authenticate('oidc', {
 *   successRedirect: '/', failureRedirect: '/login-failed', failureMessage: true,
 * }));
 * ```
 */
export class OpenIdConnectStrategy extends Base {
  // Passport makes each request's strategy with Object.create, which breaks #private members.
  /** @internal */
  readonly _settings: LoginSettings;
  /** @internal */
  readonly _callVerify: CallVerify;

  /** @throws {TypeError} if an option is wrong */
  constructor(options: OpenIdConnectStrategyOptions, verify: Verify);
  constructor(options: OpenIdConnectStrategyOptionsWithRequest, verify: VerifyWithRequest);
  constructor(
    options: OpenIdConnectStrategyOptions | OpenIdConnectStrategyOptionsWithRequest,
    verify: Verify | VerifyWithRequest,
  ) {
    const settings = loginSettings(options);
    const call = callVerify(verify, settings.passReqToCallback);
    super({ config: settings.config, name: settings.name }, verify);
    this._settings = settings;
    this._callVerify = call;
  }

  /** Called by Passport. */
  authenticate(request: LoginRequest, options: LoginAuthenticateOptions = {}): void {
    this._authenticate(request, options).catch((error: unknown) => this._error(error));
  }

  /**
   * Whether a request begins a login. A request to the callback URL with a `state` is a response,
   * even if it has neither a code nor an error: otherwise a provider that sends such responses
   * would send the user back and forth for ever.
   */
  override shouldInitiateAuthRequest(
    request: LoginRequest,
    currentUrl: URL,
    options: LoginAuthenticateOptions,
  ): boolean {
    // HEAD is answered like GET (RFC 9110 §9.3.2).
    const asked: LoginRequest =
      request.method === 'HEAD' ? Object.create(request, { method: { value: 'GET' } }) : request;
    if (!super.shouldInitiateAuthRequest(asked, currentUrl, options)) return false;
    const callbackURL = String(options.callbackURL ?? this._settings.defaults.callbackURL);
    const isCallback =
      URL.canParse(callbackURL) && new URL(callbackURL).pathname === currentUrl.pathname;
    return !(isCallback && currentUrl.searchParams.has('state'));
  }

  /** @internal */
  async _authenticate(request: LoginRequest, options: LoginAuthenticateOptions): Promise<void> {
    if (!request.session) {
      throw new ConfigurationError('A login needs a session: mount express-session before it.');
    }
    const currentUrl = this._currentUrl(request);
    if (this.shouldInitiateAuthRequest(request, currentUrl, options)) {
      await this._start(request, options);
      return;
    }
    if (options['session'] !== false) this._settings.pending.requireRenewal(request);
    const tokens = await this._finish(request, currentUrl, options);
    if (tokens === undefined) return;
    await decide(
      (verified) => this._callVerify(request, tokens, verified),
      (error, user, info) => this._settle(request, options, error, user, info),
    );
  }

  /**
   * If the Host header, which the caller controls, is invalid, uses the host of the callback URL.
   * @internal
   */
  _currentUrl(request: LoginRequest): URL {
    try {
      return this.currentUrl(request);
    } catch (error) {
      const { callbackURL = '' } = this._settings.defaults;
      const path = (request.originalUrl ?? request.url ?? '').replace(/^[/\\]+/, '/');
      if (!URL.canParse(path, String(callbackURL))) throw error;
      return new URL(path, String(callbackURL));
    }
  }

  /** @internal */
  async _start(request: LoginRequest, options: LoginAuthenticateOptions): Promise<void> {
    checkLoginOptions(options);
    const all = { ...this._settings.defaults, ...options };
    const added = new URLSearchParams(this.authorizationRequestParams(request, all));
    const url = await startLogin(this._settings, request, added);
    publish(() => clientEvent(this._settings.config, 'login_begun'));
    this.redirect(url.href);
  }

  /**
   * Where to redirect a user after the local logout, so that the provider ends its session too
   * (OpenID Connect RP-Initiated Logout 1.0).
   * @param parameters `idToken` of the login, which `getToken` of a `UserTokenManager` returns
   *   until `revoke`; `returnTo`, one of the client's registered `post_logout_redirect_uris`;
   *   `state`, which the provider returns with the user
   * @returns undefined if the provider has no `end_session_endpoint`
   * @throws {TypeError} for an unknown parameter or a wrong value
   */
  logoutUrl(
    parameters: {
      readonly idToken?: string | undefined;
      readonly returnTo?: string | URL | undefined;
      readonly state?: string | undefined;
    } = {},
  ): URL | undefined {
    const { config } = this._settings;
    const { idToken, returnTo, state } = readOptions('logoutUrl', parameters, LOGOUT, LOGOUT_HINTS);
    if (metadataOf(config, 'end_session_endpoint') === undefined) return undefined;
    return buildEndSessionUrl(config, {
      ...(idToken !== undefined && { id_token_hint: idToken }),
      ...(returnTo !== undefined && { post_logout_redirect_uri: String(returnTo) }),
      ...(state !== undefined && { state }),
    });
  }

  /** @internal */
  _ended(succeeded: boolean, error?: unknown): void {
    const failure = isClientFailure(error) ? { error: error.error } : {};
    const message = error instanceof Error ? error.message : undefined;
    publish(() =>
      clientEvent(this._settings.config, 'login_ended', { succeeded, message, ...failure }),
    );
  }

  /** @internal */
  async _finish(
    request: LoginRequest,
    currentUrl: URL,
    options: LoginAuthenticateOptions,
  ): Promise<LoginTokens | undefined> {
    const added = this.authorizationCodeGrantParameters(request, options);
    try {
      return await finishLogin(this._settings, request, currentUrl, new URLSearchParams(added));
    } catch (error) {
      this._ended(false, error);
      const failed = error instanceof LoginStateError || isRefusal(error);
      const context = { request, error, outcome: failed ? ('fail' as const) : ('error' as const) };
      await leaveEndedSession(request);
      await this._settings.events.remoteFailure?.(context);
      if (context.outcome === 'fail') this.fail(failureInfo(error));
      else this._error(error);
      return undefined;
    }
  }

  /** @internal */
  _settle(
    request: LoginRequest,
    options: LoginAuthenticateOptions,
    error: unknown,
    user: object | false | null | undefined,
    info?: object,
  ): void {
    try {
      if (error) {
        this.error(error);
      } else if (user) {
        this._ended(true);
        const forgotten = this._settings.pending.forget(request, options['session'] === false);
        if (forgotten === undefined) this.success(user, info);
        else forgotten.then(() => this.success(user, info)).catch((thrown) => this._error(thrown));
      } else {
        this._ended(false);
        this.fail(info);
      }
    } catch (thrown) {
      this._error(thrown);
    }
  }

  /** @internal */
  _error(error: unknown): void {
    this.error(error ? errorFrom(error) : new Error('The login failed without an error.'));
  }
}
