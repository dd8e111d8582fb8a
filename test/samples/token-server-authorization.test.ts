import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import {
  authorizationParameters,
  authorizationUrl,
  pkce,
  REDIRECT_URI,
} from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const client = {
  jwks: { keys: [keyPair('ES256').publicJwk] },
  redirect_uris: [REDIRECT_URI],
  scope: 'openid profile',
};
const server = await startTokenServer([
  { client_id: 'web', ...client, client_name: '<b>Web</b> & "shop"' },
  { client_id: 'machine', ...client, grant_types: ['client_credentials'] },
  { client_id: 'second', ...client, redirect_uris: ['https://second.example/callback?tenant=1'] },
]);
after(() => server.stop());

type Differences = Readonly<Record<string, string | undefined>>;

const urlFor = (clientId = 'web', differences: Differences = {}) =>
  authorizationUrl(server, authorizationParameters(clientId, pkce(), differences));

const open = (url: string) => newVisitor(server.url).open(url);

test('the answer carries code, state and iss (RFC 6749 §4.1.2, RFC 9207 §2)', async () => {
  const callback = await logIn(newVisitor(server.url), urlFor());
  assert.equal(callback.origin + callback.pathname, REDIRECT_URI);
  assert.deepEqual([...callback.searchParams.keys()].sort(), ['code', 'iss', 'state']);
  assert.equal(callback.searchParams.get('state'), 'the-state');
  assert.equal(callback.searchParams.get('iss'), server.url);
});

test('a query of the redirect URI stays (RFC 6749 §3.1.2)', async () => {
  const redirect_uri = 'https://second.example/callback?tenant=1';
  const callback = await logIn(newVisitor(server.url), urlFor('second', { redirect_uri }));
  assert.equal(callback.searchParams.get('tenant'), '1');
  assert.ok(callback.searchParams.get('code'));
});

test('an authorization request may be posted (OpenID Connect Core §3.1.2.1)', async () => {
  const response = await server.post('/authorize', authorizationParameters('web', pkce()));
  assert.equal(response.status, 303);
  assert.match(response.headers.get('location') ?? '', /^\/login\?transaction_id=/);
});

const NEVER_REDIRECTED: readonly (readonly [string, Differences])[] = [
  ['no client_id', { client_id: undefined }],
  ['an unknown client', { client_id: 'nobody' }],
  ['a client named like a prototype', { client_id: '__proto__' }],
  ['no redirect_uri', { redirect_uri: undefined }],
  ['another redirect_uri', { redirect_uri: 'https://attacker.example/callback' }],
  ['a redirect_uri with a slash more', { redirect_uri: `${REDIRECT_URI}/` }],
  ['a redirect_uri with a query more', { redirect_uri: `${REDIRECT_URI}?a=b` }],
  ['a redirect_uri of another case', { redirect_uri: REDIRECT_URI.toUpperCase() }],
];

for (const [what, differences] of NEVER_REDIRECTED) {
  test(`with ${what} the browser is not redirected (RFC 6749 §4.1.2.1)`, async () => {
    const { status, url, body } = await open(urlFor('web', differences));
    assert.equal(status, 400);
    assert.equal(url.origin, server.url);
    assert.match(body, /invalid_request/);
  });
}

test('with a repeated redirect_uri the browser is not redirected', async () => {
  const { status } = await open(`${urlFor()}&redirect_uri=https%3A%2F%2Fattacker.example`);
  assert.equal(status, 400);
});

