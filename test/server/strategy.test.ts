import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import express from 'express';
import { Passport } from 'passport';
import { type AssertionClient, oauthErrorHandler, PrivateKeyJwtStrategy } from '../../lib/index.js';
import { assertionForm, ISSUER, signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { tokenEndpoint } from '../support/token-endpoint.js';

const clientOf = (clientId: string) => ({
  clientId,
  secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk } as const],
});

const post = (url: string, form: URLSearchParams) => fetch(url, { method: 'POST', body: form });

test('req.user is the client and req.authInfo says how it authenticated', async (t) => {
  const endpoint = await tokenEndpoint([clientOf('client')]);
  t.after(() => endpoint.close());
  const response = await endpoint.post(assertionForm(await signAssertion()));
  assert.equal(response.status, 200);
  const { clientId, authInfo } = (await response.json()) as {
    clientId: string;
    authInfo: Record<string, unknown>;
  };
  assert.equal(clientId, 'client');
  const { claims, ...rest } = authInfo;
  assert.deepEqual(rest, {
    clientId: 'client',
    method: 'private_key_jwt',
    alg: 'ES256',
    audienceForm: 'issuer',
    wouldFail: {
      issuer: [],
      'issuer-string': [],
      fapi2: [],
      requireTyp: ['typ_not_allowed'],
    },
  });
  assert.equal((claims as { sub: string }).sub, 'client');
});

test('the lookup gets the client_id and the request', async (t) => {
  const seen: unknown[] = [];
  const passport = new Passport();
  const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, (clientId, context) => {
    seen.push(clientId, (context as express.Request).get('x-tenant'));
    return clientOf(clientId);
  });
  passport.use(strategy);
  const app = express();
  app.use(express.urlencoded({ extended: false }));
  app.post('/token', passport.authenticate('private-key-jwt', { session: false }), (_req, res) => {
    res.end('in');
  });
  const server = await listen(app);
  t.after(() => server.close());
  const response = await fetch(`${server.url}/token`, {
    method: 'POST',
    headers: { 'x-tenant': 'one' },
    body: assertionForm(await signAssertion()),
  });
  assert.equal(await response.text(), 'in');
  assert.deepEqual(seen, ['client', 'one']);
});

test('simultaneous requests get their own answers if Passport gets the strategy itself', async (t) => {
  const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, async (clientId) => {
    await new Promise((resolve) => setTimeout(resolve, clientId === 'slow' ? 60 : 5));
    return clientId === 'unknown' ? undefined : clientOf(clientId);
  });
  const app = express();
  app.post(
    '/token',
    express.urlencoded({ extended: false }),
    new Passport().authenticate(strategy, { session: false, failWithError: true }),
    (request, response) => {
      response.json((request.user as AssertionClient).clientId);
    },
  );
  app.use(oauthErrorHandler());
  const server = await listen(app);
  t.after(() => server.close());
  const send = async (clientId: string) =>
    (await post(`${server.url}/token`, assertionForm(await signAssertion(clientId)))).json();
  const [slow, unknown, quick] = await Promise.all([send('slow'), send('unknown'), send('quick')]);
  assert.equal(slow, 'slow');
  assert.equal(quick, 'quick');
  assert.equal((unknown as { error: string }).error, 'invalid_client');
});

test("an error of the application's own callback is passed back to it and does not end the process", async (t) => {
  const rejections: unknown[] = [];
  const note = (error: unknown) => rejections.push(error);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  const passport = new Passport();
  passport.use(new PrivateKeyJwtStrategy({ issuer: ISSUER }, clientOf));
  const app = express();
  app.post('/token', express.urlencoded({ extended: false }), (request, response, next) => {
    passport.authenticate('private-key-jwt', { session: false }, (error: Error | null) => {
      if (error === null) throw new Error('from the callback');
      response.status(500).end(error.message);
    })(request, response, next);
  });
  const server = await listen(app);
  t.after(() => server.close());
  const response = await post(`${server.url}/token`, assertionForm(await signAssertion()));
  assert.equal(await response.text(), 'from the callback');
  assert.deepEqual(rejections, []);
});

