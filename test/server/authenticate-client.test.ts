import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import express from 'express';
import express4 from 'express4';
import { Passport } from 'passport';
import { BasicStrategy } from 'passport-http';
import {
  type AssertionClient,
  AUTHENTICATION_CHANNEL,
  type AuthenticationEvent,
  authenticateClient,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
  type Reason,
} from '../../lib/index.js';
import { assertionForm, ISSUER, signAssertion } from '../support/assertion.js';
import { CLIENT } from '../support/attacks.js';
import { listen } from '../support/listen.js';
import { oauthAnswer } from '../support/oauth-answer.js';
import { waitUntil } from '../support/wait-until.js';

interface Setup {
  readonly factory?: typeof express;
  readonly options?: Parameters<typeof authenticateClient>[1];
  readonly strategy?: Partial<PrivateKeyJwtStrategyOptions>;
  readonly parse?: boolean;
}

/** A middleware that accepts the client of a secret by HTTP Basic. */
function basicStrategy(clientOf: (secret: string) => unknown): express.RequestHandler {
  const passport = new Passport();
  passport.use(new BasicStrategy((_id, secret, done) => done(null, clientOf(secret))));
  return passport.authenticate('basic', { session: false, failWithError: true });
}

/** An app with one middleware and no error handler of its own but for what is not about callers. */
async function start(
  t: TestContext,
  { factory = express, options, strategy = {}, parse }: Setup = {},
) {
  const privateKeyJwt = new PrivateKeyJwtStrategy({ issuer: ISSUER, ...strategy }, () => CLIENT);
  const app = factory();
  if (parse !== false) app.use(factory.urlencoded({ extended: false }));
  app.post('/token', authenticateClient(privateKeyJwt, options), (request, response) => {
    const { user, authInfo } = request;
    response.json({ user, authInfo });
  });
  app.use(((error: Error, _request, response, _next) => {
    response.status(500).json({ name: error.name });
  }) satisfies express.ErrorRequestHandler);
  const server = await listen(app);
  t.after(() => server.close());
  return (form: URLSearchParams, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/token`, { method: 'POST', headers, body: form });
}

for (const [name, factory] of Object.entries({ 'Express 5': express, 'Express 4': express4 })) {
  test(`${name}: one middleware authenticates, and answers for itself (RFC 6749 §5.2)`, async (t) => {
    const post = await start(t, { factory });
    const form = assertionForm(await signAssertion());
    const accepted = await post(form);
    assert.equal(accepted.status, 200);
    const { user, authInfo } = (await accepted.json()) as Record<string, { clientId: string }>;
    assert.equal(user?.clientId, 'client');
    assert.equal(authInfo?.clientId, 'client');

    const replayed = await oauthAnswer(await post(form));
    assert.equal(replayed.status, 401);
    assert.equal(replayed.error, 'invalid_client');
    assert.equal((await oauthAnswer(await post(new URLSearchParams()))).status, 401);
  });
}

test('endpoint overrides the endpoint of the strategy', async (t) => {
  const post = await start(t, { options: { endpoint: 'https://as.example/other' } });
  const claims = { aud: 'https://as.example/other' };
  const response = await post(assertionForm(await signAssertion('client', { claims })));
  assert.equal(response.status, 200);
});

test('promises are awaited even if a library has replaced the global Promise', async (t) => {
  const OwnPromise = globalThis.Promise;
  t.after(() => {
    globalThis.Promise = OwnPromise;
  });
  // The promises of async functions are no instances of it.
  globalThis.Promise = class<T> extends OwnPromise<T> {};
  const used = new Set<string>();
  const replay = {
    insert: async ({ key }: { readonly key: string }) => !used.has(key) && used.add(key) === used,
  };
  const strategy = { issuer: async () => ISSUER, endpoint: async () => `${ISSUER}/token`, replay };
  const post = await start(t, { strategy });
  const form = assertionForm(await signAssertion());
  assert.equal((await post(form)).status, 200);
  assert.equal((await post(form)).status, 401);
});

test('errors of the server go on to its own handler', async (t) => {
  const issuer = () => {
    throw new RangeError('no tenant');
  };
  const post = await start(t, { strategy: { issuer } });
  const response = await post(assertionForm(await signAssertion()));
  assert.deepEqual([response.status, await response.json()], [500, { name: 'RangeError' }]);
});

test('without a body parser the error says what to mount', async (t) => {
  const post = await start(t, { parse: false });
  const response = await post(assertionForm(await signAssertion()));
  assert.deepEqual(await response.json(), { name: 'ConfigurationError' });
});

test('for a client that must use assertions, a correct client_secret gets the same answer as a wrong one', async (t) => {
  const privateKeyJwt = new PrivateKeyJwtStrategy({ issuer: ISSUER }, () => CLIENT);
  const otherwise = basicStrategy((secret) => (secret === 'right' ? CLIENT : false));
  const app = express();
  const authenticate = authenticateClient(privateKeyJwt, { otherwise });
  app.post('/token', express.urlencoded({ extended: false }), authenticate);
  const server = await listen(app);
  t.after(() => server.close());
  const answers = [];
  for (const secret of ['right', 'wrong']) {
    const authorization = `Basic ${Buffer.from(`client:${secret}`).toString('base64')}`;
    const init = { method: 'POST', headers: { authorization }, body: new URLSearchParams() };
    const response = await fetch(`${server.url}/token`, init);
    const headers = [...response.headers].filter(([name]) => name !== 'date');
    answers.push({ status: response.status, headers, body: await response.text() });
  }
  assert.deepEqual(answers[0], answers[1]);
  assert.equal(answers[0]?.status, 401);
});

test('refusals of authenticateClient itself are events too, by callback and channel', async (t) => {
  const called: AuthenticationEvent[] = [];
  const published: unknown[] = [];
  const publish = (event: unknown) => published.push(event);
  subscribe(AUTHENTICATION_CHANNEL, publish);
  t.after(() => unsubscribe(AUTHENTICATION_CHANNEL, publish));
  const onAuthentication = (event: AuthenticationEvent) => called.push(event);
  const post = await start(t, { strategy: { onAuthentication } });
  const form = assertionForm(await signAssertion(), { client_secret: 'x' });
  assert.equal((await oauthAnswer(await post(form))).status, 400);
  assert.deepEqual(
    called.map(({ outcome, reason, actual }) => [outcome, reason, actual]),
    [['failure', 'multiple_authentication_methods', ['client_assertion', 'client_secret']]],
  );
  assert.deepEqual(published, called);
});

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const basic = (secret: string) => `Basic ${Buffer.from(`client:${secret}`).toString('base64')}`;

/** Requests without an assertion, and what the operator learns of each. */
const WITHOUT_ASSERTION: Readonly<
  Record<string, { body?: string; headers: Record<string, string>; actual: readonly string[] }>
> = {
  'nothing at all': { headers: {}, actual: ['content-type=none'] },
  'an assertion in JSON': {
    headers: { 'content-type': 'application/json' },
    body: '{"client_assertion":"x"}',
    actual: ['content-type=application/json', 'client_assertion'],
  },
  'a form with a client_id alone': {
    headers: FORM,
    body: 'client_id=client',
    actual: ['content-type=application/x-www-form-urlencoded'],
  },
  'a wrong client_secret': {
    headers: FORM,
    body: 'client_id=client&client_secret=wrong',
    actual: ['content-type=application/x-www-form-urlencoded', 'client_secret'],
  },
  'a client_secret in place of the client_id': {
    headers: FORM,
    body: 'client_id=wrong&client_secret=client',
    actual: ['content-type=application/x-www-form-urlencoded', 'client_secret'],
  },
  'a wrong client_secret in the Authorization header': {
    headers: { authorization: basic('wrong') },
    actual: ['content-type=none', 'Authorization'],
  },
};

for (const [name, { body, headers, actual }] of Object.entries(WITHOUT_ASSERTION)) {
  test(`a request with ${name}, which no strategy accepts, is an event too`, async (t) => {
    const events: AuthenticationEvent[] = [];
    const onAuthentication = (one: AuthenticationEvent) => events.push(one);
    const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER, onAuthentication }, () => CLIENT);
    const app = express();
    const authenticate = authenticateClient(strategy, { otherwise: basicStrategy(() => false) });
    app.post('/token', express.urlencoded({ extended: false }), express.json(), authenticate);
    const server = await listen(app);
    t.after(() => server.close());
    const init = { method: 'POST', headers, ...(body !== undefined && { body }) };
    const { status, error } = await oauthAnswer(await fetch(`${server.url}/token`, init));
    assert.deepEqual([status, error], [401, 'invalid_client']);
    assert.deepEqual(
      events.map(({ reason, expected, actual, clientId }) => [reason, expected, actual, clientId]),
      [['client_assertion_absent', 'client_assertion', actual, undefined]],
    );
    assert.equal(JSON.stringify(events).includes('wrong'), false);
  });
}

/** An endpoint where another strategy accepts everybody, as this user. */
async function startBasic(t: TestContext, user: unknown) {
  const events: AuthenticationEvent[] = [];
  const onAuthentication = (event: AuthenticationEvent) => events.push(event);
  const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER, onAuthentication }, () => CLIENT);
  const app = express();
  const authenticate = authenticateClient(strategy, { otherwise: basicStrategy(() => user) });
  app.post(
    '/token',
    express.urlencoded({ extended: false }),
    authenticate,
    (_request, response) => {
      response.json({});
    },
  );
  app.use(((error: Error, _request, response, _next) => {
    response.status(500).send(error.message);
  }) satisfies express.ErrorRequestHandler);
  const server = await listen(app);
  t.after(() => server.close());
  const post = (authorization: string) =>
    fetch(`${server.url}/token`, { method: 'POST', headers: { authorization } });
  return { events, post };
}

test('the event names a client that should have used an assertion', async (t) => {
  const { post, events } = await startBasic(t, CLIENT);
  assert.equal((await oauthAnswer(await post(basic('right')))).status, 401);
  assert.deepEqual(
    events.map(({ reason, clientId, actual }) => [reason, clientId, actual]),
    [['assertion_required', 'client', ['Authorization']]],
  );
});

/** What other strategies may give Passport, none of which says whether it has keys. */
const NOT_PINNED: readonly unknown[] = [
  { id: 'client' },
  { clientId: 'client' },
  { clientId: 'client', secrets: 'none' },
  { clientId: 42, secrets: [] },
  { secrets: [] },
  'client',
  true,
];

for (const user of NOT_PINNED) {
  test(`a user without clientId and secrets is not accepted as a client: ${JSON.stringify(user)}`, async (t) => {
    const { post, events } = await startBasic(t, user);
    const response = await post(basic('right'));
    assert.equal(response.status, 500);
    assert.match(
      await response.text(),
      /Return the client or set req\.user to it \(in Passport, pass it to done/,
    );
    assert.deepEqual(events, []);
  });
}

for (const members of [
  { secrets: [] },
  { tokenEndpointAuthMethod: 'client_secret_basic' },
  { secrets: CLIENT.secrets, clientSecretAllowed: true },
]) {
  test(`another strategy may accept a client with ${Object.keys(members)}, which is an event too`, async (t) => {
    const { post, events } = await startBasic(t, { clientId: 'other', ...members });
    assert.equal((await post(basic('right'))).status, 200);
    assert.deepEqual(
      events.map(({ outcome, clientId, method }) => [outcome, clientId, method]),
      [['success', 'other', 'client_secret_basic']],
    );
  });
}

/** What somebody may give instead of the strategy, and what the error calls it. */
const WRONG_STRATEGIES: readonly (readonly [unknown, string])[] = [
  ['private-key-jwt', 'the name "private-key-jwt"'],
  [new Passport(), 'a Passport instance'],
  [new BasicStrategy((_id, _secret, done) => done(null, false)), 'a strategy of another kind'],
  [undefined, 'something else'],
];

for (const [strategy, name] of WRONG_STRATEGIES) {
  test(`authenticateClient refuses ${name} instead of the strategy`, () => {
    assert.throws(() => authenticateClient(strategy as PrivateKeyJwtStrategy), {
      name: 'TypeError',
      message: `authenticateClient needs the PrivateKeyJwtStrategy itself, not ${name}. Pass other methods as { otherwise: passport.authenticate(…) }.`,
    });
  });
}

/** How a client that another method has proved may still be refused, and why. */
const HELD: readonly (readonly [string, Partial<AssertionClient>, Reason])[] = [
  ['is disabled', { secrets: [], disabled: true }, 'client_disabled'],
  ['is disabled by a 1 from a database', { secrets: [], disabled: 1 as never }, 'client_disabled'],
  ['has keys', { secrets: CLIENT.secrets }, 'assertion_required'],
  [
    'is registered for private_key_jwt',
    { secrets: [], tokenEndpointAuthMethod: 'private_key_jwt' },
    'assertion_required',
  ],
  [
    'is registered for none',
    { secrets: [], tokenEndpointAuthMethod: 'none' },
    'client_method_mismatch',
  ],
];

for (const [name, members, reason] of HELD) {
  test(`a client that ${name} is refused after otherwise has accepted it`, async (t) => {
    const { post, events } = await startBasic(t, { clientId: 'other', ...members });
    const { status, error } = await oauthAnswer(await post(basic('right')));
    assert.deepEqual([status, error], [401, 'invalid_client']);
    assert.deepEqual(
      events.map((event) => [event.reason, event.issuer, event.endpoint]),
      [[reason, ISSUER, `${ISSUER}/token`]],
    );
  });
}

test('a user who was logged in before does not count as the client', async (t) => {
  const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, () => CLIENT);
  const app = express();
  app.use((request, _response, next) => {
    request.user = { clientId: 'other', secrets: [] };
    next();
  });
  const otherwise: express.RequestHandler = (_request, _response, next) => next();
  app.post('/token', authenticateClient(strategy, { otherwise }), (_request, response) => {
    response.json({});
  });
  app.use(((error: Error, _request, response, _next) => {
    response.status(500).json({ name: error.name });
  }) satisfies express.ErrorRequestHandler);
  const server = await listen(app);
  t.after(() => server.close());
  const response = await fetch(`${server.url}/token`, { method: 'POST' });
  assert.deepEqual([response.status, await response.json()], [500, { name: 'ConfigurationError' }]);
});

/** How a middleware may end, and the status that follows. */
const ENDS: readonly (readonly [string, express.RequestHandler, number])[] = [
  [
    'throws',
    () => {
      throw new RangeError('broken');
    },
    500,
  ],
  ['rejects', async () => Promise.reject(new RangeError('broken')), 500],
  ['answers by itself', (_request, response) => void response.status(418).end(), 418],
  [
    'calls next(null)',
    (request, _response, next) => {
      request.user = { clientId: 'other', secrets: [] };
      next(null);
    },
    200,
  ],
];

for (const [name, otherwise, status] of ENDS) {
  test(`otherwise ${name}: the request ends with ${status}, once`, async (t) => {
    const events: AuthenticationEvent[] = [];
    const onAuthentication = (event: AuthenticationEvent) => events.push(event);
    const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER, onAuthentication }, () => CLIENT);
    const app = express();
    let reached = 0;
    app.post('/token', authenticateClient(strategy, { otherwise }), (_request, response) => {
      reached += 1;
      response.end();
    });
    app.use(((_error, _request, response, _next) => {
      response.status(500).end();
    }) satisfies express.ErrorRequestHandler);
    const server = await listen(app);
    t.after(() => server.close());
    const response = await fetch(`${server.url}/token`, { method: 'POST' });
    assert.equal(response.status, status);
    if (status !== 418) return;
    await waitUntil(async () => events.length > 0);
    assert.deepEqual(
      events.map(({ reason }) => reason),
      ['client_assertion_absent'],
    );
    await new Promise(setImmediate);
    assert.equal(reached, 0);
  });
}

test('without otherwise, a request without an assertion is refused (RFC 6749 §5.2)', async (t) => {
  const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, () => CLIENT);
  const app = express();
  app.post('/token', authenticateClient(strategy), (_request, response) => {
    response.end();
  });
  const server = await listen(app);
  t.after(() => server.close());
  const { status, error } = await oauthAnswer(
    await fetch(`${server.url}/token`, { method: 'POST' }),
  );
  assert.deepEqual([status, error], [401, 'invalid_client']);
});

test('one app.use serves several endpoints, each with its own URL as audience', async (t) => {
  const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, () => CLIENT);
  const app = express();
  const paths = ['/token', '/par', '/introspect', '/revoke'];
  app.use(paths, express.urlencoded({ extended: false }), authenticateClient(strategy));
  app.use((_request, response) => {
    response.json({});
  });
  const server = await listen(app);
  t.after(() => server.close());
  const statusOf = async (path: string, aud: string) => {
    const body = assertionForm(await signAssertion('client', { claims: { aud } }));
    return (await fetch(server.url + path, { method: 'POST', body })).status;
  };
  for (const path of paths) assert.equal(await statusOf(path, ISSUER + path), 200, path);
  assert.equal(await statusOf('/par', `${ISSUER}/revoke`), 401);
});

test('handlers next to authenticateClient can read the body: their type stays the same', async (t) => {
  const privateKeyJwt = new PrivateKeyJwtStrategy({ issuer: ISSUER }, () => CLIENT);
  const app = express();
  app.post(
    '/token',
    express.urlencoded({ extended: false }),
    authenticateClient(privateKeyJwt),
    (request, response) => {
      response.json({ grant: request.body.grant_type });
    },
  );
  const server = await listen(app);
  t.after(() => server.close());
  const body = assertionForm(await signAssertion(), { grant_type: 'client_credentials' });
  const response = await fetch(`${server.url}/token`, { method: 'POST', body });
  assert.deepEqual(await response.json(), { grant: 'client_credentials' });
});

for (const [name, factory] of Object.entries({ 'Express 5': express, 'Express 4': express4 })) {
  test(`${name}: res.locals.client is the client, typed by the chain without a cast`, async (t) => {
    interface Tenant extends AssertionClient {
      readonly tenant: string;
    }
    const tenant: Tenant = { ...CLIENT, tenant: 'acme' };
    const other: Tenant = { clientId: 'other', secrets: [], tenant: 'plain' };
    const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, (): Tenant => tenant);
    const otherwise = basicStrategy(() => other);
    const app = factory();
    app.post(
      '/token',
      factory.urlencoded({ extended: false }),
      authenticateClient(strategy, { otherwise }),
      (request, response) => {
        const { client } = response.locals;
        const typed: string = client.tenant;
        // @ts-expect-error: the client of this strategy has no such member
        response.json([typed, client.missing ?? request.body.grant_type]);
      },
    );
    const server = await listen(app);
    t.after(() => server.close());
    const form = assertionForm(await signAssertion(), { grant_type: 'a grant' });
    const post = async (body: URLSearchParams, headers = {}) =>
      (await fetch(`${server.url}/token`, { method: 'POST', body, headers })).json();
    assert.deepEqual(await post(form), ['acme', 'a grant']);
    const grant = new URLSearchParams({ grant_type: 'another' });
    assert.deepEqual(await post(grant, { authorization: basic('right') }), ['plain', 'another']);
  });
}

test('a listener that throws does not disturb the request', async (t) => {
  const onAuthentication = () => {
    throw new Error('full');
  };
  const post = await start(t, { strategy: { onAuthentication } });
  const form = assertionForm(await signAssertion(), { client_secret: 'x' });
  assert.equal((await oauthAnswer(await post(form))).error, 'invalid_request');
});

for (const [option, advice] of [
  ['onAuthentication', 'give it to the strategy'],
  ['session', 'give it to the passport.authenticate in otherwise'],
  ['failWithError', 'give it to the passport.authenticate in otherwise'],
] as const) {
  test(`authenticateClient has no option ${option}, and says where it goes`, () => {
    const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, () => CLIENT);
    assert.throws(() => authenticateClient(strategy, { [option]: false } as object), {
      name: 'TypeError',
      message: `authenticateClient has no option ${option}: ${advice}`,
    });
  });
}

test('the error for a name instead of the strategy shortens a long name', () => {
  assert.throws(() => authenticateClient('x'.repeat(50) as never), {
    message: new RegExp(`not the name "${'x'.repeat(40)}"\\.`),
  });
});

test('the lookup of the strategy always gets the request, so there is no option for it', () => {
  const options = { issuer: ISSUER, passReqToCallback: true };
  assert.throws(() => new PrivateKeyJwtStrategy(options, () => CLIENT), {
    message:
      'PrivateKeyJwtStrategy has no option passReqToCallback: the lookup always gets the request, as its second argument',
  });
});

for (const [what, locals, expected] of [
  ['Express', {}, 'client'],
  ['Connect', undefined, undefined],
  ['a server whose locals are null', null, undefined],
  ['a server whose locals are a text', 'x', undefined],
] as const) {
  test(`under ${what}, the client in res.locals is ${expected ?? 'not set'}`, async (t) => {
    const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, () => CLIENT);
    const middleware = authenticateClient(strategy);
    const body = assertionForm(await signAssertion());
    const server = await listen((request, response) => {
      Object.assign(request, { body: Object.fromEntries(body) });
      Object.assign(response, { locals });
      middleware(request, response as never, (error) => {
        const { locals: set } = response as { locals?: { client?: AssertionClient } | null };
        response.end(String(error ?? set?.client?.clientId));
      });
    });
    t.after(() => server.close());
    const response = await fetch(server.url, { method: 'POST', body });
    assert.equal(await response.text(), String(expected));
  });
}

for (const [algorithms, methods] of [
  [['ES256', 'PS256'], ['private_key_jwt']],
  [['HS256', 'HS512'], ['client_secret_jwt']],
  [
    ['ES256', 'HS256'],
    ['private_key_jwt', 'client_secret_jwt'],
  ],
] as const) {
  test(`the metadata of a server that accepts ${algorithms} is ${methods} (RFC 8414 §2)`, () => {
    const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER, algorithms }, () => CLIENT);
    assert.deepEqual(strategy.metadata(), {
      token_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: algorithms,
    });
  });
}

/** Something that the application does not let be set. */
const getter = (holder: object, name: string): object =>
  Object.defineProperty(holder, name, { get: () => undefined });

for (const [what, spoil] of [
  ['req.user', (request: object) => getter(request, 'user')],
  ['req.authInfo', (request: object) => getter(request, 'authInfo')],
  [
    'res.locals.client',
    (_request: object, response: object) =>
      Object.assign(response, { locals: getter({}, 'client') }),
  ],
] as const) {
  for (const [kind, send, otherwise] of [
    ['an accepted assertion', async () => assertionForm(await signAssertion()), undefined],
    ['a refused assertion', async () => assertionForm('a.b.c'), undefined],
    ['a client of otherwise', async () => new URLSearchParams(), { clientId: 'o', secrets: [] }],
    ['no credentials', async () => new URLSearchParams(), undefined],
  ] as const) {
    test(`if the application does not let ${what} be set, ${kind} ends with an error for it`, async (t) => {
      const strategy = new PrivateKeyJwtStrategy({ issuer: ISSUER }, () => CLIENT);
      const middleware = authenticateClient(strategy, {
        otherwise: (request: express.Request, _response, next) => {
          request.user = otherwise;
          next();
        },
      });
      const body = await send();
      const server = await listen((request, response) => {
        Object.assign(request, { body: Object.fromEntries(body) });
        spoil(request, response);
        middleware(request, response as never, (error) => {
          const { user, authInfo } = request as { user?: unknown; authInfo?: unknown };
          response.end(`${error} ${user} ${authInfo}`);
        });
      });
      t.after(() => server.close());
      const response = await fetch(server.url, { method: 'POST', body });
      const name = what.split('.').at(-1);
      assert.match(
        await response.text(),
        new RegExp(`^TypeError: Cannot set property ${name} .*only a getter undefined undefined$`),
      );
    });
  }
}
