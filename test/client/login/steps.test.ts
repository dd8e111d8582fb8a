import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { UnsecuredJWT } from 'jose';
import {
  Configuration,
  customFetch,
  getDPoPHandle,
  None,
  randomDPoPKeyPair,
  useCodeIdTokenResponseType,
  useJwtResponseMode,
} from 'openid-client';
import {
  AssertionService,
  type ClientEvent,
  clientAssertion,
  type LoginRequest,
  type OpenIdConnectEvents,
  OpenIdConnectStrategy,
  type OpenIdConnectStrategyOptions,
  type Verify,
} from '../../../lib/client/index.js';
import { keyPair } from '../../support/keys.js';

// The steps of a login, without a browser and without Passport. The provider is a function.

const ISSUER = 'https://as.example';
const CALLBACK = 'https://client.example/cb';
const CLIENT = { clientId: 'client', issuer: ISSUER };

type Answer = (form: URLSearchParams, url: string) => Response;

interface Setup {
  readonly options?: Partial<OpenIdConnectStrategyOptions>;
  readonly answer?: Answer;
  readonly verify?: Verify;
  readonly clientAuth?: ReturnType<typeof clientAssertion>;
  readonly Class?: typeof OpenIdConnectStrategy;
  readonly setUp?: (config: Configuration) => void;
  readonly clientId?: string;
  readonly metadata?: object;
}

/** What the strategy tells Passport. */
interface Outcome {
  readonly redirect?: URL;
  readonly success?: readonly unknown[];
  readonly fail?: readonly unknown[];
  readonly error?: unknown;
}

type Asked = LoginRequest & { session: Record<string, unknown> };

const USER = { sub: 'alice' };
const SCOPE = { scope: 'api', idTokenExpected: false };
const TOKENS = { access_token: 'at', token_type: 'bearer', refresh_token: 'rt' };

function newRequest(path: string, members: object = {}): Asked {
  const session = { regenerate: (done: () => void) => done() };
  const host = { protocol: 'https', host: 'client.example' };
  return { method: 'GET', url: path, headers: {}, session, ...host, ...members } as never;
}

function party({
  options = {},
  answer = () => Response.json(TOKENS),
  verify = (_tokens, verified) => verified(null, USER, { from: 'verify' }),
  clientAuth = None(),
  Class = OpenIdConnectStrategy,
  setUp = () => undefined,
  clientId = 'client',
  metadata = {},
}: Setup = {}) {
  const server = {
    issuer: ISSUER,
    authorization_endpoint: `${ISSUER}/authorize`,
    token_endpoint: `${ISSUER}/token`,
    revocation_endpoint: `${ISSUER}/revoke`,
    pushed_authorization_request_endpoint: `${ISSUER}/par`,
    ...metadata,
  };
  const config = new Configuration(server, clientId, undefined, clientAuth);
  setUp(config);
  const sent: URLSearchParams[] = [];
  const proofs: (string | null)[] = [];
  config[customFetch] = async (url, { body, headers }) => {
    const form = body as URLSearchParams;
    sent.push(form);
    proofs.push(new Headers(headers).get('dpop'));
    return url.endsWith('/revoke') ? new Response(null) : answer(form, url);
  };
  const strategy = new Class({ config, callbackURL: CALLBACK, ...SCOPE, ...options }, verify);
  const authenticate = (request: Asked, more: object = {}, passport: object = {}) =>
    new Promise<Outcome>((resolve) => {
      const told = {
        redirect: (url: string) => resolve({ redirect: new URL(url) }),
        success: (...all: unknown[]) => resolve({ success: all }),
        fail: (...all: unknown[]) => resolve({ fail: all }),
        error: (error: unknown) => resolve({ error }),
      };
      Object.assign(Object.create(strategy), told, passport).authenticate(request, more);
    });
  /** Begins a login and returns what is sent to the provider, and the session. */
  const begin = async (more: object = {}) => {
    const request = newRequest('/login');
    const { redirect, error } = await authenticate(request, more);
    if (redirect === undefined) throw error;
    const state = redirect.searchParams.get('state') ?? '';
    return { parameters: redirect.searchParams, session: request.session, state };
  };
  /** A whole login, whose response has these parameters. */
  const logIn = async (parameters: object = { code: 'abc' }, more: object = {}) => {
    const { session, state } = await begin();
    const query = new URLSearchParams({ state, ...parameters });
    const request = newRequest(`/cb?${query}`, { session });
    return { request, ...(await authenticate(request, more)) };
  };
  return { config, sent, proofs, authenticate, begin, logIn };
}

