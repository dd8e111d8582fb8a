import express from 'express';
import session from 'express-session';
import {
  allowInsecureRequests,
  type ClientAuth,
  type Configuration,
  discovery,
} from 'openid-client';
import { Passport } from 'passport';
import {
  type Algorithm,
  AssertionService,
  clientAssertion,
  type LoginAuthenticateOptions,
  type LoginTokens,
  OpenIdConnectStrategy,
  type OpenIdConnectStrategyOptions,
} from '../../lib/client/index.js';
import { type KeyPair, keyPair } from './keys.js';
import { type Listening, listen } from './listen.js';
import { type OpenIdProvider, openIdProvider } from './openid-provider.js';

type ProviderConfiguration = Parameters<typeof openIdProvider>[1];

/** The seed of every test of logins: a client, its key and its provider. */
export const CLIENT_ID = 'mvc.jar.jwt';

/** A web application that logs users in, and the provider that it trusts. */
export interface RelyingParty extends Listening {
  readonly provider: OpenIdProvider;
  readonly config: Configuration;
  readonly assertions: AssertionService;
  /** The tokens of each login that has succeeded. */
  readonly logins: LoginTokens[];
  /** What Express's error handler was given. */
  readonly errors: unknown[];
}

/** What a test sets of a relying party. */
export interface RelyingPartyOptions {
  readonly strategy?: (party: {
    readonly config: Configuration;
    readonly assertions: AssertionService;
  }) => Partial<OpenIdConnectStrategyOptions>;
  readonly authenticate?: LoginAuthenticateOptions;
  readonly clientAuth?: ClientAuth;
  readonly pair?: KeyPair;
  readonly client?: Record<string, unknown>;
  readonly provider?: ProviderConfiguration;
}

/** openid-client's configuration for a provider on loopback. */
export const discover = (issuer: string, clientId: string, auth: ClientAuth) =>
  discovery(new URL(issuer), clientId, undefined, auth, { execute: [allowInsecureRequests] });

/** Starts both. Pages: `/login`, `/cb`, and `/`, which says who is logged in. */
export async function relyingParty(options: RelyingPartyOptions = {}): Promise<RelyingParty> {
  const { pair = keyPair('ES256'), authenticate = {} } = options;
  const app = express();
  const listening = await listen(app);
  const callbackURL = `${listening.url}/cb`;
  const assertions = new AssertionService({
    clientId: CLIENT_ID,
    key: { key: pair.privateKey, alg: pair.alg as Algorithm },
  });
  const provider = await openIdProvider(
    {
      client_id: CLIENT_ID,
      redirect_uris: [callbackURL],
      jwks: { keys: [assertions.key.publicJwk as never] },
      ...options.client,
    },
    options.provider,
  );
  const auth = options.clientAuth ?? clientAssertion(assertions);
  const config = await discover(provider.issuer, CLIENT_ID, auth);

  const logins: LoginTokens[] = [];
  const errors: unknown[] = [];
  const passport = new Passport();
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user: Express.User, done) => done(null, user));
  passport.use(
    'oidc',
    new OpenIdConnectStrategy(
      { config, assertions, callbackURL, ...options.strategy?.({ config, assertions }) },
      (tokens, verified) => {
        logins.push(tokens);
        verified(null, { sub: tokens.claims()?.sub });
      },
    ),
  );

  app.use(
    session({ secret: 'a secret of the tests', resave: false, saveUninitialized: false }),
    passport.session(),
  );
  app.get('/login', passport.authenticate('oidc', authenticate));
  const finish = passport.authenticate('oidc', {
    ...authenticate,
    successRedirect: '/',
    failureRedirect: '/',
    failureMessage: true,
  });
  app.get('/cb', finish);
  app.post('/cb', express.urlencoded({ extended: false }), finish);
  app.get('/', (request, response) => {
    const { messages } = request.session as { messages?: string[] };
    response.json({ user: request.user, messages });
  });
  app.use(((error, _request, response, _next) => {
    errors.push(error);
    response.status(500).json({ name: error.name, message: error.message });
  }) satisfies express.ErrorRequestHandler);

  return {
    ...listening,
    provider,
    config,
    assertions,
    logins,
    errors,
    close: async () => {
      await listening.close();
      await provider.close();
    },
  };
}
