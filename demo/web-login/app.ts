import express, { type ErrorRequestHandler, type Express, type Request } from 'express';
import session from 'express-session';
import helmet from 'helmet';
import { STYLE_SOURCE } from '../shared/html.js';
import { SessionStore } from '../shared/session-store.js';
import { formTokenOf, requireFormToken } from './form-token.js';
import { log } from './log.js';
import { createPassport } from './login.js';
import { Pages } from './page.js';
import type { Provider } from './provider.js';
import type { Settings } from './settings.js';
import { logout, refresh } from './token-routes.js';
import type { User } from './user.js';

/** Only a style, and forms that lead here or, by way of the logout, to the provider. */
function securityHeaders({ config }: Provider) {
  const { end_session_endpoint: endSession } = config.serverMetadata();
  const formTargets = endSession === undefined ? [] : [new URL(endSession).origin];
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: [STYLE_SOURCE],
        formAction: ["'self'", ...formTargets],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
  });
}

/** The session cookie. Where the server is https, TLS ends at a proxy that says so. */
function sessions(secret: string, isSecure: boolean) {
  return session({
    name: isSecure ? '__Host-web-login' : 'web-login',
    secret,
    store: new SessionStore(({ passport }) => passport?.user !== undefined),
    resave: false,
    saveUninitialized: false,
    proxy: isSecure,
    cookie: { httpOnly: true, sameSite: 'lax', secure: isSecure, path: '/' },
  });
}

/** The message for the next page, which is shown once. */
function takeMessage({ session }: Request): string | undefined {
  const message = session.messages?.at(-1);
  delete session.messages;
  return message;
}

const sendError =
  (pages: Pages): ErrorRequestHandler =>
  (error, _request, response, next) => {
    log('request_failed', error);
    if (response.headersSent) next(error);
    else
      response
        .status(500)
        .send(pages.error('Something failed in this application or at the provider.'));
  };

/** The pages link to the provider and to its inspector, if there is one. */
const pagesOf = ({ issuer, inspectorUrl }: Settings): Pages =>
  new Pages([
    { name: 'Web login', href: './' },
    { name: 'Authorization server', href: issuer.href },
    ...(inspectorUrl === undefined ? [] : [{ name: 'Inspector', href: inspectorUrl.href }]),
  ]);

/**
 * The relying party as an Express app.
 *
 * @param baseUrl the URL that browsers know it by, without a slash at its end
 */
export function createApp(provider: Provider, settings: Settings, baseUrl: string): Express {
  const { config } = provider;
  const pages = pagesOf(settings);
  const passport = createPassport(provider, settings, `${baseUrl}/callback`);
  const form = [express.urlencoded({ extended: false }), requireFormToken];

  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', baseUrl.startsWith('https:') ? 1 : false);
  app.use(securityHeaders(provider));
  app.use((_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  app.use(sessions(settings.sessionSecret, baseUrl.startsWith('https:')), passport.session());

  app.get('/', (request, response) => {
    const message = takeMessage(request);
    const user = request.user as User | undefined;
    response.send(
      user === undefined ? pages.welcome(message) : pages.user(user, formTokenOf(request), message),
    );
  });
  app.get(
    '/login',
    (request, _response, next) => {
      request.session.address = request.ip ?? '';
      next();
    },
    passport.authenticate('oidc'),
  );
  app.get(
    '/callback',
    passport.authenticate('oidc', {
      successRedirect: './',
      failureRedirect: './',
      failureMessage: true,
    }),
  );
  app.post('/refresh', form, refresh(config));
  app.post('/logout', form, logout(config, `${baseUrl}/`));
  app.use((_request, response) => {
    response.status(404).send(pages.error('This page does not exist.'));
  });
  app.use(sendError(pages));
  return app;
}
