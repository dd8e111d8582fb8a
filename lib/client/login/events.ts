import type { TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';
import type { ExpressRequest } from '../../shared/http.js';
import type { Reader } from '../../shared/options.js';

/** The part of an Express request that a login uses, besides what openid-client reads. */
export interface LoginRequest extends ExpressRequest {
  /** The session of express-session, or a session with the same methods. */
  readonly session?: object | null;
}

/** The tokens of a login, with openid-client's helpers `claims()` and `expiresIn()`. */
export type LoginTokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** A user is about to be sent to the provider. */
export interface RedirectToIdentityProviderContext {
  readonly request: LoginRequest;
  /** Before they are signed; you may change them. */
  readonly protocolMessage: URLSearchParams;
}

/** A code has arrived and is about to be redeemed. */
export interface AuthorizationCodeReceivedContext {
  readonly request: LoginRequest;
  /** Just before the request is sent, including client authentication; you may change them. */
  readonly tokenEndpointRequest: URLSearchParams;
}

/** The provider has answered with tokens, and they are valid. */
export interface TokenResponseReceivedContext {
  readonly request: LoginRequest;
  readonly tokens: LoginTokens;
}

/** A login failed at the provider or on the way back. */
export interface RemoteFailureContext {
  readonly request: LoginRequest;
  /**
   * `LoginRequiredError` if a new login can solve the problem, or the user refused; its `error` is
   * the provider's code. `ClientRefusedError` if the provider refuses this client. `ProviderError`
   * if the provider is down or its answer is unusable. `LoginStateError` if no pending login
   * matches the response. Otherwise whatever your own functions throw.
   */
  readonly error: unknown;
  /**
   * What to report to Passport: `fail`, as for wrong credentials, or `error`, which goes to `next`.
   * You may change it. Default: `fail` if the user refused (`access_denied`) or no login is
   * pending.
   */
  outcome: 'fail' | 'error';
}

/**
 * Handlers for the stages of a login, in this order. They may be asynchronous. If a handler throws,
 * the login ends with that error.
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
  /** Called before the request is signed or pushed. */
  redirectToIdentityProvider?(context: RedirectToIdentityProviderContext): void | Promise<void>;
  /** Called for each token request; twice if the server first asks for a DPoP nonce. */
  authorizationCodeReceived?(context: AuthorizationCodeReceivedContext): void | Promise<void>;
  /** Called when the tokens are valid, before the verify function. */
  tokenResponseReceived?(context: TokenResponseReceivedContext): void | Promise<void>;
  /** Called before the failure is reported to Passport. */
  remoteFailure?(context: RemoteFailureContext): void | Promise<void>;
}

const EVENTS: readonly string[] = [
  'redirectToIdentityProvider',
  'authorizationCodeReceived',
  'tokenResponseReceived',
  'remoteFailure',
] satisfies (keyof OpenIdConnectEvents)[];

/** Any unknown member of a plain object is a misspelt one. */
const isPlain = (value: object): boolean =>
  [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** A value that is not a function, or a handler that would never be called, is an error. */
export const eventHandlers: Reader<OpenIdConnectEvents> = (name, events = {}) => {
  if (typeof events !== 'object' || events === null) {
    throw new TypeError(`${name} must be an object with ${EVENTS.join(', ')}`);
  }
  const handlers = events as Readonly<Record<string, unknown>>;
  const wrong = EVENTS.find((name) => !['function', 'undefined'].includes(typeof handlers[name]));
  if (wrong !== undefined) throw new TypeError(`The event ${wrong} must be a function`);
  const unknown = Object.keys(events).find((name) => isPlain(events) && !EVENTS.includes(name));
  if (unknown === undefined) return events;
  throw new TypeError(`There is no event ${unknown}: use ${EVENTS.join(', ')}`);
};
