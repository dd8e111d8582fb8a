import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { postAs, tokensOfLogin, webClient } from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';

const pair = keyPair('ES256');
const client = webClient(pair, {
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  scope: 'openid email api',
});
const web = { clientId: 'web', pair };
const other = { clientId: 'other', pair };
const server = await startTokenServer([
  { client_id: 'web', ...client },
  { client_id: 'other', ...client },
]);
after(() => server.stop());

type Json = Record<string, unknown>;

const introspect = async (caller: typeof web, token: string | undefined): Promise<Json> => {
  const response = await postAs(server, caller, '/introspect', { token: token ?? '' });
  return (await response.json()) as Json;
};

const machineToken = async (): Promise<string> => {
  const response = await postAs(server, web, '/token', { grant_type: 'client_credentials' });
  return ((await response.json()) as { access_token: string }).access_token;
};

const login = () => tokensOfLogin(server, web, { scope: 'openid email' });

const userinfo = (token: string | undefined) =>
  fetch(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${token}` } });

test('introspection tells a client of its access token (RFC 7662 §2.2)', async () => {
  const { active, client_id, sub, scope, iss, token_type, exp, iat } = await introspect(
    web,
    await machineToken(),
  );
  assert.deepEqual(
    { active, client_id, sub, scope, iss, token_type },
    {
      active: true,
      client_id: 'web',
      sub: 'web',
      scope: 'api',
      iss: server.url,
      token_type: 'Bearer',
    },
  );
  assert.equal(Number(exp) - Number(iat), 600);
});

test('introspection tells a client of its refresh token', async () => {
  const { refresh_token } = await login();
  const { active, client_id, sub, scope } = await introspect(web, refresh_token);
  assert.deepEqual(
    { active, client_id, sub, scope },
    { active: true, client_id: 'web', sub: 'alice', scope: 'openid email' },
  );
});

test("introspection tells nothing of another client's tokens (RFC 7662 §4)", async () => {
  const { access_token, refresh_token, id_token } = await login();
  for (const token of [access_token, refresh_token]) {
    assert.deepEqual(await introspect(other, token), { active: false });
  }
  for (const token of [id_token, 'made-up', '__proto__']) {
    assert.deepEqual(await introspect(web, token), { active: false });
  }
});

test('introspection and revocation need a token', async () => {
  for (const path of ['/introspect', '/revoke']) {
    const response = await postAs(server, web, path, {});
    assert.equal(response.status, 400);
    assert.equal(((await response.json()) as Json)['error'], 'invalid_request');
  }
});

test('a revoked access token is no longer valid (RFC 7009 §2.1)', async () => {
  const token = await machineToken();
  const hint = { token_type_hint: 'access_token' };
  assert.equal((await postAs(server, web, '/revoke', { token, ...hint })).status, 200);
  assert.deepEqual(await introspect(web, token), { active: false });
});

test('revoking a refresh token also ends its access tokens (RFC 7009 §2.1)', async () => {
  const { access_token, refresh_token = '' } = await login();
  assert.equal((await userinfo(access_token)).status, 200);
  assert.equal((await postAs(server, web, '/revoke', { token: refresh_token })).status, 200);
  assert.deepEqual(await introspect(web, refresh_token), { active: false });
  assert.equal((await userinfo(access_token)).status, 401);
  const refreshed = await postAs(server, web, '/token', {
    grant_type: 'refresh_token',
    refresh_token,
  });
  assert.equal(refreshed.status, 400);
});

test("a client cannot revoke another client's tokens (RFC 7009 §2.1)", async () => {
  const { access_token = '', refresh_token = '' } = await login();
  for (const token of [access_token, refresh_token]) {
    const response = await postAs(server, other, '/revoke', { token });
    assert.equal(response.status, 400);
    assert.equal((await introspect(web, token))['active'], true);
  }
});

test('revoking an unknown token succeeds (RFC 7009 §2.2)', async () => {
  for (const token of ['made-up', 'a.b.c', '__proto__']) {
    assert.equal((await postAs(server, web, '/revoke', { token })).status, 200);
  }
});

test('userinfo returns the claims of the scopes (OpenID Connect Core §5.4)', async () => {
  const { access_token } = await login();
  assert.deepEqual(await (await userinfo(access_token)).json(), {
    sub: 'alice',
    email: 'alice@example.com',
    email_verified: true,
  });
});

const REFUSED: readonly (readonly [string, () => Promise<string>, number, string])[] = [
  ['a made-up token', async () => 'made-up', 401, 'Bearer error="invalid_token"'],
  [
    'an ID token',
    async () => (await login())['id_token'] ?? '',
    401,
    'Bearer error="invalid_token"',
  ],
  ["a client's own token", machineToken, 403, 'Bearer error="insufficient_scope"'],
];

for (const [what, token, status, challenge] of REFUSED) {
  test(`userinfo refuses ${what} with ${status} (RFC 6750 §3.1)`, async () => {
    const response = await userinfo(await token());
    assert.equal(response.status, status);
    assert.equal(response.headers.get('www-authenticate'), challenge);
  });
}

test('userinfo without a token answers with a challenge (RFC 6750 §3)', async () => {
  const response = await fetch(`${server.url}/userinfo`);
  assert.equal(response.status, 401);
  assert.equal(response.headers.get('www-authenticate'), 'Bearer');
});
