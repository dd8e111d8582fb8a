import type { TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';
import type { ExpressRequest } from '../../shared/http.js';
import type { Reader } from '../../shared/options.js';

/** What is used of an Express request during a login, besides what openid-client reads of it. */
export interface LoginRequest extends ExpressRequest {
  /** The session of express-session, or another with the same methods. */
  readonly session?: object | null;
}

/** The tokens of a login, with openid-client's helpers `claims()` and `expiresIn()`. */
export type LoginTokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** A user is about to be sent to the provider. */
export interface RedirectToIdentityProviderContext {
  readonly request: LoginRequest;
  /** The parameters of the authorization request, before they are signed; they may be changed. */
  readonly protocolMessage: URLSearchParams;
}

/** A code has come back and is about to be redeemed. */
export interface AuthorizationCodeReceivedContext {
  readonly request: LoginRequest;
  /**
   * The parameters of the token request as it is about to be sent, client authentication included;
   * they may be changed.
   */
  readonly tokenEndpointRequest: URLSearchParams;
}

/** The provider has answered with tokens, and they are valid. */
export interface TokenResponseReceivedContext {
  readonly request: LoginRequest;
  readonly tokens: LoginTokens;
}

/** A login has failed at the provider or on the way back. */
export interface RemoteFailureContext {
  readonly request: LoginRequest;
  /**
   * `LoginRequiredError` if the user can mend it by logging in again, or has refused; its `error` is
   * the provider's code. `ClientRefusedError` if the provider refuses this client. `ProviderError`
   * if the provider is down or its answer cannot be used. `LoginStateError` if no login is waiting
   * for the response. Or what your own functions throw.
   */
  readonly error: unknown;
  /**
   * What Passport is told: `fail`, as for wrong credentials, or `error`, which goes to `next`. It may
   * be changed. Default: `fail` where the user refused (`access_denied`) or no login is waiting.
   */
  outcome: 'fail' | 'error';
}

/**
 * Handlers that are called on the way of a login, in this order. They may be asynchronous; what they
 * throw ends the login as an error.
 *
 * @example
 * ```ts
 * const events: OpenIdConnectEvents = {
 *   async authorizationCodeReceived({ tokenEndpointRequest }) {
 *     tokenEndpointRequest.set('client_assertion_type', CLIENT_ASSERTION_TYPE);
 *     tokenEndpointRequest.set('client_assertion', await assertions.createClientToken());
 *   },
 * };
 * ```
 */
export interface OpenIdConnectEvents {
  /** Called before the authorization request is signed or pushed, and the user sent away. */
  redirectToIdentityProvider?(context: RedirectToIdentityProviderContext): void | Promise<void>;
  /** Called for each token request that is sent: twice where the server first wants a DPoP nonce. */
  authorizationCodeReceived?(context: AuthorizationCodeReceivedContext): void | Promise<void>;
  /** Called once the tokens are valid, before the verify function. */
  tokenResponseReceived?(context: TokenResponseReceivedContext): void | Promise<void>;
  /** Called before Passport is told of the failure. */
  remoteFailure?(context: RemoteFailureContext): void | Promise<void>;
}

const EVENTS: readonly string[] = [
  'redirectToIdentityProvider',
  'authorizationCodeReceived',
  'tokenResponseReceived',
  'remoteFailure',
] satisfies (keyof OpenIdConnectEvents)[];

/** Whether an object has nothing but its members, so that one with another name is misspelt. */
const isPlain = (value: object): boolean =>
  [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** Reads the option `events`: a handler that is none, or would never be called, is an error. */
export const eventHandlers: Reader<OpenIdConnectEvents> = (name, events = {}) => {
  if (typeof events !== 'object' || events === null) {
    throw new TypeError(`${name} must be an object with ${EVENTS.join(', ')}`);
  }
  const handlers = events as Readonly<Record<string, unknown>>;
  const wrong = EVENTS.find((name) => !['function', 'undefined'].includes(typeof handlers[name]));
  if (wrong !== undefined) throw new TypeError(`The event ${wrong} must be a function`);
  const unknown = Object.keys(events).find((name) => isPlain(events) && !EVENTS.includes(name));
  if (unknown === undefined) return events;
  throw new TypeError(`There is no event ${unknown}: there are ${EVENTS.join(', ')}`);
};