const messageOf = (all: readonly unknown[] = []): string =>
  (all[0] as { readonly message?: string } | undefined)?.message ?? assert.fail('it is no failure');

const errorOf = async (promise: Promise<Outcome>): Promise<Error & Record<string, unknown>> => {
  const { error } = await promise;
  assert.ok(error instanceof Error, `${error}`);
  return error as Error & Record<string, unknown>;
};

const changing = (parameters: Readonly<Record<string, string | undefined>>) => ({
  events: {
    redirectToIdentityProvider({ protocolMessage }: { protocolMessage: URLSearchParams }) {
      for (const [name, value] of Object.entries(parameters)) {
        if (value === undefined) protocolMessage.delete(name);
        else protocolMessage.set(name, value);
      }
    },
  } satisfies OpenIdConnectEvents,
});

const waitingIn = (session: Record<string, unknown>) =>
  session['openid-connect'] as Record<string, unknown>[];

test('the session keeps what the response is checked with, and the provider gets the rest', async () => {
  const { begin } = party();
  const { parameters, session } = await begin();
  const { state, code_challenge, ...rest } = Object.fromEntries(parameters);
  assert.deepEqual(rest, {
    client_id: 'client',
    response_type: 'code',
    scope: 'api',
    redirect_uri: CALLBACK,
    code_challenge_method: 'S256',
  });
  const [{ codeVerifier, owner, startedAt, ...kept } = {}] = waitingIn(session);
  assert.deepEqual(kept, { state, redirectUri: CALLBACK });
  const digest = createHash('sha256').update(String(codeVerifier)).digest('base64url');
  assert.equal(code_challenge, digest);
  assert.match(String(owner), /^[\w-]{43}$/);
  assert.ok(Date.now() - Number(startedAt) < 60_000);
});

test('the nonce and the max_age of a login are kept with it (OpenID Connect Core §3.1.3.7)', async () => {
  const options = { scope: 'openid', idTokenExpected: true, ...changing({ max_age: '60' }) };
  const { parameters, session } = await party({ options }).begin();
  const [{ nonce, maxAge } = {}] = waitingIn(session);
  assert.deepEqual([nonce, maxAge], [parameters.get('nonce'), 60]);
  assert.match(String(nonce), /^[\w-]{43}$/);
});

test('with an ID token in the response, the response is a form (Multiple Response Types §5)', async () => {
  const { parameters } = await party({ setUp: useCodeIdTokenResponseType }).begin();
  assert.equal(parameters.get('response_type'), 'code id_token');
  assert.equal(parameters.get('response_mode'), 'form_post');
});

test('a response mode of the configuration is used', async () => {
  const { parameters } = await party({ setUp: useJwtResponseMode }).begin();
  assert.equal(parameters.get('response_mode'), 'jwt');
});

test('the parameters of a subclass replace those of the configuration, and may be repeated', async () => {
  class Own extends OpenIdConnectStrategy {
    override authorizationRequestParams(request: LoginRequest, options: object) {
      const parameters = new URLSearchParams(super.authorizationRequestParams(request, options));
      parameters.set('response_type', 'code token');
      parameters.set('state', 'own state');
      return parameters;
    }
  }
  const resource = ['https://a.example', 'https://b.example'];
  const { begin } = party({ Class: Own, options: { resource } });
  const { parameters, session } = await begin();
  assert.deepEqual(parameters.getAll('response_type'), ['code token']);
  assert.deepEqual(parameters.getAll('resource'), resource);
  assert.deepEqual(parameters.getAll('state'), ['own state']);
  assert.equal(waitingIn(session)[0]?.['state'], 'own state');
});

