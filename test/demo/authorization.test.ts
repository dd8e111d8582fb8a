import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  authorizationParameters,
  pkce,
  REDIRECT_URI,
  requestUrl,
  webClient,
} from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const SECOND_URI = 'https://second.example/callback?tenant=1';
const server = await startTokenServer([
  { client_id: 'web', ...webClient(pair) },
  { client_id: 'machine', ...webClient(pair, { grant_types: ['client_credentials'] }) },
  { client_id: 'second', ...webClient(pair, { redirect_uris: [SECOND_URI] }) },
]);
after(() => server.stop());

type Differences = Readonly<Record<string, string | undefined>>;

const urlFor = (clientId = 'web', differences: Differences = {}) =>
  requestUrl(server, clientId, differences);

const open = (url: string) => newVisitor(server.url).open(url);

test('the response has code, state and iss (RFC 6749 §4.1.2, RFC 9207 §2)', async () => {
  const callback = await logIn(newVisitor(server.url), urlFor());
  assert.equal(callback.origin + callback.pathname, REDIRECT_URI);
  assert.deepEqual([...callback.searchParams.keys()].sort(), ['code', 'iss', 'state']);
  assert.equal(callback.searchParams.get('state'), 'the-state');
  assert.equal(callback.searchParams.get('iss'), server.url);
});

test('the query of the redirect URI is kept (RFC 6749 §3.1.2)', async () => {
  const callback = await logIn(
    newVisitor(server.url),
    urlFor('second', { redirect_uri: SECOND_URI }),
  );
  assert.equal(callback.searchParams.get('tenant'), '1');
  assert.ok(callback.searchParams.get('code'));
});

test('a posted request is answered as the same request by GET (OpenID Connect Core §3.1.2.1)', async () => {
  const parameters = authorizationParameters('web', pkce());
  const response = await server.post('/authorize', parameters);
  assert.equal(response.status, 303);
  assert.equal(response.headers.get('set-cookie'), null);
  const location = new URL(response.headers.get('location') ?? '', server.url);
  assert.equal(location.pathname, '/authorize');
  assert.deepEqual(Object.fromEntries(location.searchParams), parameters);
  assert.match((await open(location.href)).body, /<title>Log in</);
});

test('a repeated parameter of a posted request stays repeated', async () => {
  const form = new URLSearchParams(authorizationParameters('web', pkce()));
  form.append('scope', 'admin');
  const location = (await server.post('/authorize', form)).headers.get('location') ?? '';
  const { url } = await open(new URL(location, server.url).href);
  assert.equal(url.searchParams.get('error'), 'invalid_request');
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
  ['a method without a code_challenge', { code_challenge: undefined }, 'invalid_request'],
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
  test(`with ${what} the client gets ${error} (RFC 6749 §4.1.2.1)`, async () => {
    const { url } = await open(urlFor('web', differences));
    assert.equal(url.origin + url.pathname, REDIRECT_URI);
    assert.equal(url.searchParams.get('error'), error);
    assert.equal(url.searchParams.get('state'), 'the-state');
    assert.equal(url.searchParams.get('iss'), server.url);
    assert.equal(url.searchParams.get('code'), null);
  });
}

for (const name of ['nonce', 'scope', 'prompt', 'anything']) {
  test(`a ${name} of more than 2048 characters is refused, because the server would have to store it`, async () => {
    const value = 'openid '.repeat(300);
    const { url } = await open(urlFor('web', { [name]: value }));
    assert.equal(url.origin + url.pathname, REDIRECT_URI);
    assert.equal(url.searchParams.get('error'), 'invalid_request');
    assert.match(url.searchParams.get('error_description') ?? '', /is too long/);
  });
}

test('a state of 8 kB is sent back, and a longer state is refused', async () => {
  for (const [length, isTaken] of [
    [8192, true],
    [8193, false],
  ] as const) {
    const state = 's'.repeat(length);
    const { url } = await open(urlFor('web', { state, prompt: 'none' }));
    assert.equal(url.searchParams.get('error'), isTaken ? 'login_required' : 'invalid_request');
    const parameters = authorizationParameters('web', pkce(), { state });
    const posted = await server.post('/authorize', parameters);
    assert.equal(posted.status, 303);
    const { body, url: at } = await open(
      new URL(posted.headers.get('location') ?? '', server.url).href,
    );
    if (isTaken) assert.match(body, /<title>Log in</);
    else assert.equal(at.searchParams.get('error'), 'invalid_request');
  }
});

test('a form of more than 32 kB is refused before anything is kept', async () => {
  const parameters = { ...authorizationParameters('web', pkce()), state: 's'.repeat(33_000) };
  const response = await server.post('/authorize', parameters);
  assert.equal(response.status, 413);
  assert.equal(response.headers.get('set-cookie'), null);
});

test('a client that may not use codes gets unauthorized_client', async () => {
  const { url } = await open(urlFor('machine'));
  assert.equal(url.searchParams.get('error'), 'unauthorized_client');
});

test('a repeated parameter is refused, and a repeated state not sent back', async () => {
  const { url } = await open(`${urlFor()}&state=another`);
  assert.equal(url.searchParams.get('error'), 'invalid_request');
  assert.equal(url.searchParams.get('state'), null);
});

test('offline_access is ignored if the client may not have it (OpenID Connect Core §11)', async () => {
  const { status, body } = await open(urlFor('web', { scope: 'openid offline_access' }));
  assert.equal(status, 200);
  assert.match(body, /Log in/);
});
