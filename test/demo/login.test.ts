import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { requestUrl, webClient } from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const SECOND_URI = 'https://second.example/callback?tenant=1';
const server = await startTokenServer([
  { client_id: 'web', ...webClient(pair, { client_name: '<b>Web</b> & "shop"' }) },
  { client_id: 'second', ...webClient(pair, { redirect_uris: [SECOND_URI] }) },
]);
after(() => server.stop());

type Differences = Readonly<Record<string, string | undefined>>;

const urlFor = (clientId = 'web', differences: Differences = {}) =>
  requestUrl(server, clientId, differences);

const open = (url: string) => newVisitor(server.url).open(url);

test('a user who denies is sent back with access_denied (RFC 6749 §4.1.2.1)', async () => {
  const browser = newVisitor(server.url);
  const consent = await browser.submit(await browser.open(urlFor()));
  const { url } = await browser.submit(consent, { cancel: '1' });
  assert.equal(url.searchParams.get('error'), 'access_denied');
  assert.equal(url.searchParams.get('state'), 'the-state');
  assert.equal(url.searchParams.get('iss'), server.url);
});

test('a user who is logged in and has consented is sent back at once, also with prompt none', async () => {
  const browser = newVisitor(server.url);
  await logIn(browser, urlFor());
  for (const prompt of [undefined, 'none']) {
    const { url } = await browser.open(urlFor('web', { prompt }));
    assert.ok(url.searchParams.get('code'), `prompt ${prompt}`);
  }
});

test('consent holds for one client and the allowed scopes', async () => {
  const browser = newVisitor(server.url);
  await logIn(browser, urlFor('web', { scope: 'openid' }));
  const wider = await browser.open(urlFor('web', { prompt: 'none' }));
  assert.equal(wider.url.searchParams.get('error'), 'consent_required');
  const other = await browser.open(urlFor('second', { prompt: 'none', redirect_uri: SECOND_URI }));
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

test('a form without its token or with the token of another session is refused', async () => {
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

test('a transaction allows one decision, only in its own session', async () => {
  const browser = newVisitor(server.url);
  const consent = await browser.submit(await browser.open(urlFor()));
  assert.ok((await browser.submit(consent)).url.searchParams.get('code'));
  assert.equal((await browser.submit(consent)).status, 403);
  for (const transaction_id of ['', '__proto__', 'guessed']) {
    assert.equal((await browser.submit(consent, { transaction_id })).status, 403);
  }
});

test('the session changes its id at login (session fixation)', async () => {
  const browser = newVisitor(server.url);
  const login = await browser.open(urlFor());
  const before = browser.cookie('session');
  await browser.submit(login);
  assert.ok(before);
  assert.notEqual(browser.cookie('session'), before);
});

test('an unknown user name is an error message on the login page', async () => {
  const browser = newVisitor(server.url);
  const page = await browser.submit(await browser.open(urlFor()), { username: 'mallory' });
  assert.match(page.body, /There is no such user/);
});

test('pages are escaped, cannot be framed, and lead only to the client', async () => {
  const { body, headers } = await open(urlFor());
  assert.ok(body.includes('&lt;b&gt;Web&lt;/b&gt; &amp; &quot;shop&quot;'));
  assert.match(body, /This is a demo/);
  const policy = headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.match(policy, /form-action 'self'(;|$)/);
  assert.equal(headers.get('cache-control'), 'no-store');
});

test('a browser can have ten requests open; the eleventh closes the first', async () => {
  const browser = newVisitor(server.url);
  const first = await browser.open(urlFor());
  for (let opened = 0; opened < 10; opened += 1) await browser.open(urlFor());
  assert.equal((await browser.submit(first)).status, 400);
});
