import type { RequestHandler } from 'express';
import { Passport } from 'passport';
import { BasicStrategy } from 'passport-http';
import { Strategy as ClientPasswordStrategy } from 'passport-oauth2-client-password';
import {
  authenticateClient,
  type Middleware,
  type PrivateKeyJwtStrategy,
} from 'passport-private-key-jwt';
import { clientSecretVerifier, decodeFormComponent } from './client-secret.js';
import type { ClientsFile } from './clients/clients-file.js';
import type { Log } from './log.js';

/**
 * The middleware that authenticates the client at every endpoint that clients call: by an
 * assertion, or, for the clients registered so, by a plain client_secret or by nothing.
 */
export function clientAuthentication(
  privateKeyJwt: PrivateKeyJwtStrategy,
  clients: ClientsFile,
  log: Log,
): Middleware {
  const passport = new Passport();
  passport.use(
    new ClientPasswordStrategy(clientSecretVerifier('client_secret_post', clients, log)),
  );
  const verifyBasic = clientSecretVerifier('client_secret_basic', clients, log);
  passport.use(
    new BasicStrategy((clientId, clientSecret, done) =>
      verifyBasic(decodeFormComponent(clientId), decodeFormComponent(clientSecret), done),
    ),
  );
  const strategies = ['oauth2-client-password', 'basic'];
  const bySecret = passport.authenticate(strategies, { session: false, failWithError: true });
  const otherwise: RequestHandler = (request, response, next) => {
    const { client_id: clientId, client_secret: secret } = request.body ?? {};
    const isBare = typeof clientId === 'string' && !secret && !request.headers.authorization;
    if (!isBare) return bySecret(request, response, next);
    clients.find(clientId).then((client) => {
      if (client?.tokenEndpointAuthMethod !== 'none') return bySecret(request, response, next);
      // A public client has its id alone, and PKCE (RFC 6749 §2.1).
      request.user = client;
      next();
    }, next);
  };
  return authenticateClient(privateKeyJwt, { otherwise });
}
