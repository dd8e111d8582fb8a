import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decodeJwt } from 'jose';
import {
  authorizationParameters,
  authorizationUrl,
  pkce,
  postAs,
  REDIRECT_URI,
  requestUrl,
  webClient,
} from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor, type Visitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const HOME = 'https://client.example/';
const server = await startTokenServer([
  { client_id: 'web', ...webClient(pair, { post_logout_redirect_uris: [HOME] }) },
  { client_id: 'other', ...webClient(pair) },
]);
after(() => server.stop());

/** A visitor who is logged in, and the ID token of the login. */
async function loggedIn(username = 'alice') {
  const visitor = newVisitor(server.url);
  const proof = pkce();
  const url = authorizationUrl(server, authorizationParameters('web', proof));
  const callback = await logIn(visitor, url, username);
  const response = await postAs(server, { clientId: 'web', pair }, '/token', {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: REDIRECT_URI,
    code_verifier: proof.verifier,
  });
  const { id_token } = (await response.json()) as { id_token: string };
  return { visitor, id_token };
}

const logoutUrl = (parameters: Record<string, string>) =>
  `${server.url}/end-session?${new URLSearchParams(parameters)}`;

/** Whether the server still knows who the visitor is. */
async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  const { url } = await visitor.open(requestUrl(server, 'web', { prompt: 'none' }));
  return url.searchParams.has('code');
}

test('the metadata has the end_session_endpoint (OpenID Connect RP-Initiated Logout §2.1)', async () => {
  const response = await fetch(`${server.url}/.well-known/openid-configuration`);
  const metadata = (await response.json()) as Record<string, unknown>;
  assert.equal(metadata['end_session_endpoint'], `${server.url}/end-session`);
});

test('a client logs its user out with the ID token, and the browser comes back with the state', async () => {
  const { visitor, id_token } = await loggedIn();
  assert.equal(await isLoggedIn(visitor), true);
  const parameters = {
    id_token_hint: id_token,
    post_logout_redirect_uri: HOME,
    state: 'after logout',
  };
  const { url } = await visitor.open(logoutUrl(parameters));
  assert.equal(url.href, `${HOME}?state=after+logout`);
  assert.equal(await isLoggedIn(visitor), false);
});

test('an expired ID token still identifies the user who logs out', async (t) => {
  const { visitor, id_token } = await loggedIn();
  const later = (decodeJwt(id_token).exp ?? 0) * 1000 + 1000;
  t.mock.timers.enable({ apis: ['Date'], now: later });
  await visitor.open(logoutUrl({ id_token_hint: id_token }));
  t.mock.timers.reset();
  assert.equal(await isLoggedIn(visitor), false);
});

test('a posted logout is repeated as GET, because its cookie may be missing', async () => {
  const form = { client_id: 'web', post_logout_redirect_uri: HOME };
  const response = await server.post('/end-session', form);
  assert.equal(response.status, 303);
  const location = new URL(response.headers.get('location') ?? '', server.url);
  assert.equal(location.pathname, '/end-session');
  assert.deepEqual(Object.fromEntries(location.searchParams), form);
});

for (const [what, more] of [
  ['without an ID token', {}],
  ['with the client_id alone', { client_id: 'web', post_logout_redirect_uri: HOME }],
] as const) {
  test(`${what} the user is asked before the logout`, async () => {
    const { visitor } = await loggedIn();
    const page = await visitor.open(logoutUrl(more));
    assert.match(page.body, /<title>Log out\?</);
    assert.equal(await isLoggedIn(visitor), true);
    const forged = await visitor.submit(page, { csrf_token: 'guessed' });
    assert.equal(forged.status, 403);
    assert.equal(await isLoggedIn(visitor), true);
    const { url, body } = await visitor.submit(page);
    if ('client_id' in more) assert.equal(url.href, HOME);
    else assert.match(body, /You are logged out here/);
    assert.equal(await isLoggedIn(visitor), false);
  });
}

test("another user's ID token logs no one out without a question", async () => {
  const { id_token } = await loggedIn('bob');
  const { visitor } = await loggedIn('alice');
  const page = await visitor.open(logoutUrl({ id_token_hint: id_token }));
  assert.match(page.body, /<title>Log out\?</);
  assert.equal(await isLoggedIn(visitor), true);
});

test('a browser without a login is sent back at once', async () => {
  const { id_token } = await loggedIn();
  const { url } = await newVisitor(server.url).open(
    logoutUrl({ id_token_hint: id_token, post_logout_redirect_uri: HOME }),
  );
  assert.equal(url.href, HOME);
});

test('an invalid logout request redirects nowhere and logs no one out', async () => {
  const { visitor, id_token } = await loggedIn();
  const [head = '', claims = '', signature = ''] = id_token.split('.');
  const hint = { id_token_hint: id_token };
  const wrong: Record<string, string>[] = [
    { ...hint, post_logout_redirect_uri: 'https://attacker.example/' },
    { ...hint, post_logout_redirect_uri: `${HOME}?more` },
    { ...hint, client_id: 'other' },
    { ...hint, client_id: 'other', post_logout_redirect_uri: HOME },
    { post_logout_redirect_uri: HOME },
    { client_id: 'other', post_logout_redirect_uri: HOME },
    { id_token_hint: 'no token' },
    { id_token_hint: `${head}.${claims}.${signature.split('').reverse().join('')}` },
    { id_token_hint: `eyJhbGciOiJub25lIn0.${claims}.` },
  ];
  for (const parameters of wrong) {
    const { status, url } = await visitor.open(logoutUrl(parameters));
    assert.equal(status, 400, JSON.stringify(parameters));
    assert.equal(url.origin, server.url);
  }
  assert.equal(await isLoggedIn(visitor), true);
});
