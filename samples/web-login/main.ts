// A web application that logs its users in at an OpenID provider without a client secret.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import express, { type Request, type RequestHandler, type Response } from 'express';
import session from 'express-session';
import * as client from 'openid-client';
import passport from 'passport';
import {
  AssertionService,
  clientAssertion,
  LoginRequiredError,
  type LoginTokens,
  OpenIdConnectStrategy,
  UserTokenManager,
} from 'passport-private-key-jwt/client';

declare module 'express-session' {
  interface SessionData {
    returnTo: string;
  }
}

const { PORT = '3001', ISSUER, CLIENT_ID, CLIENT_KEY } = process.env;
if (!ISSUER || !CLIENT_ID || !CLIENT_KEY) {
  console.error('Set ISSUER, CLIENT_ID and CLIENT_KEY, the file of the private key.');
  process.exit(1);
}
const baseUrl = process.env['BASE_URL'] || `http://localhost:${PORT}`;

const assertions = new AssertionService({ clientId: CLIENT_ID, key: await readFile(CLIENT_KEY) });
const config = await client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  undefined,
  clientAssertion(assertions), // instead of a client secret
  // For this machine alone: openid-client refuses http elsewhere.
  ISSUER.startsWith('http:') ? { execute: [client.allowInsecureRequests] } : {},
);

passport.use(
  'oidc',
  new OpenIdConnectStrategy(
    {
      config,
      assertions,
      callbackURL: `${baseUrl}/callback`,
      // offline_access asks for a refresh token, which many providers give only with prompt=consent.
      scope: 'openid profile email offline_access',
      prompt: 'consent',
      // Signed requests (JAR), if the provider takes them.
      signedAuthorizeRequests: config.serverMetadata().request_parameter_supported === true,
    },
    (tokens, verified) => verified(null, tokens.claims(), { tokens }),
  ),
);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user: Express.User, done) => done(null, user));
const users = new UserTokenManager({ config });

const app = express();
app.disable('x-powered-by');
app.use(
  session({
    secret: process.env['SESSION_SECRET'] || randomBytes(32).toString('base64url'),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', secure: baseUrl.startsWith('https:') },
  }),
  passport.session(),
);

app.get('/login', passport.authenticate('oidc'));

/** Passport makes a new session for the user: what is to outlive the old one is taken out of it. */
const rememberPage: RequestHandler = (request, response, next) => {
  response.locals['returnTo'] = request.session.returnTo;
  next();
};
app.get(
  '/callback',
  rememberPage,
  passport.authenticate('oidc', { failureRedirect: '/' }),
  async (request, response) => {
    await users.save(request, (request.authInfo as { tokens: LoginTokens }).tokens);
    response.redirect(response.locals['returnTo'] ?? '/');
  },
);

/** Sends the user to the login, and then back to the page. */
function logIn(request: Request, response: Response): void {
  // Two slashes at the start would be another host.
  if (/^\/(?![/\\])/.test(request.originalUrl)) request.session.returnTo = request.originalUrl;
  response.redirect('/login');
}

const requireLogin: RequestHandler = (request, response, next) => {
  if (request.isAuthenticated()) next();
  else logIn(request, response);
};

app.get('/', (request, response) => {
  response.send(
    request.isAuthenticated()
      ? '<a href="/account">Your account</a> <form method="post" action="/logout"><button>Log out</button></form>'
      : '<a href="/login">Log in</a>',
  );
});

app.get('/account', requireLogin, async (request, response) => {
  try {
    // Refreshed when it is about to expire; `users.fetch` calls an API with it.
    const { expiresAt } = await users.getToken(request);
    response.json({ claims: request.user, expiresAt });
  } catch (error) {
    if (!(error instanceof LoginRequiredError)) throw error;
    logIn(request, response);
  }
});

// SameSite=Lax keeps other sites from sending this form with the session.
app.post('/logout', async (request, response, next) => {
  const { idToken } = await users.getToken(request).catch(() => ({ idToken: undefined }));
  await users.revoke(request);
  request.logout((error: unknown) => {
    if (error) {
      next(error);
      return;
    }
    const { end_session_endpoint } = config.serverMetadata();
    if (end_session_endpoint === undefined) response.redirect(303, '/');
    else {
      const url = client.buildEndSessionUrl(config, {
        post_logout_redirect_uri: `${baseUrl}/`,
        ...(idToken !== undefined && { id_token_hint: idToken }),
      });
      response.redirect(303, url.href);
    }
  });
});

const http = app.listen(Number(PORT), 'localhost', (error) => {
  if (error) throw error;
  console.log(`listening on ${baseUrl}`);
});
process.once('SIGTERM', () => http.close());
