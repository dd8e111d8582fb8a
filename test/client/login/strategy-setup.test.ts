import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type RequestHandler } from 'express';
import express4 from 'express4';
import { Configuration } from 'openid-client';
import { Passport } from 'passport';
import {
  ConfigurationError,
  type LoginRequest,
  LoginStateError,
  OpenIdConnectStrategy,
} from '../../../lib/client/index.js';
import { hasSessionCookie } from '../../../lib/client/login/pending-logins.js';
import { ISSUER, TOKEN_ENDPOINT } from '../../support/assertion.js';
import { listen } from '../../support/listen.js';
import { CLIENT_ID } from '../../support/relying-party.js';

// Logins at applications that lack something.

/** The warnings of all tests of this file, some of which lose cookies too. */
const lostCookies: Error[] = [];
process.on('warning', (warning) => {
  const { code } = warning as Error & { readonly code?: string };
  if (code === 'login_cookie_lost') lostCookies.push(warning);
});

const config = new Configuration(
  {
    issuer: ISSUER,
    authorization_endpoint: `${ISSUER}/authorize`,
    token_endpoint: TOKEN_ENDPOINT,
  },
  CLIENT_ID,
);

interface Setup {
  readonly framework?: typeof express;
  readonly before?: readonly RequestHandler[];
  readonly authenticate?: object;
  readonly events?: object;
}

/** Sends a request to the callback URL; the error for the application, or the status. */
async function requestTo(
  { framework = express, before = [], authenticate = {}, events = {} }: Setup,
  path: string,
  init: RequestInit = {},
): Promise<unknown> {
  const errors: unknown[] = [];
  const passport = new Passport();
  const callbackURL = 'https://client.example/cb';
  passport.use(
    'oidc',
    new OpenIdConnectStrategy({ config, callbackURL, events }, (_tokens, verified) =>
      verified(null, {}),
    ),
  );
  const app = framework();
  for (const middleware of before) app.use(middleware);
  app.all('/cb', passport.authenticate('oidc', authenticate), (_request, response) => {
    response.end('the handler of the application');
  });
  app.use(((error, _request, response, _next) => {
    errors.push(error);
    response.end();
  }) satisfies express.ErrorRequestHandler);
  const { url, close } = await listen(app);
  const { status } = await fetch(`${url}${path}`, { redirect: 'manual', ...init });
  await close();
  return errors.length > 0 ? errors[0] : status;
}

const form = { method: 'POST', body: new URLSearchParams({ code: 'x' }) };

const withSession =
  (session: object): RequestHandler =>
  (request, _response, next) => {
    Object.assign(request, { session });
    next();
  };

/** The one thing that Passport needs of a session at the end of a login. */
const session = withSession({ regenerate() {} });

test('a login without a session is an error that says what to mount', async () => {
  const error = await requestTo({}, '/cb', form);
  assert.ok(error instanceof ConfigurationError);
  assert.match(error.message, /mount express-session/);
});

/** What parses bodies, and does not parse the form. */
const PARSERS: readonly (readonly [string, Setup])[] = [
  ['nothing', { before: [session] }],
  ['express.json of Express 4', { framework: express4, before: [session, express4.json()] }],
  ['express.json', { before: [session, express.json()] }],
  ['express.raw', { before: [session, express.raw({ type: () => true })] }],
  ['express.text', { before: [session, express.text({ type: () => true })] }],
];

for (const [what, setup] of PARSERS) {
  test(`a response in a form that ${what} has parsed is an error that says what to mount`, async () => {
    const error = await requestTo(setup, '/cb', form);
    assert.ok(error instanceof ConfigurationError);
    assert.match(error.message, /mount express\.urlencoded/);
  });
}

test('a session that cannot be regenerated is an error before the code is redeemed', async () => {
  const before = [withSession({})];
  const error = await requestTo({ before }, '/cb?code=x&state=y');
  assert.ok(error instanceof ConfigurationError);
  assert.match(error.message, /^Passport renews the session at login.*use express-session/);
});

test('a login with session: false needs no session that can be regenerated', async () => {
  const seen: unknown[] = [];
  const setup: Setup = {
    before: [withSession({})],
    authenticate: { session: false },
    events: { remoteFailure: ({ error }: { error: unknown }) => void seen.push(error) },
  };
  assert.equal(await requestTo(setup, '/cb?code=x&state=y'), 401);
  assert.ok(seen[0] instanceof LoginStateError);
  assert.match(seen[0].message, /session cookie was lost.*SameSite=Lax.*trust proxy/);
});

test('one warning says that the session cookie is lost', async () => {
  for (const init of [{ headers: { cookie: 'another=1' } }, {}, {}]) {
    await requestTo({ before: [session] }, '/cb?code=x&state=y', init);
  }
  assert.equal(lostCookies.length, 1);
  assert.match(
    lostCookies[0]?.message ?? '',
    /the session cookie is lost: it must be SameSite=Lax/,
  );
});

