import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ClientAssertionParameters,
  methodFailure,
  methodsIn,
} from './assertion/parameters.js';
import { assertionUsed } from './assertion-used.js';
import { type AuthenticationEvent, newEvent, noteError, report } from './diagnostics.js';
import { isPassportFailure, oauthErrorHandler } from './error-handler.js';
import { ClientAuthenticationError } from './errors.js';
import type { ExpressRequest, Next } from './http.js';
import { assertNotMisspelt, callback } from './option-checks.js';
import type { Failure } from './reasons.js';
import { requiresClientAssertion } from './requires-client-assertion.js';
import { safeText } from './safe.js';
import type { AssertionClient } from './secrets/secret.js';
import type { PrivateKeyJwtAuthenticateOptions } from './strategy.js';

/**
 * An Express middleware; assignable to Express's own type. Its request has no body, so that Express
 * goes on to infer that of the handlers beside it.
 */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

/** The part of a Passport instance that is used here. */
export interface Authenticator {
  /** Makes the middleware that runs the strategies of these names. */
  authenticate(strategy: string | string[], options: object): unknown;
}

/** Options of `authenticateClient`: those of the strategy and of `passport.authenticate`. */
export interface AuthenticateClientOptions extends PrivateKeyJwtAuthenticateOptions {
  /**
   * Called for what the strategy is not asked about, or has nothing to say of: several methods in one
   * request, a client that must use assertions and did not, and a request without an assertion that
   * no other strategy accepts either. Give the strategy's own, which is called for all else.
   */
  readonly onAuthentication?: ((event: AuthenticationEvent) => unknown) | undefined;
  readonly [passportOption: string]: unknown;
}

/** The others are Passport's and those of its strategies. */
const OWN_OPTIONS = ['onAuthentication', 'endpoint'] as const;

/** Whom Passport has authenticated, wherever its options made it put them. */
function authenticated(request: object, assignProperty: unknown): unknown {
  const { _userProperty } = request as { _userProperty?: string };
  const property = assignProperty ?? _userProperty ?? 'user';
  return (request as Record<string, unknown>)[String(property)];
}

/** What a request carries for client authentication. */
interface Sent {
  readonly form: ClientAssertionParameters;
  readonly authorization: boolean;
}

function sentIn({ body, headers }: ExpressRequest): Sent {
  const form = typeof body === 'object' && body !== null ? body : {};
  return { form, authorization: headers.authorization !== undefined };
}

/** Another strategy has accepted a client that must use assertions. */
function failureAfter(request: IncomingMessage, client: unknown, sent: Sent): Failure | undefined {
  if (assertionUsed(request) || typeof client !== 'object' || client === null) return undefined;
  if (!requiresClientAssertion(client)) return undefined;
  const actual = methodsIn(sent.form, sent.authorization);
  return { reason: 'assertion_required', expected: ['client_assertion'], actual };
}

/** No strategy has found anything to accept, and this one no assertion: perhaps no form either. */
function absence({ headers }: IncomingMessage, { form, authorization }: Sent): Failure {
  const contentType = `content-type=${headers['content-type'] ?? 'none'}`;
  const actual = [contentType, ...methodsIn(form, authorization)];
  return { reason: 'client_assertion_absent', expected: ['client_assertion'], actual };
}

/**
 * One middleware that authenticates the client and answers for itself where that fails: no
 * `failWithError`, no error handler needed. It also holds every request to one method of
 * authentication (RFC 6749 §2.3), whatever the order of the strategies, and clients that have
 * secrets for assertions to assertions.
 *
 * @param passport the Passport instance
 * @param strategies names in their order. Default `private-key-jwt` alone
 * @param options for the strategies and for Passport
 * @throws {TypeError} where an option is wrong
 * @example
 * ```ts
 * app.post('/token', express.urlencoded({ extended: false }),
 *   authenticateClient(passport, ['private-key-jwt', 'oauth2-client-password']), token);
 * ```
 */
export function authenticateClient(
  passport: Authenticator,
  strategies: string | readonly string[] = 'private-key-jwt',
  { onAuthentication, ...options }: AuthenticateClientOptions = {},
): Middleware {
  callback('onAuthentication', onAuthentication);
  assertNotMisspelt('authenticateClient', options, OWN_OPTIONS);
  const names = typeof strategies === 'string' ? strategies : [...strategies];
  const authenticate = passport.authenticate(names, {
    ...options,
    session: false,
    failWithError: true,
  }) as Middleware;
  const answer = oauthErrorHandler();

  return (request, response, next) => {
    const sent = sentIn(request);
    const tell = (failure: Failure, clientId: unknown = sent.form.client_id) => {
      const error = new ClientAuthenticationError(failure);
      const event = noteError(newEvent({}), error);
      event.clientId = safeText(clientId);
      report(event, onAuthentication);
      return error;
    };
    const refuse = (failure: Failure, clientId?: unknown) =>
      answer(tell(failure, clientId), request, response, next);
    const before = methodFailure(sent.form, sent.authorization);
    if (before !== undefined) {
      refuse(before);
      return;
    }
    authenticate(request, response, (error) => {
      if (error !== undefined && error !== null) {
        if (isPassportFailure(error, response)) tell(absence(request, sent));
        // A strategy's own challenge goes: what is refused below has none, and by the difference a
        // client_secret would show that it is right.
        response.removeHeader('WWW-Authenticate');
        answer(error, request, response, next);
        return;
      }
      const client = authenticated(request, options['assignProperty']);
      const after = failureAfter(request, client, sent);
      if (after === undefined) next();
      else refuse(after, (client as Partial<AssertionClient>).clientId);
    });
  };
}
