import express from 'express';
import passport from 'passport';
import {
  type AssertionClient,
  authenticateClient,
  type ClientAuthentication,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
} from 'passport-private-key-jwt';

interface Client extends AssertionClient {
  readonly name: string;
}

declare global {
  namespace Express {
    interface User extends Client {}
    interface AuthInfo extends ClientAuthentication {}
  }
}

const clients = new Map<string, Client>();
const strategy = new PrivateKeyJwtStrategy(
  { issuer: 'https://as.example', tokenEndpoint: 'https://as.example/token' },
  (clientId) => clients.get(clientId),
);
passport.use(strategy);
const later = new PrivateKeyJwtStrategy<Client>(
  { issuer: 'https://as.example' },
  (clientId, _request, done) => {
    setImmediate(() => done(null, clients.get(clientId)));
  },
);
passport.use('later', later);

const app = express();
app.post(
  '/token',
  express.urlencoded({ extended: false }),
  authenticateClient(strategy),
  (request, response) => {
    const name: string | undefined = request.user?.name;
    const keyId: string | undefined = request.authInfo?.keyId;
    const client: Client = response.locals.client;
    // @ts-expect-error: the type is the client's, not any
    const missing: unknown = response.locals.client.missing;
    response.json({ name, keyId, id: client.clientId, missing });
  },
);
app.use(oauthErrorHandler());
