import type { ServerResponse } from 'node:http';
import { usesSeveralMethods } from './assertion/parameters.js';
import type { ClientAuthentication } from './assertion/validate.js';
import { oauthErrorHandler } from './error-handler.js';
import { ClientAuthenticationError } from './errors.js';
import { type ExpressRequest, isFormPost, type Next } from './http.js';
import type { AssertionClient } from './secrets/secret.js';
import type { PrivateKeyJwtAuthenticateOptions } from './strategy.js';

/** An Express middleware; assignable to Express's own type. */
export type Middleware = (request: ExpressRequest, response: ServerResponse, next: Next) => void;

/** The part of a Passport instance that is used here. */
export interface Authenticator {
  authenticate(strategy: string | string[], options: object): unknown;
}

/** Options of `authenticateClient`: those of the strategy and of `passport.authenticate`. */
export interface AuthenticateClientOptions extends PrivateKeyJwtAuthenticateOptions {
  readonly [passportOption: string]: unknown;
}

/**
 * Whether a client must prove itself by an assertion: it has secrets for it, and is not allowed a
 * plain client_secret besides. For the verify callbacks of other strategies.
 *
 * @example
 * ```ts
 * passport.use(new ClientPasswordStrategy(async (clientId, clientSecret, done) => {
 *   const client = await clients.find(clientId);
 *   if (!client || requiresClientAssertion(client)) return done(null, false);
 *   …
 * }));
 * ```
 */
export function requiresClientAssertion(client: Partial<AssertionClient>): boolean {
  return (
    Array.isArray(client.secrets) &&
    client.secrets.length > 0 &&
    client.clientSecretAllowed !== true
  );
}

const usedAssertion = (info: unknown): boolean => {
  const method = (info as Partial<ClientAuthentication> | undefined)?.method;
  return method === 'private_key_jwt' || method === 'client_secret_jwt';
};

/**
 * One middleware that authenticates the client and answers for itself where that fails: no
 * `failWithError`, no error handler needed. It also holds every request to one method of
 * authentication (RFC 6749 §2.3), whatever the order of the strategies, and clients that have
 * secrets for assertions to assertions.
 *
 * @param passport the Passport instance
 * @param strategies names in their order. Default `private-key-jwt` alone
 * @example
 * ```ts
 * app.post('/token', express.urlencoded({ extended: false }),
 *   authenticateClient(passport, ['private-key-jwt', 'oauth2-client-password']), token);
 * ```
 */
export function authenticateClient(
  passport: Authenticator,
  strategies: string | readonly string[] = 'private-key-jwt',
  options: AuthenticateClientOptions = {},
): Middleware {
  const names = typeof strategies === 'string' ? strategies : [...strategies];
  const authenticate = passport.authenticate(names, {
    ...options,
    session: false,
    failWithError: true,
  }) as Middleware;
  const answer = oauthErrorHandler();

  return (request, response, next) => {
    const refuse = (error: unknown) => answer(error, request, response, next);
    const { body } = request;
    const form = isFormPost(request) && typeof body === 'object' && body !== null ? body : {};
    const authorization = request.headers.authorization !== undefined;
    if (usesSeveralMethods(form as Record<string, unknown>, authorization)) {
      refuse(new ClientAuthenticationError({ reason: 'multiple_authentication_methods' }));
      return;
    }
    authenticate(request, response, (error) => {
      if (error !== undefined && error !== null) {
        refuse(error);
        return;
      }
      const { user, authInfo } = request as { user?: Partial<AssertionClient>; authInfo?: unknown };
      if (user !== undefined && requiresClientAssertion(user) && !usedAssertion(authInfo)) {
        refuse(new ClientAuthenticationError({ reason: 'assertion_required' }));
        return;
      }
      next();
    });
  };
}
