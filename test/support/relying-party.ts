import express from 'express';
import session from 'express-session';
import {
  allowInsecureRequests,
  type ClientAuth,
  type ClientMetadata,
  type Configuration,
  discovery,
} from 'openid-client';
import { Passport } from 'passport';
import {
  AssertionService,
  clientAssertion,
  type LoginTokens,
  OpenIdConnectStrategy,
  type OpenIdConnectStrategyOptions,
  type Verify,
} from '../../lib/client/index.js';
import type { Algorithm } from '../../lib/shared/jose.js';
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
  /** Takes another strategy in place of its own. */
  use(strategy: OpenIdConnectStrategy): void;
  /** The sessions as they are stored now. */
  sessions(): Record<string, unknown>[];
}

/** What a test sets of a relying party. */
export interface RelyingPartyOptions {
  readonly strategy?: (party: {
    readonly config: Configuration;
    readonly assertions: AssertionService;
  }) => Partial<OpenIdConnectStrategyOptions>;
  readonly authenticate?: Record<string, unknown>;
  readonly verify?: Verify;
  readonly clientAuth?: ClientAuth;
  /** The metadata of the client, as it is told to openid-client. */
  readonly metadata?: Partial<ClientMetadata>;
  readonly pair?: KeyPair;
  readonly client?: Record<string, unknown>;
  readonly provider?: ProviderConfiguration;
  /** The callback URL without the origin. Default `/cb`. */
  readonly callbackPath?: string;
}

/** openid-client's configuration for a provider on loopback. */
export const discover = (
  issuer: string,
  clientId: string,
  auth: ClientAuth,
  metadata?: Partial<ClientMetadata>,
) => discovery(new URL(issuer), clientId, metadata, auth, { execute: [allowInsecureRequests] });

const subjectOnly: Verify = (tokens, verified) => verified(null, { sub: tokens.claims()?.sub });

/** Starts both. Pages: `/login`, `/cb`, and `/`, which says who is logged in. */
export async function relyingParty(options: RelyingPartyOptions = {}): Promise<RelyingParty> {
  const { pair = keyPair('ES256'), authenticate = {}, verify = subjectOnly } = options;
  const app = express();
  const listening = await listen(app);
  const callbackURL = `${listening.url}${options.callbackPath ?? '/cb'}`;
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
  const config = await discover(provider.issuer, CLIENT_ID, auth, options.metadata);

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
        return verify(tokens, verified);
      },
    ),
  );

  const store = new session.MemoryStore();
  const secret = 'a secret of the tests';
  app.use(session({ store, secret, resave: false, saveUninitialized: false }), passport.session());
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
    use: (strategy) => passport.use('oidc', strategy),
    sessions: () =>
      Object.values((store as unknown as { sessions: Record<string, string> }).sessions).map(
        (json) => JSON.parse(json),
      ),
    close: async () => {
      await listening.close();
      await provider.close();
    },
  };
}
