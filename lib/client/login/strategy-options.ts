import type { AuthorizationDetails, Configuration, DPoPHandle } from 'openid-client';
import type { OptionNames } from '../../shared/option-checks.js';
import type { AssertionService } from '../assertion-service.js';
import type { LoginTokens, OpenIdConnectEvents } from './events.js';
import type { LoginRequest } from './login-request.js';

/** What can be set for the strategy, and for one call of `passport.authenticate` over it. */
export interface LoginOptions {
  /**
   * The absolute URL that the provider sends the user back to; it is the `redirect_uri`. It is never
   * taken from the request, whose Host header the caller writes.
   */
  readonly callbackURL?: string | URL | undefined;
  /** Default `openid`, which it must have unless `idTokenExpected` is false. */
  readonly scope?: string | readonly string[] | undefined;
  /** The `resource` parameter (RFC 8707). */
  readonly resource?: string | readonly string[] | undefined;
  /** The `authorization_details` parameter (RFC 9396). */
  readonly authorizationDetails?:
    | AuthorizationDetails
    | readonly AuthorizationDetails[]
    | undefined;
  /** The `prompt` parameter. */
  readonly prompt?: string | undefined;
}

/**
 * Options of `passport.authenticate` with this strategy, besides Passport's own. Passport's types
 * take them in a constant of this type.
 */
export interface LoginAuthenticateOptions extends LoginOptions {
  /** As Passport's types have it, which take no read-only list. */
  readonly scope?: string | string[] | undefined;
  /** The `login_hint` parameter. */
  readonly loginHint?: string | undefined;
  /** The `id_token_hint` parameter. */
  readonly idTokenHint?: string | undefined;
  /** Made anew for each login. What an application has to remember belongs into the session. */
  readonly state?: never;
  readonly [passportOption: string]: unknown;
}

/** Options of an `OpenIdConnectStrategy`. */
export interface OpenIdConnectStrategyOptions extends LoginOptions {
  /** The result of openid-client's `discovery`, made with `clientAssertion(assertions)`. */
  readonly config: Configuration;
  /**
   * Signs authorize requests. Needed for `signedAuthorizeRequests`. Where it is given the client has
   * to authenticate by an assertion, unless its metadata has another `token_endpoint_auth_method`.
   */
  readonly assertions?: AssertionService | undefined;
  readonly callbackURL: string | URL;
  /**
   * Whether a login must bring an ID token, which says who the user is. Default true. False is for
   * servers that know OAuth 2.0 alone: `tokens.claims()` is then undefined, and the verify function
   * has to learn the user elsewhere.
   */
  readonly idTokenExpected?: boolean | undefined;
  /** The name for `passport.authenticate`. Default: the host of the issuer. */
  readonly name?: string | undefined;
  /** The member of the session that keeps logins under way. Default `openid-connect`. */
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
  /**
   * The DPoP handle of openid-client for a request (RFC 9449). Written as a method, so that it may be
   * declared for Express's own request. Default: no DPoP.
   */
  readonly DPoP?:
    | {
        handle(request: LoginRequest): DPoPHandle | undefined | Promise<DPoPHandle | undefined>;
      }['handle']
    | undefined;
  /** How long a user may take to log in, in seconds. Default 3600, at most a day. */
  readonly loginTimeout?: number | undefined;
  /** Handlers that are called on the way of a login. */
  readonly events?: OpenIdConnectEvents | undefined;
  /** Gives the verify function the request as its first argument. Default false. */
  readonly passReqToCallback?: false | undefined;
}

/** The names of `OpenIdConnectStrategyOptions`. */
export const STRATEGY_OPTIONS: OptionNames<OpenIdConnectStrategyOptions> = {
  config: true,
  assertions: true,
  callbackURL: true,
  scope: true,
  resource: true,
  authorizationDetails: true,
  prompt: true,
  idTokenExpected: true,
  name: true,
  sessionKey: true,
  signedAuthorizeRequests: true,
  usePAR: true,
  DPoP: true,
  loginTimeout: true,
  events: true,
  passReqToCallback: true,
};

/** The same, for a verify function that is given the request. */
export type OpenIdConnectStrategyOptionsWithRequest = Omit<
  OpenIdConnectStrategyOptions,
  'passReqToCallback'
> & { readonly passReqToCallback: true };

/**
 * How a verify function tells Passport the user, that there is none, or an error. The first call
 * counts; others become a warning of the process.
 */
export type Verified = (error?: unknown, user?: object | false | null, info?: object) => void;

/**
 * Turns the tokens of a login into the user, and calls `verified` with it: what it returns is not
 * the user. A promise that rejects is an error.
 */
export type Verify = (tokens: LoginTokens, verified: Verified) => void | Promise<void>;

/**
 * The same with the request. Written as a method, so that it may be declared for Express's own.
 *
 * @useDeclaredType
 */
export type VerifyWithRequest = {
  verify(request: LoginRequest, tokens: LoginTokens, verified: Verified): void | Promise<void>;
}['verify'];
