import { Passport } from 'passport';
import { BasicStrategy } from 'passport-http';
import { Strategy as ClientPasswordStrategy } from 'passport-oauth2-client-password';
import {
  authenticateClient,
  type Middleware,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
} from 'passport-private-key-jwt';
import { clientSecretVerifier, decodeFormComponent } from './client-secret.js';
import type { ClientsFile } from './clients/clients-file.js';
import type { Log } from './log.js';

/**
 * The middleware that authenticates the client at every endpoint that clients call: by an
 * assertion, or, for the clients registered so, by a plain client_secret.
 */
export function clientAuthentication(
  options: PrivateKeyJwtStrategyOptions,
  clients: ClientsFile,
  log: Log,
): Middleware {
  const passport = new Passport();
  passport.use(new PrivateKeyJwtStrategy(options, (clientId) => clients.find(clientId)));
  passport.use(
    new ClientPasswordStrategy(clientSecretVerifier('client_secret_post', clients, log)),
  );
  const verifyBasic = clientSecretVerifier('client_secret_basic', clients, log);
  passport.use(
    new BasicStrategy((clientId, clientSecret, done) =>
      verifyBasic(decodeFormComponent(clientId), decodeFormComponent(clientSecret), done),
    ),
  );
  const strategies = ['private-key-jwt', 'oauth2-client-password', 'basic'];
  return authenticateClient(passport, strategies, { onAuthentication: options.onAuthentication });
}