/** Whether the cookie of the session came, as far as the request tells. */
const COOKIES: readonly (readonly [string, boolean, object, string | undefined])[] = [
  ['the cookie', true, { sessionID: 'a/b', session: {} }, 'other=1; sid=s%3Aa%2Fb.signature'],
  ['a session without an id', true, { session: {} }, 'other=1'],
  ['express-session, another cookie', false, { sessionID: 'abc', session: {} }, 'sid=s%3Aabd.x'],
  ['an id in the session', false, { session: { id: 'abc' } }, 'other=1'],
  ['@fastify/session', false, { session: { sessionId: 'abc' } }, 'other=1'],
  ['cookie-session', false, { session: { isNew: true } }, 'other=1'],
  ['no cookie', false, { session: {} }, undefined],
];

for (const [what, expected, members, cookie] of COOKIES) {
  test(`a session is ${expected ? 'not ' : ''}taken for lost: ${what}`, () => {
    const request = { headers: { cookie }, ...members } as LoginRequest;
    assert.equal(hasSessionCookie(request), expected);
  });
}

/** What a call of passport.authenticate cannot set. */
const OPTIONS: readonly (readonly [string, object, RegExp])[] = [
  ['a state', { state: '/after-login' }, /state is new for each login: leave it out/],
  ['a relative callbackURL', { callbackURL: '/cb2' }, /callbackURL must be an absolute URL/],
  ['a scope without openid', { scope: 'profile' }, /no scope openid/],
];

for (const [what, authenticate, message] of OPTIONS) {
  test(`${what} for one login is an error with a sentence`, async () => {
    const error = await requestTo({ before: [session], authenticate }, '/cb');
    assert.ok(error instanceof Error);
    assert.match(error.message, message);
  });
}

test('a handler that takes openid out of the scope ends the login', async () => {
  const events = {
    redirectToIdentityProvider: ({ protocolMessage }: { protocolMessage: URLSearchParams }) =>
      protocolMessage.set('scope', 'openid2 profile'),
  };
  const error = await requestTo({ before: [session], events }, '/cb');
  assert.ok(error instanceof ConfigurationError);
  assert.match(error.message, /no scope openid, so no ID token would say who the user is/);
});

for (const nothing of [undefined, null, 0, '']) {
  test(`a handler that throws ${JSON.stringify(nothing)} does not let the request pass`, async () => {
    const events = {
      redirectToIdentityProvider: () => Promise.reject(nothing),
      remoteFailure: (context: { error: unknown; outcome: string }) => {
        context.error = nothing;
        context.outcome = 'error';
      },
    };
    const error = await requestTo({ before: [session], events }, '/cb');
    assert.deepEqual(error, new Error('The login failed without an error.'));
  });
}

// Express skips handlers after these values instead of reporting an error.
for (const word of ['route', 'router']) {
  test(`a handler that throws '${word}' ends in an error, not at the next route`, async () => {
    const events = { redirectToIdentityProvider: () => Promise.reject(word) };
    const error = await requestTo({ before: [session], events }, '/cb');
    assert.ok(error instanceof Error);
    assert.match(error.message, new RegExp(`a value that is not an error: ${word}$`));
  });
}

const change = (parameters: Readonly<Record<string, string>>) => ({
  redirectToIdentityProvider({ protocolMessage }: { protocolMessage: URLSearchParams }) {
    for (const [name, value] of Object.entries(parameters)) protocolMessage.set(name, value);
  },
});

for (const [parameters, message] of [
  [{ response_mode: 'fragment' }, /No server sees the fragment of a URL.*use form_post/],
  [{ response_mode: 'fragment.jwt' }, /No server sees the fragment of a URL/],
  [{ max_age: 'soon' }, /max_age must be a whole number of seconds/],
  [{ max_age: '-1' }, /max_age must be a whole number of seconds/],
  [{ redirect_uri: '/cb' }, /redirect_uri must be an absolute URL/],
] as const) {
  test(`a handler that sets ${JSON.stringify(parameters)} ends the login before the user leaves`, async () => {
    const error = await requestTo({ before: [session], events: change(parameters) }, '/cb');
    assert.ok(error instanceof ConfigurationError);
    assert.match(error.message, message);
  });
}

for (const path of [
  '/cb?state=x',
  '/cb?state=',
  '/cb?state=x&code[]=y',
  '/cb?state=x&session_state=z',
]) {
  test(`${path} is an incomplete response, and does not start another login (RFC 6749 §4.1.2)`, async () => {
    assert.equal(await requestTo({ before: [session] }, path), 401);
    const elsewhere = { callbackURL: 'https://client.example/elsewhere' };
    assert.equal(await requestTo({ before: [session], authenticate: elsewhere }, path), 302);
  });
}

test('HEAD starts a login as GET does (RFC 9110 §9.3.2)', async () => {
  assert.equal(await requestTo({ before: [session] }, '/cb', { method: 'HEAD' }), 302);
  assert.equal(await requestTo({ before: [session] }, '/cb?code=x', { method: 'HEAD' }), 401);
});
