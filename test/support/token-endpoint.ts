import express, { type RequestHandler } from 'express';
import { Passport } from 'passport';
import {
  type AssertionClient,
  type AuthenticationEvent,
  type FindClient,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
} from '../../lib/index.js';
import { ISSUER, TOKEN_ENDPOINT } from './assertion.js';
import { type Listening, listen } from './listen.js';

/** How the endpoint is set up, where it is not the usual way. */
export interface EndpointSetup {
  /** Express 4 or 5. Default 5. */
  readonly framework?: typeof express;
  /** What parses bodies. Default `express.urlencoded({ extended: false })`. */
  readonly parsers?: readonly RequestHandler[];
}

/** A token endpoint behind the strategy alone, and what its operator learned. */
export interface TokenEndpoint extends Listening {
  readonly events: AuthenticationEvent[];
  /** What went past `oauthErrorHandler` to the application's own error handler. */
  readonly errors: Error[];
  post(form: URLSearchParams | string, headers?: Record<string, string>): Promise<Response>;
}

/** Starts a token endpoint that answers with `req.user` and `req.authInfo`. */
export async function tokenEndpoint(
  clients: readonly AssertionClient[] | FindClient<AssertionClient>,
  options: Partial<PrivateKeyJwtStrategyOptions> = {},
  {
    framework = express,
    parsers = [framework.urlencoded({ extended: false })],
  }: EndpointSetup = {},
): Promise<TokenEndpoint> {
  const events: AuthenticationEvent[] = [];
  const errors: Error[] = [];
  const passport = new Passport();
  passport.use(
    new PrivateKeyJwtStrategy(
      {
        issuer: ISSUER,
        tokenEndpoint: TOKEN_ENDPOINT,
        onAuthentication: (event) => events.push(event),
        ...options,
      },
      typeof clients === 'function'
        ? clients
        : (clientId) => clients.find((client) => client.clientId === clientId),
    ),
  );
  const app = framework();
  app.use(
    '/token',
    ...parsers,
    passport.authenticate('private-key-jwt', { session: false, failWithError: true }),
    ((request, response) => {
      const { clientId } = request.user as AssertionClient;
      response.json({ clientId, authInfo: request.authInfo });
    }) satisfies RequestHandler,
  );
  app.use(oauthErrorHandler());
  app.use(((error: Error, _request, response, _next) => {
    errors.push(error);
    response.status(500).json({ error: 'server_error' });
  }) satisfies express.ErrorRequestHandler);
  const listening = await listen(app);
  const post = (body: URLSearchParams | string, headers: Record<string, string> = {}) =>
    fetch(`${listening.url}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    });
  return { ...listening, events, errors, post };
}
