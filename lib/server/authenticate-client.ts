import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AssertionClient } from '../keys/secret.js';
import type { ExpressRequest, Middleware, Next } from '../shared/http.js';
import { callback, type OptionTable, readOptions } from '../shared/options.js';
import { errorFrom } from '../shared/safe.js';
import { isPassportFailure, oauthErrorHandler } from './error-handler.js';
import type { RequestAuthenticator } from './request-authenticator.js';
import { type PerRequest, SERVER_IDENTITY_OPTIONS } from './server-identity.js';
import { PrivateKeyJwtStrategy } from './strategy.js';

/** Options of `authenticateClient`. */
interface AuthenticateClientOptions {
  /** Overrides the strategy's `endpoint` for these routes. */
  readonly endpoint?: PerRequest | undefined;
  /**
   * A middleware for requests without an assertion. It sets `req.user` to the client, such as
   * `passport.authenticate('oauth2-client-password', { session: false, failWithError: true })`.
   * Default: such requests are refused.
   */
  readonly otherwise?: ((request: never, response: never, next: Next) => unknown) | undefined;
}

const OPTIONS = {
  endpoint: SERVER_IDENTITY_OPTIONS.endpoint,
  otherwise: callback<Middleware>(),
} satisfies OptionTable<AuthenticateClientOptions>;

const HINTS = {
  onAuthentication: 'give it to the strategy',
  session: 'give it to the passport.authenticate in otherwise',
  failWithError: 'give it to the passport.authenticate in otherwise',
};

/** Express infers `response.locals` for the next handlers from the last call signature. */
type SetsClient<Client> = (
  request: IncomingMessage,
  response: ServerResponse & { locals: { client: Client } },
  next: (error?: unknown) => void,
) => void;

interface WithUser {
  user?: unknown;
  authInfo?: unknown;
}

function forgetUser(holder: WithUser): void {
  holder.user = undefined;
  holder.authInfo = undefined;
}

/** Connect's responses have no `locals`. */
function setClient(response: ServerResponse, client: unknown): void {
  const { locals } = response as { locals?: { client?: unknown } };
  if (typeof locals === 'object' && locals !== null) locals.client = client;
}

/**
 * Removes the client of a refused request and returns the error to answer: another one if the
 * application does not let `req.user` be set.
 */
function forgetClient(request: WithUser, response: ServerResponse, thrown: unknown): unknown {
  try {
    forgetUser(request);
    setClient(response, undefined);
    return thrown;
  } catch (error) {
    return error;
  }
}

/** `otherwise` answered by itself, or the caller disconnected. */
const ANSWERED = Symbol('answered');

/** The argument of a middleware's `next`; `ANSWERED` if the response ends without it. */
const nextOf = (middleware: Middleware, request: IncomingMessage, response: ServerResponse) =>
  new Promise<unknown>((resolve, reject) => {
    response.once('close', () => resolve(ANSWERED));
    const returned: unknown = middleware(request, response, resolve);
    Promise.resolve(returned).catch(reject);
  });

function authenticatorOf(strategy: unknown): RequestAuthenticator {
  if (strategy instanceof PrivateKeyJwtStrategy) return strategy._authenticator;
  const given = strategy as { authenticate?: unknown; use?: unknown } | null | undefined;
  const what =
    typeof strategy === 'string'
      ? `the name ${JSON.stringify(strategy.slice(0, 40))}`
      : typeof given?.use === 'function'
        ? 'a Passport instance'
        : typeof given?.authenticate === 'function'
          ? 'a strategy of another kind'
          : 'something else';
  throw new TypeError(
    `authenticateClient needs the PrivateKeyJwtStrategy itself, not ${what}. Pass other methods as { otherwise: passport.authenticate(…) }.`,
  );
}

/**
 * A middleware that authenticates the client and answers failures itself (RFC 6749 §5.2), without
 * Passport. On success `req.user` and `res.locals.client` are the client and `req.authInfo` is a
 * `ClientAuthentication`. One instance can serve several endpoints, each with its own URL as
 * audience. After `otherwise`, the client in `req.user` must follow the same rules as with an
 * assertion: a client that is disabled, or must use another method, is refused. If `req.user` is
 * not the client itself, `next` gets a `ConfigurationError`.
 * @throws {TypeError} if an argument is wrong
 * @example
 * ```ts
 * app.use(['/token', '/par', '/introspect', '/revoke'],
 *   express.urlencoded({ extended: false }), authenticateClient(privateKeyJwt));
 * app.post('/token', express.urlencoded({ extended: false }),
 *   authenticateClient(privateKeyJwt, {
 *     otherwise: passport.authenticate('oauth2-client-password', { session: false, failWithError: true }),
 *   }),
 *   token);
 * ```
 */
export function authenticateClient<Client extends AssertionClient>(
  strategy: PrivateKeyJwtStrategy<Client>,
  options: AuthenticateClientOptions = {},
): Middleware & SetsClient<Client> {
  const authenticator = authenticatorOf(strategy);
  const { endpoint, otherwise } = readOptions('authenticateClient', options, OPTIONS, HINTS);
  const answer = oauthErrorHandler();

  const tryOtherwise = async (request: ExpressRequest, response: ServerResponse) => {
    await authenticator.assertOneMethod(request, endpoint);
    if (otherwise === undefined) throw await authenticator.reportAbsence(request, endpoint);
    const holder = request as WithUser;
    // An earlier login must not count as the client of this request.
    forgetUser(holder);
    const error = await nextOf(otherwise, request, response);
    if (error === ANSWERED) {
      await authenticator.reportAbsence(request, endpoint);
      return false;
    }
    if (error !== undefined && error !== null) {
      // Removes the other strategy's challenge: refusals below have none, so its presence would
      // reveal whether a client_secret is right.
      response.removeHeader('WWW-Authenticate');
      throw isPassportFailure(error, response)
        ? await authenticator.reportAbsence(request, endpoint)
        : error;
    }
    await authenticator.admit(request, holder.user, endpoint);
    setClient(response, holder.user);
    return true;
  };

  const authenticate = async (request: IncomingMessage, response: ServerResponse) => {
    const authenticated = await authenticator.authenticate(request, endpoint);
    if (authenticated === undefined) return tryOtherwise(request, response);
    const holder = request as WithUser;
    holder.user = authenticated.client;
    holder.authInfo = authenticated.authentication;
    setClient(response, authenticated.client);
    return true;
  };

  return (request: IncomingMessage, response, next) => {
    authenticate(request, response).then(
      (isAuthenticated) => {
        if (isAuthenticated) next();
      },
      (thrown: unknown) => {
        const error = forgetClient(request as WithUser, response, thrown);
        answer(errorFrom(error), request, response, next);
      },
    );
  };
}