type Callback = (error: Error | null, client: unknown) => unknown;

/** Callbacks that throw whatever they are given, at once or later. */
const THROWING: Readonly<Record<string, Callback>> = {
  throws: (error) => {
    throw error ?? new Error('from the callback');
  },
  rejects: async (error) => {
    throw error ?? new Error('from the callback');
  },
  'throws what is no error': () => {
    throw Object.create(null);
  },
};

for (const [does, callback] of Object.entries(THROWING)) {
  for (const [what, assertion] of [
    ['success', signAssertion],
    ['failure', async () => 'a.b.c'],
  ] as const) {
    test(`a callback that ${does} on every ${what} does not end the process: 500, and a warning`, async (t) => {
      const passport = new Passport();
      passport.use(new PrivateKeyJwtStrategy({ issuer: ISSUER }, clientOf));
      const app = express();
      app.post('/token', express.urlencoded({ extended: false }), (request, response, next) => {
        passport.authenticate('private-key-jwt', { session: false }, callback)(
          request,
          response,
          next,
        );
      });
      const server = await listen(app);
      t.after(() => server.close());
      const warned = once(process, 'warning');
      const response = await post(`${server.url}/token`, assertionForm(await assertion()));
      assert.equal(response.status, 500);
      assert.deepEqual(await response.json(), {
        error: 'server_error',
        error_description: 'The server could not answer the request.',
      });
      const [{ name, message }] = (await warned) as [Error];
      assert.equal(name, 'PrivateKeyJwtWarning');
      assert.match(
        message,
        /^The callback of passport.authenticate failed: .* It must pass errors to next, or/,
      );
    });
  }
}

test('a callback that throws after it has answered does not change the answer', async (t) => {
  const passport = new Passport();
  passport.use(new PrivateKeyJwtStrategy({ issuer: ISSUER }, clientOf));
  const app = express();
  app.post('/token', express.urlencoded({ extended: false }), (request, response, next) => {
    passport.authenticate('private-key-jwt', { session: false }, () => {
      if (!response.headersSent) response.end('answered');
      throw new Error('too late');
    })(request, response, next);
  });
  const server = await listen(app);
  t.after(() => server.close());
  const warned = once(process, 'warning');
  const response = await post(`${server.url}/token`, assertionForm(await signAssertion()));
  assert.equal(await response.text(), 'answered');
  await warned;
  // A second answer would be an unhandled rejection by now.
  await new Promise(setImmediate);
});

test('without Express there is no response to send: a callback that throws is a warning', async () => {
  const fails = () => {
    throw new Error('No v1.2. No answer.');
  };
  const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, clientOf);
  const instance = Object.assign(Object.create(strategy) as typeof strategy, {
    success: fails,
    fail: fails,
    error: fails,
  });
  const warned = once(process, 'warning');
  instance.authenticate({ method: 'GET', headers: {} } as never);
  const [{ message }] = (await warned) as [Error];
  assert.equal(
    message,
    'The callback of passport.authenticate failed: Error: No v1.2. No answer. It must pass errors to next, or send a response.',
  );
  await new Promise(setImmediate);
});

