import type { IncomingMessage, ServerResponse } from 'node:http';
import { methodFailure } from '../assertion/parameters.js';
import { requiresClientAssertion } from '../clients/metadata.js';
import { ClientAuthenticationError, ConfigurationError } from '../shared/errors.js';
import { type AuthenticationEvent, newEvent, noteError, report } from '../shared/events.js';
import type { Next } from '../shared/http.js';
import { assertNotMisspelt, callback } from '../shared/option-checks.js';
import type { Failure } from '../shared/reasons.js';
import { safeText } from '../shared/safe.js';
import { assertionUsed } from './assertion-used.js';
import { isPassportFailure, oauthErrorHandler } from './error-handler.js';
import {
  absence,
  assertionRequired,
  isPinned,
  methodIn,
  NOT_PINNED,
  sentIn,
} from './other-methods.js';
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
   * request, and every request without an assertion, whether another strategy accepts it or not. Give
   * the strategy's own, which is called for all else.
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

/**
 * One middleware that authenticates the client and answers for itself where that fails: no
 * `failWithError`, no error handler needed. It also holds every request to one method of
 * authentication (RFC 6749 §2.3), whatever the order of the strategies, and clients that have
 * secrets for assertions to assertions. For that, the other strategies must give the client itself,
 * with its `clientId` and `secrets`; a `ConfigurationError` goes to `next` where they do not.
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
  if (typeof passport?.authenticate !== 'function') {
    throw new TypeError('authenticateClient needs the Passport instance, then the strategies');
  }
  const names = [strategies].flat();
  const authenticate = passport.authenticate(names, {
    ...options,
    session: false,
    failWithError: true,
  }) as Middleware;
  const answer = oauthErrorHandler();

  return (request, response, next) => {
    const sent = sentIn(request);
    // Only who has proved it is named: a caller may have put its secret in place of its id.
    const tell = (event: AuthenticationEvent, provedClientId?: string) => {
      event.clientId = safeText(provedClientId);
      report(event, onAuthentication);
    };
    const refuse = (failure: Failure, provedClientId?: string) => {
      const error = new ClientAuthenticationError(failure);
      tell(noteError(newEvent({}), error), provedClientId);
      answer(error, request, response, next);
    };
    const before = methodFailure(sent.form, sent.authorization !== undefined);
    if (before !== undefined) {
      refuse(before);
      return;
    }
    authenticate(request, response, (error) => {
      if (error !== undefined && error !== null) {
        if (isPassportFailure(error, response)) {
          tell(
            noteError(newEvent({}), new ClientAuthenticationError(absence(request, sent, names))),
          );
        }
        // A strategy's own challenge goes: what is refused below has none, and by the difference a
        // client_secret would show that it is right.
        response.removeHeader('WWW-Authenticate');
        answer(error, request, response, next);
        return;
      }
      if (assertionUsed(request)) {
        next();
        return;
      }
      const client = authenticated(request, options['assignProperty']);
      if (!isPinned(client)) {
        next(new ConfigurationError(NOT_PINNED));
      } else if (requiresClientAssertion(client)) {
        refuse(assertionRequired(sent), client.clientId);
      } else {
        tell({ ...newEvent({}), outcome: 'success', method: methodIn(sent) }, client.clientId);
        next();
      }
    });
  };
}
