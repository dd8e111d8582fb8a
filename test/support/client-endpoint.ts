import express, { type RequestHandler } from 'express';
import { Passport } from 'passport';
import { BasicStrategy } from 'passport-http';
import { Strategy as ClientPasswordStrategy } from 'passport-oauth2-client-password';
import {
  type AssertionClient,
  type AuthenticationEvent,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
} from '../../lib/index.js';
import { ISSUER, TOKEN_ENDPOINT } from './assertion.js';
import { type Listening, listen } from './listen.js';

/** A client that may have a plain client_secret as well. */
export interface SecretClient extends AssertionClient {
  readonly clientSecret?: string;
}

/** What a test puts in front of the endpoint's answer. */
export type MakeMiddleware = (
  passport: InstanceType<typeof Passport>,
  strategy: PrivateKeyJwtStrategy,
) => RequestHandler;

/** An endpoint with the three strategies that servers combine. */
export interface ClientEndpoint extends Listening {
  readonly events: AuthenticationEvent[];
  /** The client ids for which one of the strategies for a client_secret was asked. */
  readonly asked: string[];
  post(form: URLSearchParams, headers?: Record<string, string>): Promise<Response>;
}

/**
 * Starts an endpoint that knows assertions, client_secret_post and client_secret_basic.
 *
 * @param mayUseSecret what the verify callbacks of the strategies for a client_secret ask besides
 */
export async function clientEndpoint(
  clients: readonly SecretClient[],
  makeMiddleware: MakeMiddleware,
  mayUseSecret: (client: SecretClient) => boolean = () => true,
): Promise<ClientEndpoint> {
  const events: AuthenticationEvent[] = [];
  const asked: string[] = [];
  const find = (clientId: string) => clients.find((client) => client.clientId === clientId);
  const verify = (
    clientId: string,
    clientSecret: string,
    done: (error: null, client: SecretClient | false) => void,
  ) => {
    asked.push(clientId);
    const client = find(clientId);
    const matches = client?.clientSecret === clientSecret && mayUseSecret(client);
    done(null, matches ? client : false);
  };
  const onAuthentication = (event: AuthenticationEvent) => events.push(event);
  const passport = new Passport();
  const strategy = new PrivateKeyJwtStrategy(
    { issuer: ISSUER, tokenEndpoint: TOKEN_ENDPOINT, onAuthentication },
    find,
  );
  passport.use(strategy);
  passport.use(new ClientPasswordStrategy(verify));
  passport.use(new BasicStrategy({ realm: 'clients' }, verify));

  const app = express();
  app.post(
    '/token',
    express.json(),
    express.urlencoded({ extended: false }),
    makeMiddleware(passport, strategy),
    (request, response) => {
      response.json({ user: request.user, authInfo: request.authInfo });
    },
  );
  app.use(oauthErrorHandler());
  const listening = await listen(app);
  const post = (body: URLSearchParams, headers: Record<string, string> = {}) =>
    fetch(`${listening.url}/token`, { method: 'POST', headers, body });
  return { ...listening, events, asked, post };
}

/** The Authorization header of client_secret_basic (RFC 6749 §2.3.1). */
export const basic = (clientId: string, clientSecret: string) => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
});
