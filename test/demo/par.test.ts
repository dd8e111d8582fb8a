import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  authorizationParameters,
  authorizationUrl,
  pkce,
  postAs,
  REDIRECT_URI,
  webClient,
} from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const web = { clientId: 'web', pair };
const server = await startTokenServer([
  { client_id: 'web', ...webClient(pair) },
  { client_id: 'pushing', ...webClient(pair, { require_pushed_authorization_requests: true }) },
]);
after(() => server.stop());

async function push(clientId: string): Promise<string> {
  const response = await postAs(
    server,
    { clientId, pair },
    '/par',
    authorizationParameters(clientId, pkce()),
  );
  assert.equal(response.status, 201);
  const { request_uri, expires_in } = (await response.json()) as Record<string, unknown>;
  assert.equal(expires_in, 60);
  return String(request_uri);
}

const urlOf = (client_id: string, request_uri: string, more: Record<string, string> = {}) =>
  authorizationUrl(server, { client_id, request_uri, ...more });

for (const clientId of ['web', 'pushing']) {
  test(`${clientId} logs a user in with a pushed request (RFC 9126 §4)`, async () => {
    const requestUri = await push(clientId);
    assert.match(requestUri, /^urn:ietf:params:oauth:request_uri:[\w-]{43}$/);
    const callback = await logIn(newVisitor(server.url), urlOf(clientId, requestUri));
    assert.ok(callback.searchParams.get('code'));
    assert.equal(callback.searchParams.get('state'), 'the-state');
  });
}

test('parameters next to request_uri are ignored (RFC 9126 §4)', async () => {
  const url = urlOf('web', await push('web'), {
    redirect_uri: 'https://attacker.example/callback',
    state: 'another',
  });
  const callback = await logIn(newVisitor(server.url), url);
  assert.equal(callback.origin + callback.pathname, REDIRECT_URI);
  assert.equal(callback.searchParams.get('state'), 'the-state');
});

test('a request_uri works once (RFC 9126 §7.3)', async () => {
  const url = urlOf('web', await push('web'));
  assert.equal((await newVisitor(server.url).open(url)).status, 200);
  const again = await newVisitor(server.url).open(url);
  assert.equal(again.status, 400);
  assert.match(again.body, /invalid_request_uri/);
});

test('another client cannot use a request_uri, and it still works for its own client', async () => {
  const requestUri = await push('web');
  const stolen = await newVisitor(server.url).open(urlOf('pushing', requestUri));
  assert.equal(stolen.status, 400);
  assert.equal((await newVisitor(server.url).open(urlOf('web', requestUri))).status, 200);
});

test('a client that must push its requests cannot send others (RFC 9126 §5)', async () => {
  const parameters = authorizationParameters('pushing', pkce());
  const { url } = await newVisitor(server.url).open(authorizationUrl(server, parameters));
  assert.equal(url.origin + url.pathname, REDIRECT_URI);
  assert.equal(url.searchParams.get('error'), 'invalid_request');
});

const REFUSED: readonly (readonly [string, Record<string, string>, string])[] = [
  [
    'a redirect_uri that is not registered',
    { redirect_uri: 'https://a.example' },
    'invalid_request',
  ],
  ['a request_uri', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }, 'invalid_request'],
  ['no PKCE', { code_challenge: '' }, 'invalid_request'],
  ['a scope that is too wide', { scope: 'admin' }, 'invalid_scope'],
  ['another response_type', { response_type: 'token' }, 'unsupported_response_type'],
];

for (const [what, differences, error] of REFUSED) {
  test(`a pushed request with ${what} is refused with ${error} (RFC 9126 §2.3)`, async () => {
    const parameters = { ...authorizationParameters('web', pkce()), ...differences };
    const response = await postAs(server, web, '/par', parameters);
    assert.equal(response.status, 400);
    assert.equal(((await response.json()) as { error: string }).error, error);
  });
}

test('a pushed request needs the client to authenticate', async () => {
  const response = await server.post('/par', authorizationParameters('web', pkce()));
  assert.equal(response.status, 401);
});
