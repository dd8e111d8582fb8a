import express, { type Express } from 'express';
import helmet from 'helmet';
import {
  type AuthenticationEvent,
  authenticateClient,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
  RemoteJwkSets,
} from 'passport-private-key-jwt';
import { PushedRequests } from './authorization/pushed-requests.js';
import { clientAuthentication } from './client-authentication.js';
import { logErrors, serverErrors, translateErrors } from './errors.js';
import { createInspector } from './inspector/inspector.js';
import { logAuthentication } from './log.js';
import { homePage } from './pages/home-page.js';
import { browserRoutes } from './routes/browser-routes.js';
import { clientRoutes } from './routes/client-routes.js';
import { metadataRoutes } from './routes/metadata.js';
import { limitFailures } from './routes/middleware.js';
import { baseUrl, type Server } from './server.js';
import { Tokens } from './tokens/tokens.js';

/** The authorization server as an Express app. */
export function createApp(server: Server): Express {
  const { issuer, settings, clients, replay, keys, log } = server;
  const base = baseUrl(server);
  const identity = { issuer, tokenEndpoint: `${base}/token` };
  const jwksUri = new RemoteJwkSets({ allowedNetworks: settings.allowedNetworks });
  const fapi = settings.profile === 'fapi2';
  const rules = {
    profile: settings.profile,
    audience: fapi ? undefined : settings.audience,
    additionalAudiences: fapi ? undefined : settings.additionalAudiences,
    maxLifetime: settings.maxLifetime,
    jwksUri,
    replay,
  };
  const links = [
    { name: 'Authorization server', href: `${base}/` },
    ...(settings.traces === 0 ? [] : [{ name: 'Inspector', href: `${base}/inspector` }]),
    ...(settings.webLoginUrl === undefined
      ? []
      : [{ name: 'Web login', href: settings.webLoginUrl }]),
  ];
  const inspector =
    settings.traces > 0
      ? createInspector(settings.traces, rules, identity, clients, links)
      : undefined;
  const onAuthentication = (event: AuthenticationEvent) => {
    logAuthentication(log, event);
    inspector?.note(event);
  };
  const privateKeyJwt = new PrivateKeyJwtStrategy(
    { ...identity, ...rules, onAuthentication },
    (clientId) => clients.find(clientId),
  );
  const authenticate = fapi
    ? authenticateClient(privateKeyJwt)
    : clientAuthentication(privateKeyJwt, clients, log);

  const tokens = new Tokens(issuer, keys, log);
  const pushed = new PushedRequests();
  const policy = { issuer, jwksUri, fapi, profile: settings.profile };

  const app = express();
  app.disable('x-powered-by');
  // An https issuer has a proxy in front, which says where a request comes from.
  app.set('trust proxy', issuer.startsWith('https:') ? 1 : false);
  app.use((_request, response, next) => {
    response.locals.links = links;
    next();
  });
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"] } },
    }),
  );
  app.use(metadataRoutes(server, privateKeyJwt.metadata()));
  const path = new URL(base).pathname;
  if (inspector !== undefined) app.use(path, inspector.pages, inspector.record);
  const intake = { clients, pushed, policy };
  const limit = limitFailures(settings.failuresPerMinute);
  const trace = inspector === undefined ? [] : [inspector.trace];
  app.get(path, (_request, response) => homePage(response, issuer));
  app.use(
    path,
    browserRoutes({ issuer, idTokenKey: keys.idToken, intake, tokens, log }),
    clientRoutes([limit, ...trace, authenticate], { tokens, pushed, policy }),
  );
  app.use((_request, response) => {
    response.status(404).json({ error: 'not_found' });
  });
  app.use(logErrors(log), translateErrors(), oauthErrorHandler(), serverErrors(log));
  return app;
}