const WRONG_OPTIONS: readonly (readonly [string, object, RegExp])[] = [
  ['no issuer', {}, /^issuer must be an absolute URL/],
  ['an issuer that is no URL', { issuer: 'as.example' }, /^issuer must be an absolute URL/],
  [
    'a tokenEndpoint that is a path',
    { issuer: ISSUER, tokenEndpoint: '/token' },
    /^tokenEndpoint must be an absolute URL/,
  ],
  [
    'an endpoint that is a path',
    { issuer: ISSUER, endpoint: '/par' },
    /^endpoint must be an absolute URL/,
  ],
  ['an unknown audience', { issuer: ISSUER, audience: TOKEN_ENDPOINT }, /additionalAudiences/],
  [
    'additionalAudiences that are a string',
    { issuer: ISSUER, additionalAudiences: ISSUER },
    /^additionalAudiences must be an array/,
  ],
  [
    'an empty additional audience',
    { issuer: ISSUER, additionalAudiences: [''] },
    /^additionalAudiences must be an array of non-empty strings/,
  ],
  [
    'an empty additional audience beside another',
    { issuer: ISSUER, additionalAudiences: ['https://old.example', ''] },
    /^additionalAudiences must be an array of non-empty strings/,
  ],
  [
    'an additional audience that is a URL object',
    { issuer: ISSUER, additionalAudiences: [new URL('https://old.example')] },
    /^additionalAudiences must be an array of non-empty strings/,
  ],
  [
    'additionalAudiences in a stricter mode',
    { issuer: ISSUER, audience: 'issuer', additionalAudiences: [ISSUER] },
    /^additionalAudiences has an effect only with audience 'compatible'/,
  ],
  [
    'alg none',
    { issuer: ISSUER, algorithms: ['none'] },
    /^algorithms has "none": choose from RS256, RS384, /,
  ],
  ['alg rs256', { issuer: ISSUER, algorithms: ['rs256'] }, /^algorithms has "rs256"/],
  ['no algorithms', { issuer: ISSUER, algorithms: [] }, /^algorithms must be a non-empty array/],
  ['one algorithm as a string', { issuer: ISSUER, algorithms: 'RS256' }, /^algorithms must be/],
  ['a negative tolerance', { issuer: ISSUER, clockTolerance: -1 }, /^clockTolerance must be/],
  ['a tolerance as a string', { issuer: ISSUER, clockTolerance: '60' }, /^clockTolerance must be/],
  ['no lifetime', { issuer: ISSUER, maxLifetime: 0 }, /^maxLifetime must be .* at least 1/],
  ['a boundless lifetime', { issuer: ISSUER, maxLifetime: Infinity }, /^maxLifetime must be/],
  ['no length', { issuer: ISSUER, maxAssertionLength: Number.NaN }, /^maxAssertionLength must be/],
  ['no time for lookup and store', { issuer: ISSUER, timeout: 0 }, /^timeout must be/],
  ['a store that is a Set', { issuer: ISSUER, replay: new Set() }, /^replay must be a ReplayStore/],
  ['no store', { issuer: ISSUER, replay: null }, /^replay must be a ReplayStore/],
  ['a flag as a string', { issuer: ISSUER, detailedErrors: 'no' }, /^detailedErrors must be true/],
  [
    'a flag as a number',
    { issuer: ISSUER, certificateValidity: 0 },
    /^certificateValidity must be/,
  ],
  ['a flag that is null', { issuer: ISSUER, ignoreTrailingSlash: null }, /^ignoreTrailingSlash/],
  [
    'a grant type flag as a URN',
    { issuer: ISSUER, acceptGrantTypeAsAssertionType: 'urn:x' },
    /^acceptGrantTypeAsAssertionType must be true or false/,
  ],
  ['a clock', { issuer: ISSUER, clock: Date.now }, /has no option clock: the time is Date.now/],
  ['a status of 403', { issuer: ISSUER, invalidClientStatus: 403 }, /^invalidClientStatus must be/],
  ['a listener that is none', { issuer: ISSUER, onAuthentication: {} }, /^onAuthentication must/],
];

for (const [name, options, message] of WRONG_OPTIONS) {
  test(`${name} is refused when the strategy is made`, () => {
    assert.throws(() => new PrivateKeyJwtStrategy(options as { issuer: string }, clientOf), {
      name: 'TypeError',
      message,
    });
  });
}

test('a missing lookup is refused when the strategy is made', () => {
  const findClient = undefined as unknown as typeof clientOf;
  assert.throws(() => new PrivateKeyJwtStrategy({ issuer: ISSUER }, findClient), {
    name: 'TypeError',
    message: /^findClient must be a function/,
  });
});