test('the code is bound to the DPoP key (RFC 9449 §10)', async () => {
  const keys = await randomDPoPKeyPair('ES256');
  const { begin, config } = party({ options: { DPoP: () => getDPoPHandle(config, keys) } });
  const { parameters } = await begin();
  const expected = await getDPoPHandle(config, keys).calculateThumbprint();
  assert.equal(parameters.get('dpop_jkt'), expected);
});

for (const name of ['state', 'redirect_uri']) {
  for (const value of [undefined, '']) {
    test(`a request whose ${name} is ${JSON.stringify(value)} is not sent`, async () => {
      const { authenticate } = party({ options: changing({ [name]: value }) });
      const { code, message } = await errorOf(authenticate(newRequest('/login')));
      assert.equal(code, 'configuration_invalid');
      assert.equal(message, 'The authorization request has lost its state or redirect_uri.');
    });
  }
}

for (const [max_age, isNumber] of [
  ['0', true],
  ['999999999999999', true],
  ['1000000000000000', false],
  ['60s', false],
  [' 60', false],
  ['', false],
] as const) {
  test(`a max_age of ${JSON.stringify(max_age)} is ${isNumber ? '' : 'not '}one (OpenID Connect Core §3.1.2.1)`, async () => {
    const { begin } = party({ options: changing({ max_age }) });
    if (isNumber) assert.equal(waitingIn((await begin()).session)[0]?.['maxAge'], Number(max_age));
    else await assert.rejects(begin(), { message: 'max_age must be a whole number of seconds.' });
  });
}

for (const [response_mode, isSeen] of [
  ['fragment', false],
  ['fragment.jwt', false],
  ['query', true],
  ['not.fragment', true],
] as const) {
  test(`a response in the mode ${response_mode} ${isSeen ? 'may reach' : 'never reaches'} a server`, async () => {
    const { begin } = party({ options: changing({ response_mode }) });
    if (isSeen) assert.ok(await begin());
    else
      await assert.rejects(begin(), {
        code: 'configuration_invalid',
        message: /^No server sees the/,
      });
  });
}

test('without the scope openid an ID token is an error before the user leaves', async () => {
  const options = { scope: 'openid', idTokenExpected: true, ...changing({ scope: 'api' }) };
  await assert.rejects(party({ options }).begin(), {
    code: 'configuration_invalid',
    message: /^The authorization request has no scope openid, so no ID token would say who/,
  });
});

test('a pushed request is what the user would have brought (RFC 9126 §2.1)', async () => {
  const answer = () =>
    Response.json({ request_uri: 'urn:example:1', expires_in: 60 }, { status: 201 });
  const { begin, sent } = party({ options: { usePAR: true }, answer });
  const { parameters } = await begin();
  assert.deepEqual(Object.fromEntries(parameters), {
    client_id: 'client',
    request_uri: 'urn:example:1',
  });
  assert.equal(sent[0]?.get('redirect_uri'), CALLBACK);
});

test('a login that cannot be kept in the session is not begun', async (t) => {
  const types = eventsOf(t);
  const { authenticate } = party();
  const failure = new Error('the session store is down');
  const save = (done: (error: Error) => void) => done(failure);
  const session = { regenerate: () => undefined, save };
  assert.equal(await errorOf(authenticate(newRequest('/login', { session }))), failure);
  assert.deepEqual(types, []);
});

function eventsOf(t: TestContext): ClientEvent[] {
  const events: ClientEvent[] = [];
  const note = (event: unknown) => events.push(event as ClientEvent);
  subscribe('passport-private-key-jwt:client', note);
  t.after(() => unsubscribe('passport-private-key-jwt:client', note));
  return events;
}

