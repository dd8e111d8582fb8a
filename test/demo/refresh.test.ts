import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decodeJwt } from 'jose';
import { postAs, tokensOfLogin, webClient } from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';

const pair = keyPair('ES256');
const web = { clientId: 'web', pair };
const otherWeb = { clientId: 'other-web', pair };
const server = await startTokenServer([
  { client_id: 'web', ...webClient(pair) },
  { client_id: 'other-web', ...webClient(pair) },
]);
after(() => server.stop());

async function refusal(response: Response): Promise<[number, unknown]> {
  return [response.status, ((await response.json()) as { error: unknown }).error];
}

test('a refresh token rotates, and the ID token keeps who and when (OpenID Connect Core §12.2)', async () => {
  const first = await tokensOfLogin(server, web);
  const response = await postAs(server, web, '/token', {
    grant_type: 'refresh_token',
    refresh_token: first['refresh_token'] ?? '',
  });
  assert.equal(response.status, 200);
  const second = (await response.json()) as Record<string, string>;
  assert.notEqual(second['refresh_token'], first['refresh_token']);
  const [before, now] = [first, second].map(({ id_token }) => decodeJwt(String(id_token)));
  assert.equal(now?.sub, before?.sub);
  assert.equal(now?.['auth_time'], before?.['auth_time']);
});

test('a refresh token that is used twice ends its grant (RFC 9700 §4.14.2)', async () => {
  const { refresh_token: first = '' } = await tokensOfLogin(server, web);
  const refresh = (refresh_token: string) =>
    postAs(server, web, '/token', { grant_type: 'refresh_token', refresh_token });
  const { refresh_token: second } = (await (await refresh(first)).json()) as Record<string, string>;
  assert.deepEqual(await refusal(await refresh(first)), [400, 'invalid_grant']);
  assert.deepEqual(await refusal(await refresh(String(second))), [400, 'invalid_grant']);
});

test('a refresh can narrow the scope, and cannot widen it (RFC 6749 §6)', async () => {
  const { refresh_token = '' } = await tokensOfLogin(server, web);
  const form = { grant_type: 'refresh_token', refresh_token };
  const wider = await postAs(server, web, '/token', { ...form, scope: 'openid email' });
  assert.deepEqual(await refusal(wider), [400, 'invalid_scope']);
  const narrower = await postAs(server, web, '/token', { ...form, scope: 'openid' });
  assert.equal(((await narrower.json()) as { scope: string }).scope, 'openid');
});

test('another client cannot use a refresh token', async () => {
  const { refresh_token = '' } = await tokensOfLogin(server, web);
  const form = { grant_type: 'refresh_token', refresh_token };
  const stolen = await postAs(server, otherWeb, '/token', form);
  assert.deepEqual(await refusal(stolen), [400, 'invalid_grant']);
  assert.equal((await postAs(server, web, '/token', form)).status, 200);
});
