import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
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
import { newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const server = await startTokenServer([
  { client_id: 'web', ...webClient(pair) },
  { client_id: 'careful', ...webClient(pair, { require_pkce: true }) },
]);
after(() => server.stop());

type Differences = Readonly<Record<string, string | undefined>>;

const urlFor = (differences: Differences = {}) => requestUrl(server, 'web', differences);

const fieldsOf = (body: string): Record<string, string> =>
  Object.fromEntries(
    [...body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  );

test('form_post: a page posts code, state and iss to the client (Form Post Response Mode §2)', async () => {
  const visitor = newVisitor(server.url);
  const consent = await visitor.submit(await visitor.open(urlFor({ response_mode: 'form_post' })));
  const { status, body, headers } = await visitor.submit(consent);
  assert.equal(status, 200);
  assert.match(body, new RegExp(`<form method="post" action="${REDIRECT_URI}">`));
  const { code, ...others } = fieldsOf(body);
  assert.ok(code);
  assert.deepEqual(others, { state: 'the-state', iss: server.url });

  const policy = headers.get('content-security-policy') ?? '';
  const script = /<script>(.*?)<\/script>/s.exec(body)?.[1] ?? '';
  const hash = createHash('sha256').update(script).digest('base64');
  assert.ok(policy.includes(`script-src 'sha256-${hash}';`), policy);
  assert.match(policy, /form-action https:\/\/client\.example /);
  assert.match(policy, /default-src 'none'/);
  assert.equal(headers.get('cache-control'), 'no-store');
});

test('form_post: a user who is logged in gets the page at once, and errors are posted too', async () => {
  const visitor = newVisitor(server.url);
  await visitor.submit(await visitor.submit(await visitor.open(urlFor())));
  const mode = { response_mode: 'form_post' };
  const { body } = await visitor.open(urlFor({ ...mode, prompt: 'none' }));
  assert.ok(fieldsOf(body)['code']);
  for (const [differences, error] of [
    [{ prompt: 'none' }, 'login_required'],
    [{ scope: 'admin' }, 'invalid_scope'],
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ request: 'no JWT' }, 'invalid_request_object'],
  ] as const) {
    const page = await newVisitor(server.url).open(urlFor({ ...mode, ...differences }));
    assert.equal(page.status, 200, error);
    const { error_description, ...fields } = fieldsOf(page.body);
    assert.deepEqual(fields, { error, state: 'the-state', iss: server.url });
    assert.ok(error_description);
  }
});

test('form_post: a user who denies is sent back by the page too', async () => {
  const visitor = newVisitor(server.url);
  const consent = await visitor.submit(await visitor.open(urlFor({ response_mode: 'form_post' })));
  const { body } = await visitor.submit(consent, { cancel: '1' });
  assert.equal(fieldsOf(body)['error'], 'access_denied');
});

test('form_post: values of the client are text in the page, never markup', async () => {
  const state = '"><script>alert(1)</script>';
  const { body } = await newVisitor(server.url).open(
    urlFor({ response_mode: 'form_post', prompt: 'none', state }),
  );
  assert.ok(body.includes('value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"'));
});

test('form_post: a pushed request is answered with a form too (RFC 9126)', async () => {
  const parameters = authorizationParameters('web', pkce(), {
    response_mode: 'form_post',
    state: 's'.repeat(8192),
  });
  const response = await postAs(server, { clientId: 'web', pair }, '/par', parameters);
  assert.equal(response.status, 201);
  const { request_uri } = (await response.json()) as { request_uri: string };
  const visitor = newVisitor(server.url);
  const login = await visitor.open(authorizationUrl(server, { client_id: 'web', request_uri }));
  const { body } = await visitor.submit(await visitor.submit(login));
  assert.equal(fieldsOf(body)['state'], 's'.repeat(8192));
});

test('the metadata names the response modes (RFC 8414 §2)', async () => {
  const response = await fetch(`${server.url}/.well-known/openid-configuration`);
  const metadata = (await response.json()) as Record<string, unknown>;
  assert.deepEqual(metadata['response_modes_supported'], ['query', 'form_post']);
});

test('the answer to the consent form is a page, so that no form-action blocks the redirect', async () => {
  const visitor = newVisitor(server.url);
  const consent = await visitor.submit(await visitor.open(urlFor()));
  const cookie = `session=${visitor.cookie('session')}`;
  const answer = await fetch(`${server.url}/consent`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie },
    body: new URLSearchParams(fieldsOf(consent.body)),
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('location'), null);
  const body = await answer.text();
  const target = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(body)?.[1] ?? '';
  const url = new URL(target.replaceAll('&amp;', '&'));
  assert.equal(url.origin + url.pathname, REDIRECT_URI);
  assert.ok(url.searchParams.get('code'));
  assert.ok(body.includes(`<a class="button" href="${target}">`), 'a link, if it does not go on');
});

async function redeem(differences: Differences, form: Record<string, string>, clientId = 'web') {
  const visitor = newVisitor(server.url);
  const consent = await visitor.submit(
    await visitor.open(requestUrl(server, clientId, differences)),
  );
  const { url } = await visitor.submit(consent);
  const response = await postAs(server, { clientId, pair }, '/token', {
    grant_type: 'authorization_code',
    code: url.searchParams.get('code') ?? '',
    redirect_uri: REDIRECT_URI,
    ...form,
  });
  return (await response.json()) as Record<string, unknown>;
}

const WITHOUT_PKCE = { code_challenge: undefined, code_challenge_method: undefined };

test('a client that authenticates may do without PKCE (OpenID Connect Core §3.1.2.1)', async () => {
  assert.ok((await redeem(WITHOUT_PKCE, {}))['id_token']);
});

test('a challenge without a verifier, and a verifier without a challenge, are invalid_grant (RFC 9700 §2.1.1)', async () => {
  assert.equal((await redeem({}, {}))['error'], 'invalid_grant');
  const { verifier } = pkce();
  assert.equal((await redeem({}, { code_verifier: verifier }))['error'], 'invalid_grant');
  const downgraded = await redeem(WITHOUT_PKCE, { code_verifier: verifier });
  assert.equal(downgraded['error'], 'invalid_grant');
});

test('a client that is registered with require_pkce must send a challenge', async () => {
  const { url } = await newVisitor(server.url).open(requestUrl(server, 'careful', WITHOUT_PKCE));
  assert.equal(url.searchParams.get('error'), 'invalid_request');
  assert.match(url.searchParams.get('error_description') ?? '', /code_challenge is missing/);
});