test('the code is redeemed with the verifier and the redirect URI of the login (RFC 6749 §4.1.3)', async (t) => {
  const events = eventsOf(t);
  const callbackURL = `${CALLBACK}?tenant=one`;
  const { logIn, sent } = party({ options: { callbackURL } });
  const { success, request } = await logIn();
  assert.deepEqual(success, [USER, { from: 'verify' }]);
  const { code_verifier, ...form } = Object.fromEntries(sent[0] ?? []);
  assert.deepEqual(form, {
    client_id: 'client',
    code: 'abc',
    grant_type: 'authorization_code',
    redirect_uri: callbackURL,
  });
  assert.match(String(code_verifier), /^[\w-]{43}$/);
  assert.equal(waitingIn(request.session), undefined);
  assert.deepEqual(events, [
    { type: 'login_begun', ...CLIENT },
    { type: 'login_ended', ...CLIENT, succeeded: true, message: undefined },
  ]);
});

test('a response may come as a form, whose repeated parameters are refused (OAuth Form Post)', async () => {
  const form = async (body: (state: string) => object | undefined) => {
    const { begin, authenticate, sent } = party();
    const { session, state } = await begin();
    const members = {
      method: 'POST',
      session,
      body: body(state),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    };
    return { sent, ...(await authenticate(newRequest('/cb?code=of-the-query', members))) };
  };
  const { success, sent } = await form((state) => ({ state, code: 'abc', n: 5 }));
  assert.ok(success);
  assert.equal(sent[0]?.get('code'), 'abc');
  const twice = await form((state) => ({ state, code: ['abc', 'def'] }));
  assert.ok(twice.error instanceof Error);
  assert.equal(twice.sent.length, 0);
  const { fail } = await form(() => ({ code: 'abc' }));
  assert.match(messageOf(fail), /^No login is waiting/);
});

const unsecured = (claims: Record<string, unknown>) => new UnsecuredJWT(claims).encode();

test('the state of a signed response is the one in it (JARM §2.3)', async () => {
  for (const [claims, isOurs] of [
    [(state: string) => unsecured({ state }), true],
    [() => unsecured({ state: 'another' }), false],
    [() => unsecured({ state: 5 }), false],
    [() => 'no jwt', false],
  ] as const) {
    const { begin, authenticate, sent } = party({ setUp: useJwtResponseMode });
    const { session, state } = await begin();
    const query = new URLSearchParams({ response: claims(state), state });
    const { fail, error } = await authenticate(newRequest(`/cb?${query}`, { session }));
    // The provider has not signed it, so it is of no use even with the right state.
    if (isOurs) assert.ok(error instanceof Error);
    else assert.match(messageOf(fail), /^No login is waiting for this response/);
    assert.equal(waitingIn(session)?.length, isOurs ? undefined : 1);
    assert.equal(sent.length, 0);
  }
});

for (const [parameters, said] of [
  [{ error: 'invalid_request' }, ' The response says invalid_request, which'],
  [
    { error: 'invalid_request', error_description: 'too long' },
    ' The response says invalid_request: too long, which',
  ],
  [{ code: 'abc', error_description: 'too long' }, undefined],
] as const) {
  test(`without a pending login, the message for ${JSON.stringify(parameters)} quotes the error of the response`, async (t) => {
    const events = eventsOf(t);
    const { authenticate } = party();
    const query = new URLSearchParams({ state: 'x', ...parameters });
    const { fail } = await authenticate(newRequest(`/cb?${query}`));
    const message = messageOf(fail);
    assert.match(message, /^No login is waiting/);
    if (said === undefined) assert.match(message, / behind a proxy\.$/);
    else assert.ok(message.includes(said), message);
    assert.deepEqual(events, [{ type: 'login_ended', ...CLIENT, succeeded: false, message }]);
  });
}

for (const [parameters, info] of [
  [
    { error: 'access_denied', error_description: 'The user said no' },
    { message: 'The user said no', error: 'access_denied' },
  ],
  [{ error: 'access_denied' }, { message: 'access_denied', error: 'access_denied' }],
] as const) {
  test(`a refusal of the user is a failure with ${JSON.stringify(info)} (RFC 6749 §4.1.2.1)`, async (t) => {
    const events = eventsOf(t);
    const { fail } = await party().logIn(parameters);
    assert.deepEqual(fail, [info]);
    const { type, succeeded, error } = events.at(-1) ?? {};
    assert.deepEqual([type, succeeded, error], ['login_ended', false, 'access_denied']);
  });
}

