import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OneTimeTokens } from '../../demo/server/tokens/one-time-tokens.js';
import { signAssertion } from '../support/assertion.js';
import { postAs, requestUrl, webClient } from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { rawAssertion } from '../support/raw-jws.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const clients = [{ client_id: 'web', ...webClient(pair) }];

const granted = (clientId: string) => ({ grant: { id: clientId, clientId, scopes: [] } });

test('if a use cannot be recorded, the token stays valid', () => {
  const tokens = new OneTimeTokens<ReturnType<typeof granted>>(60, 2);
  const [first, second] = [tokens.issue(granted('a')), tokens.issue(granted('a'))];
  tokens.use(first);
  tokens.use(second);
  const third = tokens.issue(granted('a'));
  assert.throws(() => tokens.use(third), { error: 'temporarily_unavailable' });
  assert.ok(tokens.find(third));
  assert.equal(tokens.findUsed(third), undefined);
});

test('a client that has used up its share does not affect other clients', () => {
  const tokens = new OneTimeTokens<ReturnType<typeof granted>>(60, 2);
  for (const token of [tokens.issue(granted('a')), tokens.issue(granted('a'))]) tokens.use(token);
  tokens.issue(granted('a'));
  tokens.issue(granted('a'));
  assert.throws(() => tokens.issue(granted('a')), { error: 'temporarily_unavailable' });
  const token = tokens.issue(granted('b'));
  tokens.use(token);
  assert.equal(tokens.find(token), undefined);
  assert.ok(tokens.findUsed(token));
});

test('strangers who open many requests do not prevent logins', async (t) => {
  const server = await startTokenServer(clients);
  t.after(() => server.stop());
  const honest = newVisitor(server.url);
  const large = requestUrl(server, 'web', { state: 's'.repeat(8000) });
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(
      Array.from({ length: 25 }, () => fetch(large, { redirect: 'manual' }).then((r) => r.text())),
    );
  }
  const callback = await logIn(honest, requestUrl(server, 'web'));
  assert.ok(callback.searchParams.get('code'));
});

test('after too many failures, requests of an address are refused before their assertions are read', async (t) => {
  const server = await startTokenServer(clients, { FAILURES_PER_MINUTE: '5' });
  t.after(() => server.stop());
  const form = { client_assertion: 'garbage', client_assertion_type: 'x' };
  const statuses: number[] = [];
  for (let count = 0; count < 8; count += 1)
    statuses.push((await server.post('/token', form)).status);
  assert.deepEqual(statuses, [400, 400, 400, 400, 400, 429, 429, 429]);
  const last = await postAs(server, { clientId: 'web', pair }, '/introspect', { token: 't' });
  assert.equal(last.status, 429);
  assert.ok(Number(last.headers.get('retry-after')) > 0);
  assert.equal(
    ((await last.json()) as Record<string, unknown>)['error'],
    'temporarily_unavailable',
  );
  assert.equal((await server.events('authentication', 5)).length, 5);
});

test('requests that succeed are not counted', async (t) => {
  const server = await startTokenServer(clients, { FAILURES_PER_MINUTE: '5' });
  t.after(() => server.stop());
  for (let count = 0; count < 12; count += 1) {
    const caller = { clientId: 'web', pair };
    assert.equal((await postAs(server, caller, '/introspect', { token: 't' })).status, 200);
  }
});

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

for (const levels of [60, 1000, 5000]) {
  test(`a request object that is nested ${levels} deep is invalid_request_object, never a 500`, async (t) => {
    const server = await startTokenServer(clients);
    t.after(() => server.stop());
    const [, claims = ''] = (
      await signAssertion('web', { claims: { sub: undefined, aud: server.url, client_id: 'web' } })
    ).split('.');
    const text = Buffer.from(claims, 'base64url').toString();
    const request = rawAssertion(
      { alg: 'ES256', typ: 'oauth-authz-req+jwt' },
      `${text.slice(0, -1)},"claims":${nested(levels)}}`,
    );
    const { url } = await newVisitor(server.url).open(requestUrl(server, 'web', { request }));
    assert.equal(url.searchParams.get('error'), 'invalid_request_object');
    const pushed = await postAs(server, { clientId: 'web', pair }, '/par', { request });
    assert.equal(pushed.status, 400);
    assert.equal(
      ((await pushed.json()) as Record<string, unknown>)['error'],
      'invalid_request_object',
    );
    assert.deepEqual(await server.events('server_error', 0), []);
  });
}
