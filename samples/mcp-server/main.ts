// An MCP server on SDK 2, and the authorization server that it trusts. Everyone is alice.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as mcpExpress from '@modelcontextprotocol/express';
import { toNodeHandler } from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  McpServer,
  OAuthError,
  OAuthErrorCode,
} from '@modelcontextprotocol/server';
import express, { type RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import session from 'express-session';
import * as pkjwt from 'passport-private-key-jwt';
import * as z from 'zod';
import { authorizationServer, type Client, findToken } from './authorization-server.js';

const { PORT = '3001', CLIENTS_FILE, ALLOW_LOCAL_NETWORK } = process.env;
const issuer = process.env['ISSUER'] || `http://localhost:${PORT}`;
const resource = new URL('/mcp', issuer);
const allowedNetworks = ALLOW_LOCAL_NETWORK === '1' ? ['localhost'] : [];

const clients = new Map<string, Client>();
for (const metadata of CLIENTS_FILE ? JSON.parse(await readFile(CLIENTS_FILE, 'utf8')) : []) {
  const client = pkjwt.clientFromMetadata(metadata as Client['metadata']);
  pkjwt.assertClientSecrets(client); // A weak or wrong key stops the start.
  clients.set(client.clientId, client);
}
/** Clients introduce themselves by their metadata document; those of the file are registered. */
const findClient = pkjwt.clientMetadataDocuments<Client>({ allowedNetworks }, (clientId) =>
  clients.get(clientId),
);
const find = async (clientId: string) => (await findClient(clientId, undefined)) as Client;
const { server, validate, answerErrors } = authorizationServer(issuer, resource.href, find);

const privateKeyJwt = new pkjwt.PrivateKeyJwtStrategy<Client>(
  {
    issuer,
    tokenEndpoint: `${issuer}/token`,
    jwksUri: { allowedNetworks },
    onAuthentication: ({ outcome, reason, clientId }) =>
      console.log(JSON.stringify({ outcome, reason, clientId })),
  },
  findClient,
);
const { token_endpoint_auth_signing_alg_values_supported: algorithms } = privateKeyJwt.metadata();
/** A public client has its id alone, and PKCE. A client with a key must use it. */
const publicClient: RequestHandler = (request, _response, next) => {
  const refused = new pkjwt.OAuthError('invalid_client', 'Client authentication failed.', 401);
  find(String(request.body?.client_id)).then((client) => {
    request.user = client;
    next(client?.tokenEndpointAuthMethod === 'none' ? undefined : refused);
  }, next);
};

const app = mcpExpress.createMcpExpressApp({ host: 'localhost' });
app.disable('x-powered-by');
app.use(
  mcpExpress.mcpAuthMetadataRouter({
    resourceServerUrl: resource,
    scopesSupported: ['tools'],
    oauthMetadata: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_signing_alg_values_supported: [...algorithms],
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
    },
  }),
);

const sessions = session({
  secret: randomBytes(32).toString('base64url'),
  resave: false,
  saveUninitialized: false,
  cookie: { sameSite: 'lax', secure: issuer.startsWith('https:') },
});
const logIn: RequestHandler = (request, _response, next) => {
  request.user = { sub: 'alice' };
  next();
};
const escapeHtml = (text: string) =>
  text.replace(/[^\w .-]/gu, (character) => `&#${character.codePointAt(0)};`);
const isLocal = (uri: string) => /^(127\.0\.0\.1|\[::1\]|localhost)$/.test(new URL(uri).hostname);

const askUser: RequestHandler = (request, response) => {
  const { transactionID, client, redirectURI } = (
    request as unknown as { oauth2: { transactionID: string; client: Client; redirectURI: string } }
  ).oauth2;
  const { client_id, client_name = client_id, redirect_uris = [] } = client.metadata;
  const host = URL.canParse(client_id) ? new URL(client_id).host : client_id;
  // Every program of the user's machine can listen there and call itself by this name.
  const warning = redirect_uris.every(isLocal)
    ? '<p><strong>Allow this only if you have just started the program yourself.</strong></p>'
    : '';
  response.set('X-Frame-Options', 'DENY').send(`<!doctype html><title>Allow access</title>
<p>${escapeHtml(String(client_name))} (${escapeHtml(host)}) asks to use the tools of this server.</p>
<p>You will be sent to ${escapeHtml(new URL(redirectURI).host)}.</p>${warning}
<form method="post" action="decision">
<input type="hidden" name="transaction_id" value="${transactionID}">
<button>Allow</button> <button name="cancel" value="1">Deny</button></form>`);
};

const form = express.urlencoded({ extended: false });
app.get('/authorize', sessions, logIn, server.authorization(validate as never), askUser);
app.post('/decision', sessions, logIn, form, server.decision());

/** In front of the authentication: behind it, failed assertions would not be counted. */
const limitFailures = rateLimit({ windowMs: 60_000, limit: 300, skipSuccessfulRequests: true });
const checkGrantType: RequestHandler = (request, _response, next) => {
  const { grant_types = ['authorization_code'] } = (request.user as Client).metadata;
  const isAllowed = (grant_types as string[]).includes(request.body.grant_type);
  next(
    isAllowed
      ? undefined
      : new pkjwt.OAuthError('unauthorized_client', 'The grant type is not supported.'),
  );
};
const authenticate = pkjwt.authenticateClient(privateKeyJwt, { otherwise: publicClient });
app.post('/token', form, limitFailures, authenticate, checkGrantType, server.token());

const verifyAccessToken = async (token: string) => {
  const granted = findToken(token);
  if (granted === undefined) throw new OAuthError(OAuthErrorCode.InvalidToken, 'Not valid.');
  return { token, scopes: ['tools'], resource, ...granted };
};
const resourceMetadataUrl = mcpExpress.getOAuthProtectedResourceMetadataUrl(resource);
const handler = createMcpHandler(() => {
  const mcp = new McpServer({ name: 'private-key-jwt-sample', version: '1.0.0' });
  const inputSchema = z.object({ a: z.number(), b: z.number() });
  mcp.registerTool('add', { description: 'Adds two numbers', inputSchema }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }));
  mcp.registerTool('whoami', { description: 'Names the client that calls' }, ({ http }) => ({
    content: [{ type: 'text', text: http?.authInfo?.clientId ?? 'nobody' }],
  }));
  return mcp;
});
const bearer = { verifier: { verifyAccessToken }, requiredScopes: ['tools'], resourceMetadataUrl };
const requireToken = mcpExpress.requireBearerAuth({ ...bearer, expectedResource: resource });
const serveMcp = toNodeHandler(handler);
app.all('/mcp', requireToken, (request, response) => serveMcp(request, response, request.body));

app.use(answerErrors, pkjwt.oauthErrorHandler());

const http = app.listen(Number(PORT), 'localhost', () => console.log(`listening on ${issuer}`));
process.once('SIGTERM', () => http.close());