test('another error of the provider is an error', async () => {
  const { error } = await party().logIn({ error: 'login_required' });
  assert.equal((error as Error | undefined)?.name, 'LoginRequiredError');
  const { error: refused } = await party({
    answer: () => Response.json({ error: 'access_denied' }, { status: 503 }),
  }).logIn();
  assert.equal((refused as Error | undefined)?.name, 'ProviderError');
});

for (const [answer, info] of [
  [
    () => Response.json({ error: 'invalid_client' }, { status: 401 }),
    { message: 'invalid_client', error: 'invalid_client' },
  ],
  [
    () => Response.json({ error: 'invalid_client', error_description: 'No key' }, { status: 401 }),
    { message: 'No key', error: 'invalid_client' },
  ],
  [
    () => new Response('', { status: 502 }),
    {
      message: 'The provider cannot answer at the moment: status 502.',
      error: undefined,
    },
  ],
] as const) {
  test(`a failure that a handler asks for says ${info.message}`, async () => {
    const events: OpenIdConnectEvents = {
      remoteFailure(context) {
        assert.equal(context.outcome, 'error');
        context.outcome = 'fail';
      },
    };
    const { fail } = await party({ answer, options: { events } }).logIn();
    assert.deepEqual(fail, [info]);
  });
}

for (const [thrown, message] of [
  ['a text', 'The login failed.'],
  [new Error('the vault is away'), 'the vault is away'],
] as const) {
  test(`a failure after a handler has thrown says: ${message}`, async (t) => {
    const seen = eventsOf(t);
    const events: OpenIdConnectEvents = {
      tokenResponseReceived: () => Promise.reject(thrown),
      remoteFailure(context) {
        assert.equal(context.error, thrown);
        context.outcome = 'fail';
      },
    };
    const { fail } = await party({ options: { events } }).logIn();
    assert.deepEqual(fail, [{ message }]);
    assert.deepEqual(seen.at(-1), {
      type: 'login_ended',
      ...CLIENT,
      succeeded: false,
      message: thrown instanceof Error ? message : undefined,
    });
  });
}

test('a strategy with assertions sends none of the token requests that lack one', async () => {
  const key = keyPair('ES256').privateKey;
  const assertions = new AssertionService({ clientId: 'client', key });
  const { logIn, sent } = party({ options: { assertions } });
  const { error } = await logIn();
  assert.equal((error as Error | undefined)?.name, 'ConfigurationError');
  assert.match(
    (error as Error).message,
    /no client_assertion: pass clientAssertion\(assertions\).*set token_endpoint_auth_method/,
  );
  assert.equal(sent.length, 0);
  const signed = party({ options: { assertions }, clientAuth: clientAssertion(assertions) });
  assert.ok((await signed.logIn()).success);
});

for (const isAway of [false, true]) {
  test(`a logout in another tab ends the login, whose tokens are revoked${isAway ? ', if the provider answers' : ''}`, async () => {
    const seen: string[] = [];
    const gone = {
      get: (_id: string, done: (error: null, found: null) => void) => done(null, null),
    };
    const events: OpenIdConnectEvents = {
      tokenResponseReceived: () => void seen.push('tokens'),
      authorizationCodeReceived({ request }) {
        Object.assign(request, {
          sessionID: 'one',
          headers: { cookie: 'one' },
          sessionStore: gone,
        });
      },
    };
    const { logIn, sent, config } = party({
      options: { events },
      answer: () => {
        if (isAway) config[customFetch] = () => Promise.reject(new TypeError('fetch failed'));
        return Response.json(TOKENS);
      },
    });
    const { fail } = await logIn();
    assert.match(messageOf(fail), /^No login is waiting .* behind a proxy\.$/);
    assert.deepEqual(seen, []);
    if (isAway) return;
    assert.deepEqual(
      sent.slice(1).map((form) => [form.get('token'), form.get('token_type_hint')]),
      [
        ['rt', 'refresh_token'],
        ['at', 'access_token'],
      ],
    );
  });
}

