// An OAuth 2.0 authorization server on Express, whose clients authenticate by private_key_jwt.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import session from 'express-session';
import { AuthorizationError, TokenError, type ValidateDoneFunction } from 'oauth2orize';
import {
  assertClientSecrets,
  authenticateClient,
  clientFromMetadata,
  OAuthError,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
} from 'passport-private-key-jwt';
import { type Client, findAccessToken, server } from './grants.js';

const { PORT = '3000', CLIENTS_FILE = 'clients.json' } = process.env;
const issuer = process.env['ISSUER'] || `http://localhost:${PORT}`;

const clients = new Map<string, Client>();
for (const metadata of JSON.parse(await readFile(CLIENTS_FILE, 'utf8')) as Client['metadata'][]) {
  const client = { ...clientFromMetadata(metadata), metadata };
  assertClientSecrets(client); // A weak or wrong key stops the start.
  clients.set(client.clientId, client);
}
server.deserializeClient((id: string, done) => done(null, clients.get(id) ?? false));

const privateKeyJwt = new PrivateKeyJwtStrategy<Client>(
  {
    issuer,
    tokenEndpoint: `${issuer}/token`,
    onAuthentication: ({ outcome, reason, clientId }) => console.log({ outcome, reason, clientId }),
  },
  (clientId) => clients.get(clientId),
);

/** In front of the authentication: behind it, failed assertions would not be counted. */
const limitFailures = rateLimit({ windowMs: 60_000, limit: 300, skipSuccessfulRequests: true });

const form = express.urlencoded({ extended: false });

/** Whether the client is registered for the grant type. */
const checkGrantType: RequestHandler = (request, _response, next) => {
  const { grant_types = ['authorization_code'] } = (request.user as Client).metadata;
  if (grant_types.includes(request.body.grant_type)) next();
  else next(new OAuthError('unauthorized_client', 'The client may not use this grant type.'));
};

/** Put your own login in place of this: here everyone is alice. */
const logIn: RequestHandler = (request, _response, next) => {
  request.user = { sub: 'alice' };
  next();
};

/** oauth2orize keeps the request in the session until the user has decided. */
const sessions = session({
  secret: randomBytes(32).toString('base64url'),
  resave: false,
  saveUninitialized: false,
  cookie: { sameSite: 'lax', secure: issuer.startsWith('https:') },
});

const escapeHtml = (text: string) =>
  text.replace(/[^\w .-]/gu, (character) => `&#${character.codePointAt(0)};`);

const askUser: RequestHandler = (request, response) => {
  const { transactionID, client } = (
    request as unknown as { oauth2: { transactionID: string; client: Client } }
  ).oauth2;
  response.set('X-Frame-Options', 'DENY').send(`<!doctype html>
<title>Allow access</title>
<p>${escapeHtml(client.metadata.client_name ?? client.clientId)} asks for access.</p>
<form method="post" action="decision">
<input type="hidden" name="transaction_id" value="${transactionID}">
<button>Allow</button> <button name="cancel" value="1">Deny</button>
</form>`);
};

/** oauth2orize's errors in the form that `oauthErrorHandler` answers. */
const translateErrors: ErrorRequestHandler = (error, _request, _response, next) => {
  const isKnown = error instanceof TokenError || error instanceof AuthorizationError;
  next(isKnown ? new OAuthError(error.code, error.message) : error);
};

const app = express();
app.disable('x-powered-by');
app.get('/.well-known/oauth-authorization-server', (_request, response) => {
  response.json({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/introspect`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
  });
});
app.get(
  '/authorize',
  sessions,
  logIn,
  server.authorization((clientId: string, redirectUri: string, done: ValidateDoneFunction) => {
    const client = clients.get(clientId);
    const isKnown = client?.metadata.redirect_uris?.includes(redirectUri) === true;
    done(null, isKnown ? client : false, redirectUri);
  }),
  askUser,
);
app.post('/decision', sessions, logIn, form, server.decision());

app.use(['/token', '/introspect'], form, limitFailures, authenticateClient(privateKeyJwt));
app.post('/token', checkGrantType, server.token());
app.post('/introspect', (request, response) => {
  const granted = findAccessToken(String(request.body.token));
  const isOwn = granted?.clientId === (request.user as Client).clientId;
  response.json(
    isOwn ? { active: true, ...granted, scope: granted.scope.join(' ') } : { active: false },
  );
});
app.use(translateErrors, oauthErrorHandler());

const http = app.listen(Number(PORT), 'localhost', (error) => {
  if (error) throw error;
  console.log(`listening on ${issuer}`);
});
process.once('SIGTERM', () => http.close());
