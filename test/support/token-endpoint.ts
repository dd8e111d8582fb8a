import express from 'express';
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

/** A token endpoint behind the strategy alone, and what its operator learned. */
export interface TokenEndpoint extends Listening {
  readonly events: AuthenticationEvent[];
  post(form: URLSearchParams | string, headers?: Record<string, string>): Promise<Response>;
}

/** Starts a token endpoint that answers with `req.user` and `req.authInfo`. */
export async function tokenEndpoint(
  clients: readonly AssertionClient[] | FindClient<AssertionClient>,
  options: Partial<PrivateKeyJwtStrategyOptions> = {},
): Promise<TokenEndpoint> {
  const events: AuthenticationEvent[] = [];
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
  const app = express();
  app.post(
    '/token',
    express.urlencoded({ extended: false }),
    passport.authenticate('private-key-jwt', { session: false, failWithError: true }),
    (request, response) => {
      const { clientId } = request.user as AssertionClient;
      response.json({ clientId, authInfo: request.authInfo });
    },
  );
  app.use(oauthErrorHandler());
  const listening = await listen(app);
  const post = (body: URLSearchParams | string, headers: Record<string, string> = {}) =>
    fetch(`${listening.url}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    });
  return { ...listening, events, post };
}