test('a login needs a session, and one that can be renewed', async () => {
  const { authenticate } = party();
  const none = newRequest('/login', { session: undefined });
  assert.equal(
    (await errorOf(authenticate(none))).message,
    'A login needs a session: mount express-session before it.',
  );
  const fixed = () => newRequest('/cb?code=a&state=b', { session: {} });
  assert.match(
    (await errorOf(authenticate(fixed()))).message,
    /^Passport renews the session at login, but this session cannot be renewed/,
  );
  assert.ok((await authenticate(fixed(), { session: false })).fail);
});

for (const [session, isSaved] of [
  [false, true],
  [true, false],
  [undefined, false],
] as const) {
  test(`with session: ${session} the strategy ${isSaved ? 'saves the session itself' : 'leaves the saving to Passport'}`, async () => {
    const { begin, authenticate } = party();
    const { session: own, state } = await begin();
    const second = newRequest('/login', { session: own });
    await authenticate(second);
    let saved = 0;
    const kept = {
      ...own,
      save(done: () => void) {
        saved += 1;
        done();
      },
    };
    const request = newRequest(`/cb?code=a&state=${state}`, { session: kept });
    const { success } = await authenticate(request, { session });
    assert.ok(success);
    assert.equal(waitingIn(request.session), undefined, 'the other login is forgotten too');
    assert.equal(saved, isSaved ? 2 : 1);
  });
}

test('with session: false a session that cannot be saved is an error', async () => {
  const { begin, authenticate } = party();
  const { session, state } = await begin();
  const failure = new Error('the session store is down');
  let saved = 0;
  const save = (done: (error?: Error) => void) => {
    saved += 1;
    done(saved === 1 ? undefined : failure);
  };
  const members = { session: { ...session, save } };
  const request = newRequest(`/cb?code=a&state=${state}`, members);
  assert.equal(await errorOf(authenticate(request, { session: false })), failure);
});

for (const [what, verify, expected] of [
  [
    'refuses the user',
    (_tokens, verified) => verified(null, false, { message: 'unknown' }),
    { fail: [{ message: 'unknown' }] },
  ],
  ['finds no user', (_tokens, verified) => verified(), { fail: [undefined] }],
  [
    'reports an error and a user',
    (_tokens, verified) => verified('an error', USER),
    { error: 'an error' },
  ],
  [
    'returns nothing',
    async (_tokens, verified) => verified(null, USER),
    { success: [USER, undefined] },
  ],
  ['throws', () => Promise.reject('a text'), { error: 'a text' }],
] as readonly (readonly [string, Verify, Outcome])[]) {
  test(`a verify function that ${what} ends the login with ${JSON.stringify(expected)}`, async (t) => {
    const events = eventsOf(t);
    const { request: _request, ...outcome } = await party({ verify }).logIn();
    assert.deepEqual(outcome, expected);
    const ends = events.filter(({ type }) => type === 'login_ended');
    const { success, fail } = expected;
    assert.deepEqual(
      ends.map(({ succeeded }) => succeeded),
      success || fail ? [success !== undefined] : [],
    );
  });
}

test('the error for a verify function that returns the user says what to do', async () => {
  const verify = (async () => USER) as unknown as Verify;
  const { error } = await party({ verify }).logIn();
  assert.equal((error as Error | undefined)?.name, 'ConfigurationError');
  assert.match((error as Error).message, /call verified\(null, user\)/);
});

const PATHS: readonly (readonly [path: string, options: object, begins: boolean])[] = [
  ['/cb', {}, true],
  ['/cb?state=a', {}, false],
  ['/cb?error=a', {}, false],
  ['/elsewhere?state=a', {}, true],
  ['/elsewhere?code=a', {}, false],
  ['/cb2?state=a', { callbackURL: new URL('https://client.example/cb2') }, false],
  ['/cb?state=a', { callbackURL: 'https://client.example/cb2' }, true],
];

