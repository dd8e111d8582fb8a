import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import {
  authorizationParameters,
  authorizationUrl,
  pkce,
  postAs,
  REDIRECT_URI,
  tokensOfLogin,
  webClient,
} from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const jwks = { keys: [pair.publicJwk] };
const machine = { clientId: 'machine', pair };
const web = { clientId: 'web', pair };
const otherWeb = { clientId: 'other-web', pair };
const server = await startTokenServer([
  { client_id: 'machine', jwks, grant_types: ['client_credentials'], scope: 'api.read api.write' },
  { client_id: 'web', ...webClient(pair) },
  { client_id: 'other-web', ...webClient(pair) },
  { client_id: 'no-refresh', ...webClient(pair, { grant_types: ['authorization_code'] }) },
  { client_id: 'defaults', jwks },
]);
after(() => server.stop());

const verify = (token: string, audience: string) =>
  jwtVerify(token, createRemoteJWKSet(new URL(`${server.url}/jwks`)), {
    issuer: server.url,
    audience,
  });

async function refusal(response: Response): Promise<[number, unknown]> {
  return [response.status, ((await response.json()) as { error: unknown }).error];
}

test('client_credentials: an access token (RFC 6749 §4.4, RFC 9068 §2)', async () => {
  const response = await postAs(server, machine, '/token', {
    grant_type: 'client_credentials',
    scope: 'api.read',
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const { access_token, ...rest } = (await response.json()) as Record<string, string>;
  assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 600, scope: 'api.read' });
  const { payload, protectedHeader } = await verify(String(access_token), server.url);
  assert.equal(protectedHeader.typ, 'at+jwt');
  assert.equal(payload.sub, 'machine');
  assert.equal(payload['client_id'], 'machine');
  assert.equal(payload['scope'], 'api.read');
});

test('client_credentials: without a scope the client gets all of its scopes', async () => {
  const response = await postAs(server, machine, '/token', { grant_type: 'client_credentials' });
  assert.equal(((await response.json()) as { scope: string }).scope, 'api.read api.write');
});

const REFUSED: readonly (readonly [string, string, Record<string, string>, string])[] = [
  ['a scope that the client may not have', 'machine', { scope: 'api.read admin' }, 'invalid_scope'],
  ['a grant type that the client may not use', 'web', {}, 'unauthorized_client'],
  [
    'a grant type that nobody may use',
    'machine',
    { grant_type: 'password' },
    'unsupported_grant_type',
  ],
  ['no grant type', 'machine', { grant_type: '' }, 'invalid_request'],
  ['a code that is missing', 'web', { grant_type: 'authorization_code' }, 'invalid_request'],
  [
    'a code that was made up',
    'web',
    {
      grant_type: 'authorization_code',
      code: 'x',
      redirect_uri: REDIRECT_URI,
      code_verifier: pkce().verifier,
    },
    'invalid_grant',
  ],
  ['a refresh token that is missing', 'web', { grant_type: 'refresh_token' }, 'invalid_request'],
  [
    'a refresh token that was made up',
    'web',
    { grant_type: 'refresh_token', refresh_token: '__proto__' },
    'invalid_grant',
  ],
];

for (const [what, clientId, form, error] of REFUSED) {
  test(`the token endpoint refuses ${what} with ${error} (RFC 6749 §5.2)`, async () => {
    const response = await postAs(server, { clientId, pair }, '/token', {
      grant_type: 'client_credentials',
      ...form,
    });
    assert.deepEqual(await refusal(response), [400, error]);
  });
}

test('grant_types defaults to what a client without redirect URIs can use', async () => {
  const response = await postAs(server, { clientId: 'defaults', pair }, '/token', {
    grant_type: 'client_credentials',
  });
  assert.equal(response.status, 200);
});

