import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SignJWT } from 'jose';
import { seconds } from '../support/assertion.js';
import {
  authorizationParameters,
  authorizationUrl,
  pkce,
  postAs,
  REDIRECT_URI,
  webClient,
} from '../support/authorization.js';
import { type KeyPair, keyPair, newKeyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const server = await startTokenServer([
  { client_id: 'web', ...webClient(pair) },
  { client_id: 'signing', ...webClient(pair, { require_signed_request_object: true }) },
  {
    client_id: 'secret-and-keys',
    ...webClient(pair),
    token_endpoint_auth_method: 'client_secret_basic',
    client_secret: 'a-plain-secret',
  },
]);
after(() => server.stop());

type Claims = Readonly<Record<string, unknown>>;

/** A request object, valid but for the differences. */
function requestObject(
  clientId: string,
  differences: Claims = {},
  { signer = pair, header = {} }: { signer?: KeyPair; header?: Claims } = {},
): Promise<string> {
  const claims = {
    ...authorizationParameters(clientId, pkce()),
    iss: clientId,
    aud: server.url,
    exp: seconds() + 60,
    ...differences,
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: signer.alg, typ: 'oauth-authz-req+jwt', ...header })
    .sign(signer.privateKey);
}

const urlOf = (parameters: Record<string, string>) => authorizationUrl(server, parameters);

for (const clientId of ['web', 'signing', 'secret-and-keys']) {
  test(`${clientId} logs a user in with a signed request (RFC 9101 §5)`, async () => {
    const request = await requestObject(clientId);
    const callback = await logIn(newVisitor(server.url), urlOf({ client_id: clientId, request }));
    assert.ok(callback.searchParams.get('code'));
    assert.equal(callback.searchParams.get('state'), 'the-state');
  });
}

test('parameters outside the request object are ignored (RFC 9101 §6.3)', async () => {
  const request = await requestObject('web', { scope: 'openid' });
  const url = urlOf({
    client_id: 'web',
    request,
    scope: 'openid profile',
    state: 'another',
    redirect_uri: 'https://attacker.example/callback',
    response_type: 'token',
  });
  const browser = newVisitor(server.url);
  const consent = await browser.submit(await browser.open(url));
  assert.doesNotMatch(consent.body, /<li>profile</);
  const callback = (await browser.submit(consent)).url;
  assert.equal(callback.origin + callback.pathname, REDIRECT_URI);
  assert.equal(callback.searchParams.get('state'), 'the-state');
});

test('the redirect_uri inside the signed request decides, not the one outside', async () => {
  const request = await requestObject('web', { redirect_uri: 'https://attacker.example/' });
  const visit = await newVisitor(server.url).open(
    urlOf({ client_id: 'web', request, redirect_uri: REDIRECT_URI }),
  );
  assert.equal(visit.status, 400);
  assert.equal(visit.url.origin, server.url);
});

test('an error of a signed request goes to the redirect_uri inside the request object', async () => {
  const request = await requestObject('web', { scope: 'admin' });
  const { url } = await newVisitor(server.url).open(urlOf({ client_id: 'web', request }));
  assert.equal(url.origin + url.pathname, REDIRECT_URI);
  assert.equal(url.searchParams.get('error'), 'invalid_scope');
});

const BROKEN: readonly (readonly [string, () => Promise<string>])[] = [
  ['no JWT', async () => 'request'],
  ['another key', () => requestObject('web', {}, { signer: newKeyPair('ES256') })],
  ['another audience', () => requestObject('web', { aud: 'https://other.example' })],
  ['another issuer', () => requestObject('web', { iss: 'signing' })],
  ['another client_id inside', () => requestObject('web', { client_id: 'signing' })],
  ['an exp in the past', () => requestObject('web', { exp: seconds() - 120 })],
  [
    'the typ of an assertion',
    () => requestObject('web', {}, { header: { typ: 'client-authentication+jwt' } }),
  ],
  ['a request inside', () => requestObject('web', { request: 'nested' })],
  [
    'a redirect_uri that is not registered',
    () => requestObject('web', { redirect_uri: 'https://attacker.example' }),
  ],
  ['a redirect_uri that is no text', () => requestObject('web', { redirect_uri: [REDIRECT_URI] })],
];

for (const [what, make] of BROKEN) {
  test(`a request object with ${what} is refused at both endpoints (RFC 9101 §6.3)`, async () => {
    const request = await make();
    const visit = await newVisitor(server.url).open(urlOf({ client_id: 'web', request }));
    assert.equal(visit.status, 400);
    assert.equal(visit.url.origin, server.url);
    const pushed = await postAs(server, { clientId: 'web', pair }, '/par', { request });
    assert.equal(pushed.status, 400);
    const { error } = (await pushed.json()) as { error: string };
    assert.match(error, /^invalid_request(_object)?$/);
  });
}

test('a request object is refused as a client assertion, and the reverse (RFC 8725 §3.12)', async () => {
  const client_assertion = await requestObject('web', { sub: 'web', jti: 'once' });
  const response = await server.post('/token', {
    client_assertion,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    grant_type: 'client_credentials',
  });
  assert.equal(response.status, 401);
});

test('a client that must sign its requests cannot send unsigned ones (RFC 9101 §10.5)', async () => {
  const parameters = authorizationParameters('signing', pkce());
  const { url } = await newVisitor(server.url).open(urlOf(parameters));
  assert.equal(url.origin + url.pathname, REDIRECT_URI);
  assert.equal(url.searchParams.get('error'), 'invalid_request');
  const pushed = await postAs(server, { clientId: 'signing', pair }, '/par', parameters);
  assert.deepEqual(
    [pushed.status, ((await pushed.json()) as { error: string }).error],
    [400, 'invalid_request'],
  );
});