for (const [path, options, begins] of PATHS) {
  test(`${path} ${begins ? 'begins a login' : 'is a response'} with ${JSON.stringify(options)}`, async () => {
    for (const method of ['GET', 'HEAD']) {
      const { redirect, fail } = await party().authenticate(newRequest(path, { method }), options);
      assert.deepEqual([redirect !== undefined, fail !== undefined], [begins, !begins]);
    }
  });
}

test('a callback URL of a call that is no URL is an error, not a response', async () => {
  const { authenticate } = party();
  const { message } = await errorOf(
    authenticate(newRequest('/cb2?state=a'), { callbackURL: '/cb2' }),
  );
  assert.match(message, /^callbackURL must be an absolute URL/);
});

for (const originalUrl of [
  '/cb?state=a',
  '//evil.example/cb?state=a',
  '/\\evil.example/cb',
  '/cb//x?state=a',
]) {
  test(`with an invalid Host header ${originalUrl} is at the callback URL`, async () => {
    const seen: string[] = [];
    class Noting extends OpenIdConnectStrategy {
      override shouldInitiateAuthRequest(
        ...all: Parameters<OpenIdConnectStrategy['shouldInitiateAuthRequest']>
      ) {
        seen.push(all[1].href);
        return super.shouldInitiateAuthRequest(...all);
      }
    }
    const callbackURL = 'https://client.example/auth/cb';
    const { authenticate } = party({ Class: Noting, options: { callbackURL } });
    await authenticate(newRequest('/of-a-router', { host: 'a b', originalUrl }));
    const path = originalUrl.replace(/^[/\\]+/, '/');
    assert.deepEqual(seen, [`https://client.example${path}`]);
    await authenticate(newRequest('/cb?code=a', { host: 'a b' }));
    assert.equal(seen[1], 'https://client.example/cb?code=a');
  });
}

test('a path that no URL has is the error of the framework', async () => {
  const { authenticate } = party();
  const { code, input } = await errorOf(authenticate(newRequest('http://[', { host: 'a b' })));
  assert.deepEqual([code, input], ['ERR_INVALID_URL', 'https://a bhttp://[']);
});

for (const name of ['scope', 'resource']) {
  test(`a ${name} of one call must be text or texts`, async () => {
    const { authenticate } = party();
    const { message } = await errorOf(authenticate(newRequest('/login'), { [name]: 5 }));
    assert.equal(message, `${name} must be an array of non-empty strings`);
  });
}

test('a handler sees all parameters before they are sent', async () => {
  const seen: [string, string][] = [];
  const events: OpenIdConnectEvents = {
    redirectToIdentityProvider({ protocolMessage }) {
      seen.push(...protocolMessage);
    },
  };
  await party({ options: { events }, setUp: useJwtResponseMode }).begin();
  assert.deepEqual(seen.slice(0, 3), [
    ['client_id', 'client'],
    ['response_type', 'code'],
    ['response_mode', 'jwt'],
  ]);
});

test('a handler sees the request and the tokens of a login', async () => {
  const seen: unknown[] = [];
  const events: OpenIdConnectEvents = {
    tokenResponseReceived({ request, tokens }) {
      seen.push(request.url, tokens.access_token);
    },
  };
  const { request } = await party({ options: { events } }).logIn();
  assert.deepEqual(seen, [request.url, 'at']);
});

test('a pushed request and the redemption of a code prove that the client has its key (RFC 9449 §5, §10.1)', async () => {
  const keys = await randomDPoPKeyPair('ES256');
  const answer: Answer = (_form, url) =>
    url.endsWith('/par')
      ? Response.json({ request_uri: 'urn:example:1', expires_in: 60 }, { status: 201 })
      : Response.json({ ...TOKENS, token_type: 'DPoP' });
  const { begin, authenticate, proofs, config } = party({
    answer,
    options: { usePAR: true, DPoP: () => getDPoPHandle(config, keys) },
  });
  const { session } = await begin();
  const state = String(waitingIn(session)[0]?.['state']);
  const { success } = await authenticate(newRequest(`/cb?code=a&state=${state}`, { session }));
  assert.ok(success);
  assert.deepEqual(
    proofs.map((proof) => proof?.split('.').length),
    [3, 3],
  );
  const without = party({ answer, options: { usePAR: true } });
  await without.begin();
  assert.deepEqual(without.proofs, [null]);
});