/** Logs in; what a client needs to redeem the code. */
async function codeFor(clientId: string) {
  const proof = pkce();
  const parameters = authorizationParameters(clientId, proof);
  const callback = await logIn(newVisitor(server.url), authorizationUrl(server, parameters));
  return {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: REDIRECT_URI,
    code_verifier: proof.verifier,
  };
}

test('authorization_code: tokens of a user who logged in (OpenID Connect Core §3.1.3)', async () => {
  const before = Math.floor(Date.now() / 1000);
  const response = await postAs(server, web, '/token', await codeFor('web'));
  assert.equal(response.status, 200);
  const { id_token, access_token, refresh_token, scope } = (await response.json()) as Record<
    string,
    string
  >;
  assert.equal(scope, 'openid profile');
  assert.equal(typeof refresh_token, 'string');
  const { payload, protectedHeader } = await verify(String(id_token), 'web');
  assert.equal(protectedHeader.alg, 'RS256');
  assert.equal(payload.sub, 'alice');
  assert.equal(payload['nonce'], 'the-nonce');
  assert.ok(Number(payload['auth_time']) >= before);
  assert.equal(decodeProtectedHeader(String(access_token)).typ, 'at+jwt');

  const userinfo = await fetch(`${server.url}/userinfo`, {
    headers: { authorization: `Bearer ${access_token}` },
  });
  assert.deepEqual(await userinfo.json(), {
    sub: 'alice',
    name: 'Alice Example',
    preferred_username: 'alice',
  });
});

test('authorization_code: a client without refresh_token gets no refresh token', async () => {
  const tokens = await tokensOfLogin(server, { clientId: 'no-refresh', pair });
  assert.equal(typeof tokens['access_token'], 'string');
  assert.equal(tokens['refresh_token'], undefined);
});

const WRONG_REDEMPTIONS: readonly (readonly [string, Record<string, string>, string])[] = [
  ['another redirect_uri', { redirect_uri: `${REDIRECT_URI}/` }, 'invalid_grant'],
  ['another code_verifier', { code_verifier: pkce().verifier }, 'invalid_grant'],
  ['a code_verifier that is too short', { code_verifier: 'short' }, 'invalid_grant'],
  ['no code_verifier', { code_verifier: '' }, 'invalid_grant'],
];

for (const [what, differences, error] of WRONG_REDEMPTIONS) {
  test(`authorization_code: ${what} is refused with ${error} (RFC 7636 §4.6)`, async () => {
    const form = { ...(await codeFor('web')), ...differences };
    assert.deepEqual(await refusal(await postAs(server, web, '/token', form)), [400, error]);
  });
}

test('authorization_code: another client cannot use a code, and the code still works for its own client', async () => {
  const form = await codeFor('web');
  const stolen = await postAs(server, otherWeb, '/token', form);
  assert.deepEqual(await refusal(stolen), [400, 'invalid_grant']);
  assert.equal((await postAs(server, web, '/token', form)).status, 200);
});

test('authorization_code: a code that is used twice ends its grant (RFC 6749 §4.1.2)', async () => {
  const form = await codeFor('web');
  const first = await postAs(server, web, '/token', form);
  const { access_token, refresh_token } = (await first.json()) as Record<string, string>;
  const second = await postAs(server, web, '/token', form);
  assert.deepEqual(await refusal(second), [400, 'invalid_grant']);

  const refreshed = await postAs(server, web, '/token', {
    grant_type: 'refresh_token',
    refresh_token: String(refresh_token),
  });
  assert.deepEqual(await refusal(refreshed), [400, 'invalid_grant']);
  const userinfo = await fetch(`${server.url}/userinfo`, {
    headers: { authorization: `Bearer ${access_token}` },
  });
  assert.equal(userinfo.status, 401);
});

test('authorization_code: of 20 simultaneous redemptions at most one gets tokens', async () => {
  const form = await codeFor('web');
  const responses = await Promise.all(
    Array.from({ length: 20 }, () => postAs(server, web, '/token', form)),
  );
  assert.equal(responses.filter(({ status }) => status === 200).length, 1);
});
