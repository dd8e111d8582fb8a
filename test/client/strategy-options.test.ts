import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from 'express';
import express from 'express';
import { Configuration } from 'openid-client';
import { Passport } from 'passport';
import {
  AssertionService,
  ConfigurationError,
  type LoginTokens,
  OpenIdConnectStrategy,
  type OpenIdConnectStrategyOptions,
  type Verified,
  type Verify,
} from '../../lib/client/index.js';
import { ISSUER, TOKEN_ENDPOINT } from '../support/assertion.js';
import { newBrowser } from '../support/browser.js';
import { keyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { CLIENT_ID, relyingParty } from '../support/relying-party.js';

const config = new Configuration(
  {
    issuer: ISSUER,
    authorization_endpoint: `${ISSUER}/authorize`,
    token_endpoint: TOKEN_ENDPOINT,
  },
  CLIENT_ID,
);
const callbackURL = 'https://client.example/cb';
const verify: Verify = (_tokens, verified) => verified(null, {});
const assertionsOf = (clientId: string) =>
  new AssertionService({ clientId, key: keyPair('ES256').privateKey });

const WRONG: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['no config', { config: undefined }, /config must be a Configuration of openid-client/],
  ['no callback URL', { callbackURL: undefined }, /callbackURL must be an absolute URL/],
  ['a relative callback URL', { callbackURL: '/cb' }, /callbackURL must be an absolute URL/],
  [
    'the assertions of another client',
    { assertions: assertionsOf('other') },
    /assertions is for the client other, config for mvc\.jar\.jwt/,
  ],
  [
    'nothing to sign requests with',
    { signedAuthorizeRequests: true },
    /Signed authorize requests need the AssertionService/,
  ],
  ['a timeout of nothing', { loginTimeout: 0 }, /loginTimeout must be a positive number/],
  ['a timeout that is no number', { loginTimeout: '60' }, /loginTimeout must be a positive number/],
];

for (const [what, options, message] of WRONG) {
  test(`a strategy with ${what} is not made`, () => {
    const all = { config, callbackURL, ...options } as OpenIdConnectStrategyOptions;
    assert.throws(() => new OpenIdConnectStrategy(all, verify), { name: 'TypeError', message });
  });
}

test('a server that demands signed requests demands the assertions too', () => {
  const demanding = new Configuration(
    { issuer: ISSUER, require_signed_request_object: true },
    CLIENT_ID,
  );
  const make = (more: object) =>
    new OpenIdConnectStrategy({ config: demanding, callbackURL, ...more }, verify);
  assert.throws(() => make({}), /Signed authorize requests need the AssertionService/);
  assert.ok(make({ assertions: assertionsOf(CLIENT_ID) }));
  assert.ok(make({ signedAuthorizeRequests: false }));
});

test('a strategy without verify is not made', () => {
  assert.throws(
    () => new OpenIdConnectStrategy({ config, callbackURL }, undefined as unknown as Verify),
    { name: 'TypeError', message: 'verify must be a function' },
  );
});

test('a strategy is named after the host of the issuer, or as it is told', () => {
  const options = { config, callbackURL: new URL(callbackURL) };
  assert.equal(new OpenIdConnectStrategy(options, verify).name, 'as.example');
  assert.equal(new OpenIdConnectStrategy({ ...options, name: 'oidc' }, verify).name, 'oidc');
});

/** Runs a login request against an app that lacks something. */
async function failing(prepare: (app: express.Express) => void): Promise<unknown> {
  const errors: unknown[] = [];
  const passport = new Passport();
  passport.use('oidc', new OpenIdConnectStrategy({ config, callbackURL }, verify));
  const app = express();
  prepare(app);
  app.all('/cb', passport.authenticate('oidc'));
  app.use(((error, _request, response, _next) => {
    errors.push(error);
    response.end();
  }) satisfies express.ErrorRequestHandler);
  const { url, close } = await listen(app);
  await fetch(`${url}/cb`, { method: 'POST', body: new URLSearchParams({ code: 'x' }) });
  await close();
  return errors[0];
}

test('a login without a session says what to mount', async () => {
  const error = await failing(() => {});
  assert.ok(error instanceof ConfigurationError);
  assert.match(error.message, /mount express-session/);
});

test('a response in a form that nothing has parsed says what to mount', async () => {
  const error = await failing((app) =>
    app.use((request, _response, next) => {
      Object.assign(request, { session: {} });
      next();
    }),
  );
  assert.ok(error instanceof ConfigurationError);
  assert.match(error.message, /mount express\.urlencoded/);
});

/** What verify does, and what comes of it. */
const VERIFICATIONS: readonly (readonly [string, Verify, object])[] = [
  [
    'refuses the user',
    (_tokens, verified) => verified(null, false, { message: 'unknown user' }),
    { status: 200, messages: ['unknown user'] },
  ],
  [
    'passes an error on',
    (_tokens, verified) => verified(new Error('no database')),
    { status: 500, name: 'Error', message: 'no database' },
  ],
  [
    'throws',
    () => {
      throw new Error('no database');
    },
    { status: 500, name: 'Error', message: 'no database' },
  ],
  [
    'rejects',
    async () => {
      throw new Error('no database');
    },
    { status: 500, name: 'Error', message: 'no database' },
  ],
];

for (const [what, verification, expected] of VERIFICATIONS) {
  test(`a verify function that ${what} decides the login`, async (t) => {
    const party = await relyingParty({ verify: verification });
    t.after(() => party.close());
    const { status, body } = await newBrowser().open(`${party.url}/login`);
    assert.deepEqual({ status, ...JSON.parse(body) }, expected);
  });
}

test('a verify function with passReqToCallback is given the request', async (t) => {
  const party = await relyingParty();
  t.after(() => party.close());
  const seen: [string, string][] = [];
  // Declared with Express's own request, as an application would.
  const withRequest = (request: Request, tokens: LoginTokens, verified: Verified) => {
    seen.push([request.path, tokens.claims()?.sub ?? '']);
    verified(null, { sub: 'x' });
  };
  const { config: real, assertions, url } = party;
  party.use(
    new OpenIdConnectStrategy(
      { config: real, assertions, callbackURL: `${url}/cb`, passReqToCallback: true },
      withRequest,
    ),
  );
  await newBrowser().open(`${url}/login`);
  assert.deepEqual(seen, [['/cb', 'alice']]);
});

test('a subclass may add to the parameters of both requests', async (t) => {
  const party = await relyingParty();
  t.after(() => party.close());
  const sent: (string | null)[] = [];
  class Customised extends OpenIdConnectStrategy {
    override authorizationRequestParams(request: Request, options: object) {
      const parameters = new URLSearchParams(super.authorizationRequestParams(request, options));
      parameters.set('ui_locales', 'de');
      return parameters;
    }
    override authorizationCodeGrantParameters() {
      return { audience: 'https://api.example' };
    }
  }
  const { config: real, url } = party;
  party.use(
    new Customised(
      {
        config: real,
        callbackURL: `${url}/cb`,
        events: {
          redirectToIdentityProvider: ({ protocolMessage }) => {
            sent.push(protocolMessage.get('ui_locales'), protocolMessage.get('scope'));
          },
          authorizationCodeReceived: ({ tokenEndpointRequest }) => {
            sent.push(tokenEndpointRequest.get('audience'));
          },
        },
      },
      verify,
    ),
  );
  await newBrowser().open(`${url}/login`);
  assert.deepEqual(sent, ['de', 'openid', 'https://api.example']);
});
