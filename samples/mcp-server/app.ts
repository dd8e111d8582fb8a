import type { OAuthRegisteredClientsStore } from '@modelcontextprotocol/sdk/server/auth/clients.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { getOAuthProtectedResourceMetadataUrl } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { type Express } from 'express';
import helmet from 'helmet';
import type { AuthenticationEvent } from 'passport-private-key-jwt';
import { mcpAuthRouter } from 'passport-private-key-jwt/mcp';
import { Provider } from './provider.js';
import { createMcpServer } from './tools.js';

const SCOPES = ['tools'];

/** What the server is started with. */
export interface AppOptions {
  /** The URL that it is reached at. */
  readonly url: URL;
  readonly clients: OAuthRegisteredClientsStore;
  /** Lets clients in development publish their keys and metadata on this machine. */
  readonly allowLocalNetwork: boolean;
  readonly onAuthentication: (event: AuthenticationEvent) => void;
}

/** An MCP server at `/mcp`, and the authorization server that it trusts. */
export function createApp({ url, clients, allowLocalNetwork, ...options }: AppOptions): Express {
  const resource = new URL('/mcp', url);
  const provider = new Provider(clients, resource, SCOPES);
  const app = createMcpExpressApp({ host: url.hostname, allowedHosts: [url.hostname] });
  app.disable('x-powered-by');
  // The answer to the consent form leads to the client, wherever that is.
  app.use(helmet({ contentSecurityPolicy: { directives: { 'form-action': null } } }));

  app.use(
    mcpAuthRouter({
      provider,
      issuerUrl: url,
      resourceServerUrl: resource,
      scopesSupported: SCOPES,
      clientAssertion: {
        jwksUri: { allowLocalNetwork },
        onAuthentication: options.onAuthentication,
      },
      // A stranger's document may not ask for client_credentials, except in development.
      clientMetadataDocuments: {
        allowLocalNetwork,
        grantTypes: allowLocalNetwork
          ? ['authorization_code', 'refresh_token', 'client_credentials']
          : undefined,
      },
    }),
  );

  app.post('/consent', express.urlencoded({ extended: false }), (request, response) => {
    const { ticket, answer } = request.body as Record<string, unknown>;
    const redirect = provider.answer(String(ticket), answer === 'allow');
    if (redirect === undefined) response.status(400).send('This request has expired.');
    else response.redirect(303, redirect.href);
  });

  const bearer = requireBearerAuth({
    verifier: provider,
    requiredScopes: SCOPES,
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
    expectedResource: resource,
  });
  app.post('/mcp', bearer, async (request, response) => {
    // Without sessions: each request has a server of its own, and nothing is kept in between.
    const server = createMcpServer();
    const transport = new StreamableHTTPServerTransport();
    response.on('close', () => server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  app.all('/mcp', bearer, (_request, response) => {
    response.set('Allow', 'POST').status(405).end();
  });
  return app;
}