const REDIRECTED: readonly (readonly [string, Differences, string])[] = [
  ['no response_type', { response_type: undefined }, 'invalid_request'],
  ['another response_type', { response_type: 'token' }, 'unsupported_response_type'],
  ['another response_mode', { response_mode: 'fragment' }, 'invalid_request'],
  ['a scope that is too wide', { scope: 'openid admin' }, 'invalid_scope'],
  ['no code_challenge', { code_challenge: undefined }, 'invalid_request'],
  ['a plain code_challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['no code_challenge_method', { code_challenge_method: undefined }, 'invalid_request'],
  ['a code_challenge of no hash', { code_challenge: 'short' }, 'invalid_request'],
  ['an unknown prompt', { prompt: 'dance' }, 'invalid_request'],
  ['prompt none and login', { prompt: 'none login' }, 'invalid_request'],
  ['prompt none without a login', { prompt: 'none' }, 'login_required'],
  [
    'a request_uri that was not pushed',
    { request_uri: 'https://client.example/request.jwt' },
    'invalid_request_uri',
  ],
  ['a request object that is no JWT', { request: 'request' }, 'invalid_request_object'],
  ['both a request and a request_uri', { request: 'a', request_uri: 'b' }, 'invalid_request'],
  ['a max_age that is no number', { max_age: 'soon' }, 'invalid_request'],
];

for (const [what, differences, error] of REDIRECTED) {
  test(`with ${what} the client is told ${error} (RFC 6749 §4.1.2.1)`, async () => {
    const { url } = await open(urlFor('web', differences));
    assert.equal(url.origin + url.pathname, REDIRECT_URI);
    assert.equal(url.searchParams.get('error'), error);
    assert.equal(url.searchParams.get('state'), 'the-state');
    assert.equal(url.searchParams.get('iss'), server.url);
    assert.equal(url.searchParams.get('code'), null);
  });
}

test('a client that may not use codes is told unauthorized_client', async () => {
  const { url } = await open(urlFor('machine'));
  assert.equal(url.searchParams.get('error'), 'unauthorized_client');
});

test('a repeated parameter is refused, and a repeated state not sent back', async () => {
  const { url } = await open(`${urlFor()}&state=another`);
  assert.equal(url.searchParams.get('error'), 'invalid_request');
  assert.equal(url.searchParams.get('state'), null);
});

test('offline_access is ignored where the client may not have it (OpenID Connect Core §11)', async () => {
  const { status, body } = await open(urlFor('web', { scope: 'openid offline_access' }));
  assert.equal(status, 200);
  assert.match(body, /Log in/);
});

test('a user who denies is sent back with access_denied (RFC 6749 §4.1.2.1)', async () => {
  const browser = newVisitor(server.url);
  const consent = await browser.submit(await browser.open(urlFor()));
  const { url } = await browser.submit(consent, { cancel: '1' });
  assert.equal(url.searchParams.get('error'), 'access_denied');
  assert.equal(url.searchParams.get('state'), 'the-state');
  assert.equal(url.searchParams.get('iss'), server.url);
});

test('who is logged in and has consented is sent back at once, also with prompt none', async () => {
  const browser = newVisitor(server.url);
  await logIn(browser, urlFor());
  for (const prompt of [undefined, 'none']) {
    const { url } = await browser.open(urlFor('web', { prompt }));
    assert.ok(url.searchParams.get('code'), `prompt ${prompt}`);
  }
});

test('consent is per client and for the scopes that were allowed', async () => {
  const browser = newVisitor(server.url);
  await logIn(browser, urlFor('web', { scope: 'openid' }));
  const wider = await browser.open(urlFor('web', { prompt: 'none' }));
  assert.equal(wider.url.searchParams.get('error'), 'consent_required');
  const redirect_uri = 'https://second.example/callback?tenant=1';
  const other = await browser.open(urlFor('second', { prompt: 'none', redirect_uri }));
  assert.equal(other.url.searchParams.get('error'), 'consent_required');
});

test('prompt login and an old login make the user log in again (OpenID Connect Core §3.1.2.1)', async () => {
  const browser = newVisitor(server.url);
  await logIn(browser, urlFor());
  await setTimeout(1100);
  for (const differences of [{ prompt: 'login' }, { max_age: '1' }, { max_age: '0' }]) {
    const { body } = await browser.open(urlFor('web', differences));
    assert.match(body, /<title>Log in</, JSON.stringify(differences));
  }
  const { body } = await browser.open(urlFor('web', { prompt: 'consent' }));
  assert.match(body, /<title>Allow access</);
  const callback = await logIn(browser, urlFor('web', { prompt: 'login' }), 'bob');
  assert.ok(callback.searchParams.get('code'));
});

test('the consent form cannot be sent before the login that the client asked for', async () => {
  const browser = newVisitor(server.url);
  await logIn(browser, urlFor());
  const page = await browser.open(urlFor('web', { prompt: 'login' }));
  const body = page.body.replace('action="login"', 'action="consent"');
  const answer = await browser.submit({ ...page, body });
  assert.match(answer.body, /<title>Log in</);
});

test('a form without its token, or from another session, is refused', async () => {
  for (const form of ['login', 'consent']) {
    const browser = newVisitor(server.url);
    let page = await browser.open(urlFor());
    if (form === 'consent') page = await browser.submit(page);
    const forged = await browser.submit(page, { csrf_token: 'guessed' });
    assert.equal(forged.status, 403, form);
    const elsewhere = await newVisitor(server.url).submit(page);
    assert.equal(elsewhere.status, 403, form);
  }
});

test('a transaction is good for one decision, and of this session alone', async () => {
  const browser = newVisitor(server.url);
  const consent = await browser.submit(await browser.open(urlFor()));
  assert.ok((await browser.submit(consent)).url.searchParams.get('code'));
  assert.equal((await browser.submit(consent)).status, 403);
  for (const transaction_id of ['', '__proto__', 'guessed']) {
    assert.equal((await browser.submit(consent, { transaction_id })).status, 403);
  }
});

test('the session changes its id at login, so that nobody can plant one', async () => {
  const browser = newVisitor(server.url);
  const login = await browser.open(urlFor());
  const before = browser.cookie('session');
  await browser.submit(login);
  assert.ok(before);
  assert.notEqual(browser.cookie('session'), before);
});

test('an unknown user is told so', async () => {
  const browser = newVisitor(server.url);
  const page = await browser.submit(await browser.open(urlFor()), { username: 'mallory' });
  assert.match(page.body, /There is no such user/);
});

test('pages are escaped, framed by nobody, and lead to the client alone', async () => {
  const { body, headers } = await open(urlFor());
  assert.ok(body.includes('&lt;b&gt;Web&lt;/b&gt; &amp; &quot;shop&quot;'));
  assert.match(body, /This is a demo/);
  const policy = headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.match(policy, /form-action 'self' https:\/\/client\.example(;|$)/);
  assert.equal(headers.get('cache-control'), 'no-store');
});

test('a browser can have ten requests open; the eleventh closes the first', async () => {
  const browser = newVisitor(server.url);
  const first = await browser.open(urlFor());
  for (let opened = 0; opened < 10; opened += 1) await browser.open(urlFor());
  assert.equal((await browser.submit(first)).status, 400);
});
