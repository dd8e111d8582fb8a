import { createPublicKey, type JsonWebKey as NodeJsonWebKey } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import express, { type Request, type RequestHandler } from 'express';
import Provider from 'oidc-provider';
import { Passport, type Strategy } from 'passport';
import {
  authenticateClient,
  ClientAssertionValidator,
  PrivateKeyJwtStrategy,
} from 'passport-private-key-jwt';
import { RedisReplayStore } from 'passport-private-key-jwt/redis';
import { createClient } from 'redis';
import {
  CLIENT_ID,
  ISSUER,
  type Keys,
  type MeasuredAlgorithm,
  signedBytes,
  TOKEN_ENDPOINT,
} from '../assertions.js';
import { providerConfiguration } from '../validation/oidc-provider.js';
import { clientWith, rawVerify } from '../validation/subjects.js';

const { CLIENT_JWK = '{}', ALG = 'RS256', REDIS_URL = '' } = process.env;

const jwk = JSON.parse(CLIENT_JWK) as Keys['jwk'];
const verifying = createPublicKey({ key: jwk as NodeJsonWebKey, format: 'jwk' });
const keys: Keys = { alg: ALG as MeasuredAlgorithm, signing: verifying, verifying, jwk };

/** The endpoint behind authentication, the same for all. */
function endpoint(...authentication: RequestHandler[]): Server {
  const app = express();
  app.post(
    '/token',
    express.urlencoded({ extended: false }),
    ...authentication,
    (_request, response) => {
      response.json({ access_token: 'a token', token_type: 'Bearer', expires_in: 300 });
    },
  );
  return createServer(app);
}

/** The signature of the assertion and nothing else. */
function rawCheck(): RequestHandler {
  const verify = rawVerify(keys);
  return async (
    request: Request<unknown, unknown, { client_assertion: string }>,
    _response,
    next,
  ) => {
    await verify(signedBytes(request.body.client_assertion));
    next();
  };
}

function authentication(replay?: RedisReplayStore): RequestHandler {
  const client = clientWith(keys);
  const strategy = new PrivateKeyJwtStrategy(
    { issuer: ISSUER, tokenEndpoint: TOKEN_ENDPOINT, replay },
    (clientId) => (clientId === CLIENT_ID ? client : undefined),
  );
  return authenticateClient(strategy);
}

/** Passport with a strategy that accepts everybody at once: what Passport itself costs. */
function passportAlone(): RequestHandler {
  const client = clientWith(keys);
  const passport = new Passport();
  passport.use('accepts', {
    authenticate(this: { success(user: object): void }) {
      this.success(client);
    },
  } as Strategy);
  return passport.authenticate('accepts', { session: false }) as RequestHandler;
}

/** Validates the assertion in the body of a request. */
function validates() {
  const client = clientWith(keys);
  const validator = new ClientAssertionValidator({}, (clientId) =>
    clientId === CLIENT_ID ? client : undefined,
  );
  return ({ body, headers }: Request) =>
    validator.validate({
      issuer: ISSUER,
      tokenEndpoint: TOKEN_ENDPOINT,
      parameters: body,
      authorization: headers.authorization !== undefined,
    });
}

/** Validates, and ignores the result. */
function validatorAlone(): RequestHandler {
  const validate = validates();
  return async (request, _response, next) => {
    await validate(request);
    next();
  };
}

/** Validates, and sets the same members as authenticateClient. */
function validatorByHand(): RequestHandler {
  const validate = validates();
  return async (request, response, next) => {
    const { client, authentication } = await validate(request);
    const holder: { user?: unknown; authInfo?: unknown } = request;
    holder.user = client;
    holder.authInfo = authentication;
    response.locals['client'] = client;
    next();
  };
}

async function sharedStore() {
  const redis = createClient({ url: REDIS_URL });
  redis.on('error', console.error);
  await redis.connect();
  return new RedisReplayStore(redis, { timeout: 2 });
}

/** The servers that are compared. */
const KINDS: Readonly<Record<string, () => Server | Promise<Server>>> = {
  bare: () => endpoint(),
  raw: () => endpoint(rawCheck()),
  passport: () => endpoint(passportAlone()),
  validator: () => endpoint(validatorAlone()),
  'by hand': () => endpoint(validatorByHand()),
  memory: () => endpoint(authentication()),
  redis: async () => endpoint(authentication(await sharedStore())),
  'oidc-provider': () => createServer(new Provider(ISSUER, providerConfiguration(keys)).callback()),
  'oidc-provider, client_secret_post': () => {
    const { clients, ...configuration } = providerConfiguration(keys);
    const [{ jwks: _, token_endpoint_auth_signing_alg: __, ...client } = { client_id: '' }] =
      clients ?? [];
    const provider = new Provider(ISSUER, {
      ...configuration,
      clients: [
        {
          ...client,
          token_endpoint_auth_method: 'client_secret_post',
          client_secret: CLIENT_ID,
        },
      ],
    });
    return createServer(provider.callback());
  },
};

export async function listener(kind: string): Promise<Server> {
  const make = KINDS[kind];
  if (make === undefined) throw new TypeError(`There is no server ${kind}`);
  return make();
}
