import { type AuthorizationDetails, Configuration, type DPoPHandle } from 'openid-client';
import type { AssertionService } from './assertion-service.js';
import type { LoginTokens, OpenIdConnectEvents } from './login-events.js';
import type { LoginRequest } from './login-request.js';
import { PendingLogins } from './pending-logins.js';

/** What can be set for the strategy, and for one call of `passport.authenticate` over it. */
export interface LoginOptions {
  /**
   * The absolute URL that the provider sends the user back to; it is the `redirect_uri`. It is never
   * taken from the request, whose Host header the caller writes.
   */
  readonly callbackURL?: string | URL | undefined;
  /** Default `openid`. */
  readonly scope?: string | string[] | undefined;
  /** The `resource` parameter (RFC 8707). */
  readonly resource?: string | string[] | undefined;
  /** The `authorization_details` parameter (RFC 9396). */
  readonly authorizationDetails?: AuthorizationDetails | AuthorizationDetails[] | undefined;
  /** The `prompt` parameter. */
  readonly prompt?: string | undefined;
}

/** Options of `passport.authenticate` with this strategy, besides Passport's own. */
export interface LoginAuthenticateOptions extends LoginOptions {
  /** The `login_hint` parameter. */
  readonly loginHint?: string | undefined;
  /** The `id_token_hint` parameter. */
  readonly idTokenHint?: string | undefined;
  readonly [passportOption: string]: unknown;
}

/** Options of an `OpenIdConnectStrategy`. */
export interface OpenIdConnectStrategyOptions extends LoginOptions {
  /** The result of openid-client's `discovery`, made with `clientAssertion(assertions)`. */
  readonly config: Configuration;
  /** Signs authorize requests. Needed for `signedAuthorizeRequests`. */
  readonly assertions?: AssertionService | undefined;
  readonly callbackURL: string | URL;
  /** The name for `passport.authenticate`. Default: the host of the issuer. */
  readonly name?: string | undefined;
  /** The member of the session that keeps logins under way. Default: made of the issuer's host. */
  readonly sessionKey?: string | undefined;
  /**
   * Sends the authorization request as a signed request object (JAR, RFC 9101). Default: where the
   * server's metadata has `require_signed_request_object`.
   */
  readonly signedAuthorizeRequests?: boolean | undefined;
  /**
   * Pushes the authorization request to the server first (PAR, RFC 9126). Default: where the server's
   * metadata has `require_pushed_authorization_requests`.
   */
  readonly usePAR?: boolean | undefined;
  /** The DPoP handle of openid-client for a request (RFC 9449). Default: no DPoP. */
  readonly DPoP?:
    | ((request: LoginRequest) => DPoPHandle | undefined | Promise<DPoPHandle | undefined>)
    | undefined;
  /** How long a user may take to log in, in seconds. Default 3600. */
  readonly loginTimeout?: number | undefined;
  /** Handlers that are called on the way of a login. */
  readonly events?: OpenIdConnectEvents | undefined;
  /** Gives the verify function the request as its first argument. Default false. */
  readonly passReqToCallback?: false | undefined;
}

/** The same, for a verify function that is given the request. */
export type OpenIdConnectStrategyOptionsWithRequest = Omit<
  OpenIdConnectStrategyOptions,
  'passReqToCallback'
> & { readonly passReqToCallback: true };

/** How a verify function tells Passport the user, that there is none, or an error. */
export type Verified = (error?: unknown, user?: object | false | null, info?: object) => void;

/** Turns the tokens of a login into the user. A promise that rejects is an error. */
export type Verify = (tokens: LoginTokens, verified: Verified) => void | Promise<void>;

/**
 * The same with the request. Written as a method, so that it may be declared for Express's own.
 *
 * @useDeclaredType
 */
export type VerifyWithRequest = {
  verify(request: LoginRequest, tokens: LoginTokens, verified: Verified): void | Promise<void>;
}['verify'];

/** The options that a login uses, checked and with their defaults. */
export interface LoginSettings {
  readonly config: Configuration;
  readonly issuer: string;
  /** Signs the authorization request; undefined where it is not to be signed. */
  readonly signer: AssertionService | undefined;
  readonly usePAR: boolean;
  readonly DPoP: NonNullable<OpenIdConnectStrategyOptions['DPoP']>;
  readonly events: OpenIdConnectEvents;
  readonly pending: PendingLogins;
  /** What a call of `passport.authenticate` may set over. */
  readonly defaults: LoginOptions;
}

function checkCallbackUrl(callbackURL: unknown): void {
  if (callbackURL instanceof URL) return;
  if (typeof callbackURL === 'string' && URL.canParse(callbackURL)) return;
  throw new TypeError('callbackURL must be an absolute URL, such as https://client.example/cb');
}

function signerOf(
  {
    assertions,
    signedAuthorizeRequests,
    config,
  }: Pick<OpenIdConnectStrategyOptions, 'assertions' | 'signedAuthorizeRequests' | 'config'>,
  required: boolean,
): AssertionService | undefined {
  const { client_id } = config.clientMetadata();
  if (assertions !== undefined && assertions.clientId !== client_id) {
    throw new TypeError(
      `assertions is for the client ${assertions.clientId}, config for ${client_id}`,
    );
  }
  if (!(signedAuthorizeRequests ?? required)) return undefined;
  if (assertions !== undefined) return assertions;
  throw new TypeError('Signed authorize requests need the AssertionService as assertions');
}

/**
 * Checks the options of a strategy and fills in the defaults.
 *
 * @throws {TypeError} with a sentence that says what to change
 */
export function loginSettings(
  options: OpenIdConnectStrategyOptions | OpenIdConnectStrategyOptionsWithRequest,
): LoginSettings {
  const { config, loginTimeout = 3600 } = options;
  if (!(config instanceof Configuration)) {
    throw new TypeError("config must be a Configuration of openid-client: discovery's result");
  }
  checkCallbackUrl(options.callbackURL);
  if (!Number.isFinite(loginTimeout) || loginTimeout <= 0) {
    throw new TypeError('loginTimeout must be a positive number of seconds');
  }
  const server = config.serverMetadata();
  const sessionKey = options.sessionKey ?? `openid-connect:${new URL(server.issuer).host}`;
  const { callbackURL, scope = 'openid', resource, authorizationDetails, prompt } = options;
  return {
    config,
    issuer: server.issuer,
    signer: signerOf(options, server.require_signed_request_object === true),
    usePAR: options.usePAR ?? server.require_pushed_authorization_requests === true,
    DPoP: options.DPoP ?? (() => undefined),
    events: options.events ?? {},
    pending: new PendingLogins(sessionKey, loginTimeout),
    defaults: { callbackURL, scope, resource, authorizationDetails, prompt },
  };
}
