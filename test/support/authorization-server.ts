import { randomUUID } from 'node:crypto';
import express from 'express';
import { SignJWT } from 'jose';
import { Passport } from 'passport';
import { Strategy as ClientPasswordStrategy } from 'passport-oauth2-client-password';
import {
  type AssertionClient,
  authenticateClient,
  type ClientAuthentication,
  PrivateKeyJwtStrategy,
} from '../../lib/index.js';
import { newKeyPair } from './keys.js';
import { type Listening, listen } from './listen.js';

/** A client that may have a secret too. */
export interface RegisteredClient extends AssertionClient {
  readonly clientSecret?: string;
}

/** An authorization server that takes secrets and assertions, and what it was sent. */
export interface AuthorizationServer extends Listening {
  /** Registers the client anew. */
  register(client: RegisteredClient): void;
  /** How the clients authenticated that it gave tokens to. */
  readonly methods: string[];
}

interface Grant {
  readonly clientId: string;
  readonly nonce?: string | undefined;
}

/** Starts it. Its user, alice, is always logged in and always agrees. */
export async function authorizationServer(client: RegisteredClient): Promise<AuthorizationServer> {
  let registered = client;
  const methods: string[] = [];
  const codes = new Map<string, Grant>();
  const refreshTokens = new Map<string, Grant>();
  const app = express();
  const { url, close } = await listen(app);
  const key = newKeyPair('ES256', { kid: 'server' });
  const find = (clientId: string) => (clientId === registered.clientId ? registered : undefined);

  const passport = new Passport();
  const identity = { issuer: url, tokenEndpoint: `${url}/token` };
  const privateKeyJwt = new PrivateKeyJwtStrategy(identity, find);
  passport.use(
    new ClientPasswordStrategy((clientId, clientSecret, done) => {
      const found = find(clientId);
      const isRight = found?.clientSecret !== undefined && found.clientSecret === clientSecret;
      done(null, isRight && found);
    }),
  );

  app.get('/.well-known/openid-configuration', (_request, response) => {
    response.json({
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      jwks_uri: `${url}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_post'],
    });
  });
  app.get('/jwks', (_request, response) => {
    response.json({ keys: [key.publicJwk] });
  });
  app.get('/authorize', (request, response) => {
    const { client_id, redirect_uri, state, nonce } = request.query as Record<string, string>;
    const code = randomUUID();
    codes.set(code, { clientId: String(client_id), nonce });
    const back = new URL(String(redirect_uri));
    back.searchParams.set('code', code);
    if (state !== undefined) back.searchParams.set('state', state);
    response.redirect(back.href);
  });
  app.post(
    '/token',
    express.urlencoded({ extended: false }),
    authenticateClient(privateKeyJwt, {
      otherwise: passport.authenticate('oauth2-client-password', {
        session: false,
        failWithError: true,
      }),
    }),
    async (request, response) => {
      const { clientId } = request.user as RegisteredClient;
      const { code, refresh_token } = request.body as Record<string, string>;
      const given = code === undefined ? refreshTokens : codes;
      const grant = given.get(String(code ?? refresh_token));
      given.delete(String(code ?? refresh_token));
      if (grant?.clientId !== clientId) {
        response.status(400).json({ error: 'invalid_grant' });
        return;
      }
      const { method } = (request.authInfo ?? {}) as Partial<ClientAuthentication>;
      methods.push(method ?? 'client_secret_post');
      const next = randomUUID();
      refreshTokens.set(next, grant);
      response.json({
        access_token: randomUUID(),
        token_type: 'Bearer',
        expires_in: 600,
        refresh_token: next,
        id_token: await new SignJWT({ nonce: grant.nonce })
          .setProtectedHeader({ alg: key.alg, kid: 'server' })
          .setIssuer(url)
          .setSubject('alice')
          .setAudience(clientId)
          .setIssuedAt()
          .setExpirationTime('5 minutes')
          .sign(key.privateKey),
      });
    },
  );
  return {
    url,
    close,
    methods,
    register: (changed) => {
      registered = changed;
    },
  };
}
