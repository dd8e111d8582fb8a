import express, { type Express } from 'express';
import helmet from 'helmet';
import {
  type AuthenticationEvent,
  oauthErrorHandler,
  RemoteJwkSets,
} from 'passport-private-key-jwt';
import { PushedRequests } from './authorization/pushed-requests.js';
import { clientAuthentication } from './client-authentication.js';
import { serverErrors, translateErrors } from './errors.js';
import { createInspector } from './inspector/inspector.js';
import { log, logAuthentication } from './log.js';
import { browserRoutes } from './routes/browser-routes.js';
import { clientRoutes } from './routes/client-routes.js';
import { metadataRoutes } from './routes/metadata.js';
import { baseUrl, type Server } from './server.js';
import { Tokens } from './tokens/tokens.js';

/** The authorization server as an Express app. */
export function createApp(server: Server): Express {
  const { issuer, settings, clients, replay, keys } = server;
  const base = baseUrl(server);
  const identity = { issuer, tokenEndpoint: `${base}/token` };
  const jwksUri = new RemoteJwkSets({ allowLocalNetwork: settings.allowLocalNetwork });
  const rules = {
    audience: settings.audience,
    additionalAudiences: settings.additionalAudiences,
    maxLifetime: settings.maxLifetime,
    jwksUri,
    replay,
  };
  const inspector =
    settings.traces > 0 ? createInspector(settings.traces, rules, identity, clients) : undefined;
  const onAuthentication = (event: AuthenticationEvent) => {
    logAuthentication(event);
    inspector?.note(event);
  };
  const authenticate = clientAuthentication(
    { ...identity, ...rules, onAuthentication },
    clients,
    log,
  );

  const tokens = new Tokens(issuer, keys);
  const pushed = new PushedRequests();
  const policy = { issuer, strict: settings.audience === 'strict', jwksUri };

  const app = express();
  app.disable('x-powered-by');
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"] } },
    }),
  );
  app.use(metadataRoutes(server));
  const path = new URL(base).pathname;
  if (inspector !== undefined) app.use(path, inspector.pages, inspector.record);
  app.use(
    path,
    browserRoutes(issuer, { clients, pushed, policy }, tokens),
    clientRoutes(inspector === undefined ? [authenticate] : [inspector.trace, authenticate], {
      tokens,
      pushed,
      policy,
    }),
  );
  app.use((_request, response) => {
    response.status(404).json({ error: 'not_found' });
  });
  app.use(translateErrors(), oauthErrorHandler(), serverErrors(log));
  return app;
}