for (const [usePAR, required, isPushed] of [
  [undefined, true, true],
  [undefined, false, false],
  [undefined, undefined, false],
  [false, true, false],
  [true, undefined, true],
] as const) {
  test(`with usePAR ${usePAR} and require_pushed_authorization_requests ${required} a request is ${isPushed ? '' : 'not '}pushed (RFC 9126 §5)`, async () => {
    const { begin, sent } = party({
      options: { usePAR },
      metadata: { require_pushed_authorization_requests: required },
      answer: () =>
        Response.json({ request_uri: 'urn:example:1', expires_in: 60 }, { status: 201 }),
    });
    const { parameters } = await begin();
    assert.deepEqual(
      [sent.length, parameters.has('request_uri')],
      isPushed ? [1, true] : [0, false],
    );
  });
}

for (const [what, setup] of [
  ['the same', {}],
  ['another callback URL', { options: { callbackURL: `${CALLBACK}2` } }],
  ['another client', { clientId: 'another' }],
  ['another issuer', { metadata: { issuer: `${ISSUER}/realm` } }],
] as readonly (readonly [string, Setup])[]) {
  test(`a login is ${what === 'the same' ? '' : 'not '}finished at a strategy with ${what} (RFC 9700 §4.4)`, async () => {
    const { session, state } = await party().begin();
    const request = newRequest(`/cb?code=a&state=${state}`, { session });
    const { success } = await party(setup).authenticate(request);
    assert.equal(success !== undefined, what === 'the same');
  });
}

/** An ID token as the token endpoint returns it: its signature is not needed (§3.1.3.7, no. 6). */
const idToken = (claims: object) =>
  [{ alg: 'RS256' }, claims, {}]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');

for (const [max_age, claims, isValid] of [
  [undefined, {}, true],
  [undefined, { nonce: 'another' }, false],
  [undefined, { nonce: undefined }, false],
  ['60', {}, false],
  ['60', { auth_time: -30 }, true],
  ['60', { auth_time: -300 }, false],
  ['600', { auth_time: -300 }, true],
] as const) {
  test(`after a login with max_age ${max_age} an ID token with ${JSON.stringify(claims)} is ${isValid ? 'valid' : 'refused'} (OpenID Connect Core §3.1.3.7)`, async () => {
    const now = Math.floor(Date.now() / 1000);
    const given: Record<string, unknown> = { ...claims };
    if ('auth_time' in claims) given['auth_time'] = now + claims.auth_time;
    let nonce = '';
    const events: OpenIdConnectEvents = {
      redirectToIdentityProvider({ protocolMessage }) {
        nonce = protocolMessage.get('nonce') ?? '';
        if (max_age !== undefined) protocolMessage.set('max_age', max_age);
      },
    };
    const { logIn } = party({
      options: { scope: 'openid', idTokenExpected: true, events },
      verify: (tokens, verified) => verified(null, { sub: tokens.claims()?.sub }),
      answer: () => {
        const own = { iss: ISSUER, aud: 'client', sub: 'alice', iat: now, exp: now + 60, nonce };
        return Response.json({ ...TOKENS, id_token: idToken({ ...own, ...given }) });
      },
    });
    const { success, error } = await logIn();
    assert.deepEqual(success?.[0], isValid ? USER : undefined, `${error}`);
    assert.equal(error instanceof Error, !isValid);
  });
}

test('a login whose ID token is missing is an error, unless none is expected', async () => {
  const options = { scope: 'openid', idTokenExpected: true };
  assert.ok((await party({ options }).logIn()).error instanceof Error);
  assert.ok((await party().logIn()).success);
});

test('an error of Passport goes to the application', async () => {
  const { begin, authenticate } = party();
  const { session, state } = await begin();
  const failure = new Error('the session store is down');
  const success = () => {
    throw failure;
  };
  const request = newRequest(`/cb?code=a&state=${state}`, { session });
  assert.deepEqual(await authenticate(request, {}, { success }), { error: failure });
});
