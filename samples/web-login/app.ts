import express, { type Express } from 'express';
import session from 'express-session';
import helmet from 'helmet';
import {
  buildEndSessionUrl,
  type Configuration,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client';
import passport from 'passport';
import { type AssertionService, OpenIdConnectStrategy } from 'passport-private-key-jwt/client';
import { errorPage, STYLE_SOURCE, userPage, welcomePage } from './page.js';
import type { Settings } from './settings.js';
import { type User, userFrom } from './user.js';

/** Puts what has changed of the user into the session. */
const keep = (request: express.Request, user: User): Promise<void> =>
  new Promise((resolve, reject) => {
    request.login(user, { session: true, keepSessionInfo: true }, (error: unknown) =>
      error ? reject(error) : resolve(),
    );
  });

const forget = (request: express.Request): Promise<void> =>
  new Promise((resolve, reject) => {
    request.logout((error: unknown) => (error ? reject(error) : resolve()));
  });

/** The relying party: log in, see the claims, refresh, log out. */
export function createApp(
  config: Configuration,
  assertions: AssertionService,
  settings: Settings,
): Express {
  const secure = settings.baseUrl.protocol === 'https:';
  const app = express();
  app.disable('x-powered-by');
  if (secure) app.set('trust proxy', 1);

  passport.use(
    'oidc',
    new OpenIdConnectStrategy(
      {
        config,
        assertions,
        callbackURL: new URL('/callback', settings.baseUrl).href,
        scope: settings.scope,
        signedAuthorizeRequests: true,
        usePAR: settings.usePAR,
      },
      (tokens, verified) => verified(null, userFrom(tokens)),
    ),
  );
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user: Express.User, done) => done(null, user));

  const formTargets = ["'self'", settings.issuer.origin];
  app.use(
    helmet({
      strictTransportSecurity: secure,
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          styleSrc: [STYLE_SOURCE],
          baseUri: ["'none'"],
          formAction: formTargets,
          frameAncestors: ["'none'"],
        },
      },
    }),
    session({
      // Cookies know no ports: the name keeps this one apart from other servers of the host.
      name: 'web-login',
      secret: settings.sessionSecret,
      resave: false,
      saveUninitialized: false,
      // Lax, so that no other site can post the forms of a user.
      cookie: { httpOnly: true, sameSite: 'lax', secure },
    }),
    passport.session(),
  );

  app.get('/', (request, response) => {
    const user = request.user as User | undefined;
    response.set('Cache-Control', 'no-store').type('html');
    if (user === undefined) response.send(welcomePage());
    else {
      response.send(
        userPage(user.claims, {
          ...(user.expiresAt !== undefined && { expiresAt: new Date(user.expiresAt) }),
          refreshable: user.refreshToken !== undefined,
        }),
      );
    }
  });

  app.get('/login', passport.authenticate('oidc'));
  app.get(
    '/callback',
    passport.authenticate('oidc', { successRedirect: '/', failureRedirect: '/refused' }),
  );
  app.get('/refused', (_request, response) => {
    response.status(401).type('html').send(errorPage('The login was refused or came too late.'));
  });

  app.post('/refresh', async (request, response) => {
    const user = request.user as User | undefined;
    if (user?.refreshToken !== undefined) {
      const tokens = await refreshTokenGrant(config, user.refreshToken);
      await keep(request, userFrom(tokens, user));
    }
    response.redirect(303, '/');
  });

  app.post('/logout', async (request, response) => {
    const user = request.user as User | undefined;
    await forget(request);
    if (user?.refreshToken !== undefined && config.serverMetadata().revocation_endpoint) {
      await tokenRevocation(config, user.refreshToken);
    }
    const { end_session_endpoint } = config.serverMetadata();
    if (end_session_endpoint === undefined || user?.idToken === undefined) {
      response.redirect(303, '/');
      return;
    }
    const end = buildEndSessionUrl(config, {
      id_token_hint: user.idToken,
      post_logout_redirect_uri: settings.baseUrl.href,
    });
    response.redirect(303, end.href);
  });

  const onError: express.ErrorRequestHandler = (error, _request, response, _next) => {
    // The message alone: an error of a token request may hold the response.
    process.stderr.write(`${error instanceof Error ? error.message : 'An error.'}\n`);
    response.status(500).type('html').send(errorPage('The provider could not be asked.'));
  };
  app.use(onError);
  return app;
}
