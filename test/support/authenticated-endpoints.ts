import { request as sendRequest } from 'node:http';
import express from 'express';
import {
  type AssertionClient,
  type AuthenticationEvent,
  authenticateClient,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
} from '../../lib/index.js';
import { assertionForm, ISSUER, signAssertion, TOKEN_ENDPOINT } from './assertion.js';
import { CLIENT } from './attacks.js';
import { listen } from './listen.js';

/** One call of an endpoint. */
export interface Call {
  /** The target of the request line. */
  readonly path: string;
  readonly aud: unknown;
  readonly typ?: string;
  readonly headers?: Record<string, string>;
}

/**
 * Starts the endpoints of an authorization server at which clients authenticate, some behind
 * routers, and with `trust proxy`.
 */
export async function authenticatedEndpoints(
  options: Partial<PrivateKeyJwtStrategyOptions> = {},
  routes: { readonly prefix?: string | RegExp; readonly endpoint?: string } = {},
) {
  const events: AuthenticationEvent[] = [];
  const errors: Error[] = [];
  const strategy = new PrivateKeyJwtStrategy(
    {
      issuer: ISSUER,
      tokenEndpoint: TOKEN_ENDPOINT,
      onAuthentication: (event) => events.push(event),
      ...options,
    },
    (clientId) => (clientId === CLIENT.clientId ? CLIENT : undefined),
  );
  const form = express.urlencoded({ extended: false });
  const authenticate = authenticateClient(strategy, { endpoint: routes.endpoint });
  const answer: express.RequestHandler = (request, response) => {
    response.json((request.user as AssertionClient).clientId);
  };
  const backchannel = express.Router().post('/authorize', authenticate, answer);
  const oauth = express
    .Router()
    .post(['/par', '/introspect', '/revoke', '/device'], authenticate, answer)
    .use('/backchannel', backchannel);
  const app = express();
  app.set('trust proxy', true);
  app.use(form);
  const prefix = routes.prefix ?? '/';
  app.use(
    prefix,
    express.Router().post('/token', authenticate, answer).use('/oauth', oauth),
    oauthErrorHandler(),
  );
  app.use(((error: Error, _request, response, _next) => {
    errors.push(error);
    response.status(500).end();
  }) satisfies express.ErrorRequestHandler);
  const server = await listen(app);

  /** The request line is the caller's choice, which fetch does not leave it. */
  const call = async ({ path, aud, typ, headers = {} }: Call): Promise<number> => {
    const assertion = await signAssertion('client', { header: { typ }, claims: { aud } });
    const body = assertionForm(assertion).toString();
    const { hostname, port } = new URL(server.url);
    return new Promise((resolve, reject) => {
      const outgoing = sendRequest(
        {
          hostname,
          port,
          path,
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode ?? 0));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  };
  return { ...server, events, errors, call };
}
