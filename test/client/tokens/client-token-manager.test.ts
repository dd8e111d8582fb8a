import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import express from 'express';
import { getDPoPHandle, randomDPoPKeyPair } from 'openid-client';
import {
  AssertionService,
  ClientTokenManager,
  clientAssertion,
  MemoryTokenStore,
  type TokenSet,
} from '../../../lib/client/index.js';
import { fakeClock } from '../../support/fake-clock.js';
import { flakyEndpoint, withEndpoints } from '../../support/flaky-endpoint.js';
import { newKeyPair } from '../../support/keys.js';
import { listen } from '../../support/listen.js';
import { openIdProvider } from '../../support/openid-provider.js';
import { discover } from '../../support/relying-party.js';
import { keyService } from '../../support/remote-signer.js';
import { waitUntil } from '../../support/wait-until.js';

const LIFETIME = 600;

type ClientTokenManagerOptions = ConstructorParameters<typeof ClientTokenManager>[0];

async function party(t: TestContext, options: Partial<ClientTokenManagerOptions> = {}) {
  const assertions = new AssertionService({
    clientId: 'client',
    key: newKeyPair('ES256').privateKey,
  });
  const provider = await openIdProvider(
    {
      client_id: 'client',
      scope: 'orders invoices',
      jwks: { keys: [assertions.key.publicJwk as never] },
    },
    () => ({
      scopes: ['orders', 'invoices', 'salaries'],
      ttl: { ClientCredentials: LIFETIME },
      features: { dPoP: { enabled: true } },
    }),
  );
  t.after(() => provider.close());
  const config = await discover(provider.issuer, 'client', clientAssertion(assertions));
  const time = fakeClock();
  const tokens = new ClientTokenManager({ config, ...options });
  return { assertions, provider, config, time, tokens };
}

/** An API that knows which tokens it takes. */
async function api(t: TestContext) {
  const refused = new Set<string>();
  const requests: { authorization: string; body: unknown; method: string }[] = [];
  const app = express();
  app.use(express.text({ type: () => true }));
  app.get('/elsewhere', (_request, response) => response.redirect('https://other.example/'));
  app.use((request, response) => {
    const { authorization = '' } = request.headers;
    requests.push({ authorization, body: request.body, method: request.method });
    if (!refused.has(authorization) && !refused.has('all')) {
      response.json({ path: request.path });
      return;
    }
    response.status(401).set('www-authenticate', 'Bearer error="invalid_token"').send('no');
  });
  const listening = await listen(app);
  t.after(() => listening.close());
  return { ...listening, refused, requests };
}

test('a token is kept until shortly before it expires', async (t) => {
  const { tokens, time, provider } = await party(t);
  const first = await tokens.getToken({ scope: 'orders' });
  assert.equal(first.tokenType, 'bearer');
  assert.equal(first.scope, 'orders');
  assert.equal(first.expiresAt, time.now() + LIFETIME);
  time.advance(LIFETIME - 61);
  assert.deepEqual(await tokens.getToken({ scope: 'orders' }), first);
  time.advance(1);
  const second = await tokens.getToken({ scope: 'orders' });
  assert.notEqual(second.accessToken, first.accessToken);
  assert.equal(provider.assertions.length, 2);
});

test('renewBefore is at most half of the lifetime', async (t) => {
  const { tokens, time, provider } = await party(t, { renewBefore: 3600 });
  await tokens.getToken();
  time.advance(LIFETIME / 2 - 1);
  await tokens.getToken();
  assert.equal(provider.assertions.length, 1);
  time.advance(1);
  await tokens.getToken();
  assert.equal(provider.assertions.length, 2);
});

test('one request runs at a time for each scope, in any order of its words', async (t) => {
  const { tokens, provider } = await party(t);
  const both = await Promise.all([
    tokens.getToken({ scope: 'orders invoices' }),
    tokens.getToken({ scope: ['invoices', 'orders'] }),
    tokens.getToken({ scope: ' invoices  orders ' }),
  ]);
  assert.equal(new Set(both.map(({ accessToken }) => accessToken)).size, 1);
  assert.equal(provider.assertions.length, 1);
  const others = await Promise.all([tokens.getToken({ scope: 'orders' }), tokens.getToken()]);
  assert.equal(new Set(others.map(({ accessToken }) => accessToken)).size, 2);
  assert.equal(provider.assertions.length, 3);
});

test('scope, resource and audience are sent, and each combination has its own token', async (t) => {
  const { config, assertions } = await party(t);
  const forms: string[] = [];
  const app = express();
  app.use(express.text({ type: () => true }));
  app.post('/token', (request, response) => {
    const form = new URLSearchParams(request.body);
    for (const name of ['client_assertion', 'client_assertion_type', 'client_id'])
      form.delete(name);
    forms.push(form.toString());
    response.json({ access_token: `at-${forms.length}`, token_type: 'Bearer' });
  });
  const endpoint = await listen(app);
  t.after(() => endpoint.close());
  const moved = withEndpoints(config, { token_endpoint: `${endpoint.url}/token` }, assertions);
  const time = fakeClock();
  const tokens = new ClientTokenManager({ config: moved });
  await tokens.getToken({ resource: ['https://b.example', 'https://a.example'] });
  await tokens.getToken({ resource: 'https://a.example' });
  await tokens.getToken({ audience: 'https://a.example' });
  await tokens.getToken({ audience: 'https://a.example' });
  await tokens.getToken({ scope: ['orders', 'invoices'] });
  assert.deepEqual(forms, [
    'resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example&grant_type=client_credentials',
    'resource=https%3A%2F%2Fa.example&grant_type=client_credentials',
    'audience=https%3A%2F%2Fa.example&grant_type=client_credentials',
    'scope=invoices+orders&grant_type=client_credentials',
  ]);
  time.advance(241);
  await tokens.getToken({ audience: 'https://a.example' });
  assert.equal(forms.length, 5, 'without expires_in a token is renewed within five minutes');
});

test('managers share a store, and a store has no entry for longer than the token lives', async (t) => {
  const store = new MemoryTokenStore();
  const { tokens, provider, config } = await party(t, { store });
  const lifetimes: number[] = [];
  const sharing = new ClientTokenManager({
    config,
    store: {
      get: (key) => store.get(key),
      replace: (key, expected, value, lifetime) => {
        assert.match(key, /^client-token:[\w-]{43}$/);
        lifetimes.push(lifetime);
        return store.replace(key, expected, value, lifetime);
      },
    },
  });
  const { accessToken } = await sharing.getToken();
  assert.equal((await tokens.getToken()).accessToken, accessToken);
  assert.equal(provider.assertions.length, 1);
  assert.deepEqual(lifetimes, [LIFETIME]);
});

test('a store may answer null, as Redis does,', async (t) => {
  const kept = new Map<string, string>();
  const { tokens, provider } = await party(t, {
    store: {
      get: async (key) => JSON.parse(kept.get(key) ?? 'null'),
      replace: async (key, _expected, value) => kept.set(key, JSON.stringify(value)).size > 0,
    },
  });
  const first = await tokens.getToken();
  assert.deepEqual(await tokens.getToken(), first);
  assert.equal(provider.assertions.length, 1);
});

/** What a store returns that is not what it was given. */
const NO_TOKENS: readonly unknown[] = [
  '{"accessToken":"at"}',
  '[object Object]',
  { accessToken: 'at', tokenType: 'bearer', expiresAt: 1e10 },
  { accessToken: 'at', tokenType: 'bearer', expiresAt: '1', renewAt: 1e10 },
  { accessToken: 'at', expiresAt: 1e10, renewAt: 1e10 },
  { access_token: 'at', token_type: 'bearer', expiresAt: 1e10, renewAt: 1e10 },
];

for (const wrong of NO_TOKENS) {
  test(`a store that returns ${JSON.stringify(wrong)} causes an error that says so`, async (t) => {
    const store = { get: () => wrong as TokenSet, replace: () => true };
    const { tokens, provider } = await party(t, { store });
    await assert.rejects(tokens.getToken(), {
      name: 'TypeError',
      message: /^The stored value is not a TokenSet: a store must return what it was given/,
    });
    assert.equal(provider.assertions.length, 0);
  });
}

test('a refusal is not kept', async (t) => {
  const { tokens } = await party(t);
  await assert.rejects(tokens.getToken({ scope: 'salaries' }), { error: 'invalid_scope' });
  await assert.rejects(tokens.getToken({ scope: 'salaries' }), { error: 'invalid_scope' });
  assert.ok((await tokens.getToken()).accessToken);
});

test('fetch adds the token and resolves against the API', async (t) => {
  const { tokens, provider } = await party(t);
  const orders = await api(t);
  const callApi = tokens.fetch(`${orders.url}/v1/`, { scope: 'orders' });
  const answers = await Promise.all(
    [
      'orders/1',
      new URL(`${orders.url}/v1/orders/2`),
      new Request(`${orders.url}/v1/orders/3`),
    ].map(async (input) => (await callApi(input)).json()),
  );
  assert.deepEqual(
    answers,
    [1, 2, 3].map((id) => ({ path: `/v1/orders/${id}` })),
  );
  const { accessToken } = await tokens.getToken({ scope: 'orders' });
  assert.equal(orders.requests[0]?.authorization, `Bearer ${accessToken}`);
  assert.equal(provider.assertions.length, 1);
});

test('tokens can be bound to a key, which fetch then proves to have (RFC 9449)', async (t) => {
  const { config } = await party(t);
  const orders = await api(t);
  const DPoP = getDPoPHandle(config, await randomDPoPKeyPair('ES256'));
  const tokens = new ClientTokenManager({ config, DPoP });
  const { tokenType, accessToken } = await tokens.getToken();
  assert.equal(tokenType, 'dpop');
  await tokens.fetch(orders.url)('/orders');
  assert.equal(orders.requests[0]?.authorization, `DPoP ${accessToken}`);
});

test('after a 401 fetch gets a new token and sends the request once more, with its body', async (t) => {
  const { tokens, provider } = await party(t);
  const orders = await api(t);
  const callApi = tokens.fetch(orders.url);
  const { accessToken } = await tokens.getToken();
  orders.refused.add(`Bearer ${accessToken}`);
  const order = { method: 'POST', body: 'ten lamps', headers: { 'content-type': 'text/plain' } };
  const answers = await Promise.all([1, 2, 3].map(() => callApi('/orders', order)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(provider.assertions.length, 2, 'one renewal for all');
  assert.deepEqual(
    orders.requests.map(({ body, method }) => `${method} ${body}`),
    Array.from({ length: 6 }, () => 'POST ten lamps'),
  );
});

test('a HEAD request is sent once more after a 401 too', async (t) => {
  const { tokens } = await party(t);
  const orders = await api(t);
  const { accessToken } = await tokens.getToken();
  orders.refused.add(`Bearer ${accessToken}`);
  const { status } = await tokens.fetch(orders.url)('/orders', { method: 'HEAD' });
  assert.equal(status, 200);
  assert.equal(orders.requests.length, 2);
});

test('if there is no other token, fetch returns the 401 and sends nothing again', async (t) => {
  const { config, assertions } = await party(t);
  const endpoint = await listen((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end('{"access_token":"always the same","token_type":"Bearer"}');
  });
  t.after(() => endpoint.close());
  const moved = withEndpoints(config, { token_endpoint: endpoint.url }, assertions);
  const orders = await api(t);
  orders.refused.add('all');
  const response = await new ClientTokenManager({ config: moved }).fetch(orders.url)('/orders');
  assert.deepEqual([response.status, await response.text()], [401, 'no']);
  assert.equal(orders.requests.length, 1);
});

test('if the API cannot be reached, fetch rejects with the network error', async (t) => {
  const { tokens } = await party(t);
  const gone = await listen(() => {});
  await gone.close();
  await assert.rejects(tokens.fetch(gone.url)('/orders'), (error: Error) => {
    assert.equal((error.cause as { code?: string }).code, 'ECONNREFUSED');
    return true;
  });
});

test('fetch returns a second 401', async (t) => {
  const { tokens } = await party(t);
  const orders = await api(t);
  orders.refused.add('all');
  const response = await tokens.fetch(orders.url)('/orders');
  assert.equal(response.status, 401);
  assert.equal(await response.text(), 'no');
  assert.equal(orders.requests.length, 2);
});

test('fetch sends tokens only to the API', async (t) => {
  const { tokens, provider } = await party(t);
  const orders = await api(t);
  const callApi = tokens.fetch(orders.url);
  await assert.rejects(callApi('https://other.example/orders'), {
    name: 'TypeError',
    message: `Tokens for ${orders.url} are not sent to https://other.example`,
  });
  assert.equal(provider.assertions.length, 0);
  const redirect = await callApi('/elsewhere');
  assert.equal(redirect.status, 302, 'redirects are not followed');
  assert.throws(() => tokens.fetch('/orders'), /baseUrl must be the absolute URL of the API/);
  for (const baseUrl of ['https://me:password@api.example/', 'https://me@api.example/']) {
    assert.throws(() => tokens.fetch(baseUrl), {
      name: 'TypeError',
      message: 'baseUrl must not contain a user name or password',
    });
  }
});

/** Requests that leave https://api.example/v1/, and what they are told to be. */
const OUTSIDE: readonly (readonly [string, string])[] = [
  ['/orders', 'https://api.example/orders'],
  ['../admin', 'https://api.example/admin'],
  ['%2e%2e/admin', 'https://api.example/admin'],
  ['https://api.example/v10/orders', 'https://api.example/v10/orders'],
];

for (const [input, target] of OUTSIDE) {
  test(`fetch for an API with a path sends no token to ${input}`, async (t) => {
    const { tokens, provider } = await party(t);
    await assert.rejects(tokens.fetch('https://api.example/v1/')(input), {
      name: 'TypeError',
      message: `Tokens for https://api.example/v1/ are not sent to ${target}: write paths without a slash at the start`,
    });
    assert.equal(provider.assertions.length, 0);
  });
}

/** Paths that some servers decode, or cut, after the URL was checked (CWE-22). */
const HIDDEN_DOTS: readonly string[] = [
  'x/..%2fadmin',
  'x/..%5cadmin',
  '..%2Fadmin',
  '%2e%2e%2fadmin',
  '%2E%2E%5Cadmin',
  '..;/admin',
  'x/..;v=1/admin',
  '.%2e;/admin',
  '%252e%252e%252fadmin',
  '..%252fadmin',
  '%25252e%25252e/admin',
  'x%2f..%2f..%2fadmin',
  '..%00/admin',
  '..%09/admin',
  '%c0%ae%c0%ae/admin',
  '..%c0%afadmin',
  '%u002e%u002e/admin',
  `..%${'25'.repeat(40)}2fadmin`,
];

for (const input of HIDDEN_DOTS) {
  test(`fetch sends no token to ${input}, which a server could resolve outside the API`, async (t) => {
    const { tokens, provider } = await party(t);
    await assert.rejects(tokens.fetch('https://api.example/v1/')(input), {
      name: 'TypeError',
      message:
        /^Tokens for https:\/\/api\.example\/v1\/ are not sent to a path with encoded dots: /,
    });
    assert.equal(provider.assertions.length, 0);
  });
}

test('fetch sends tokens to paths with harmless dots and encoded separators', async (t) => {
  const { tokens } = await party(t);
  const orders = await api(t);
  for (const path of [
    'a..b',
    '...',
    'a%2fb',
    '.well-known/x',
    'a;b=..',
    '100%25',
    'x/./y',
    '%zz',
  ]) {
    assert.equal((await tokens.fetch(`${orders.url}/v1/`)(path)).status, 200, path);
  }
});

/** When a call is aborted. */
const ABORTS: readonly (readonly [string, boolean])[] = [
  ['before the answer', false],
  ['in the middle of the body', true],
];

for (const [when, isAnswered] of ABORTS) {
  test(`a request that is aborted ${when} is closed at the API`, async (t) => {
    const { tokens } = await party(t);
    await tokens.getToken();
    let open = 0;
    let opened = 0;
    const silent = await listen((request, response) => {
      open += 1;
      opened += 1;
      request.resume();
      response.on('close', () => {
        open -= 1;
      });
      if (isAnswered) response.write('the beginning');
    });
    t.after(() => silent.close());
    const callApi = tokens.fetch(silent.url);
    const calls = Array.from({ length: 20 }, async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const call = callApi('/', { method: 'POST', body: 'x', signal });
      const text = isAnswered ? call.then((response) => response.text()) : call;
      await waitUntil(async () => opened === 20);
      controller.abort();
      await assert.rejects(text, { name: 'AbortError' });
    });
    await Promise.all(calls);
    await waitUntil(async () => open === 0);
  });
}

test('a call that is aborted while its token is requested is not sent', async (t) => {
  const { config, assertions, provider } = await party(t);
  const steps = new EventEmitter();
  const gate = await listen(async (_request, response) => {
    steps.emit('asked');
    await once(steps, 'go on');
    response.setHeader('content-type', 'application/json');
    response.end('{"access_token":"at","token_type":"Bearer"}');
  });
  t.after(() => gate.close());
  const orders = await api(t);
  const moved = withEndpoints(config, { token_endpoint: gate.url }, assertions);
  const tokens = new ClientTokenManager({ config: moved });
  const controller = new AbortController();
  const asked = once(steps, 'asked');
  const call = tokens.fetch(orders.url)('/orders', { signal: controller.signal });
  await asked;
  controller.abort(new Error('the user has left'));
  await assert.rejects(call, { message: 'the user has left' });
  steps.emit('go on');
  assert.equal((await tokens.getToken()).accessToken, 'at', 'the token is there for the next call');
  assert.equal(orders.requests.length, 0);
  assert.equal(provider.assertions.length, 0);
});

test('managers with two DPoP keys share a store and keep their tokens apart (RFC 9449)', async (t) => {
  const store = new MemoryTokenStore();
  const { config, provider, tokens } = await party(t, { store });
  const [one, two] = await Promise.all(
    [1, 2].map(async () => {
      const DPoP = getDPoPHandle(config, await randomDPoPKeyPair('ES256'));
      return new ClientTokenManager({ config, store, DPoP });
    }),
  );
  const first = await Promise.all([one?.getToken(), two?.getToken(), tokens.getToken()]);
  assert.equal(new Set(first.map((each) => each?.accessToken)).size, 3);
  const again = await Promise.all([one?.getToken(), two?.getToken(), tokens.getToken()]);
  assert.deepEqual(again, first);
  assert.equal(provider.assertions.length, 3);
});

test('fetch accepts the exact URL of an MCP endpoint, and no other path', async (t) => {
  const { tokens, provider } = await party(t);
  const endpoint = await api(t);
  const url = new URL('orders', endpoint.url);
  for (const input of [url, '', 'orders', '?page=2']) {
    assert.equal((await tokens.fetch(url)(input)).status, 200, String(input));
  }
  const asked = provider.assertions.length;
  for (const input of ['orders/1', 'orders2', '/', './', 'orders/', '/orders%2f..', 'ORDERS']) {
    await assert.rejects(tokens.fetch(url)(input), { name: 'TypeError' }, input);
  }
  await assert.rejects(tokens.fetch('https://api.example/v1?x=1')('orders'), {
    name: 'TypeError',
    message:
      'Tokens for https://api.example/v1 are not sent to https://api.example/orders: they are for this one URL. For all paths below, end baseUrl with a slash: https://api.example/v1/',
  });
  assert.equal(provider.assertions.length, asked);
  assert.throws(() => tokens.fetch('localhost:3000'), /baseUrl must be the absolute URL/);
});

test('fetch can be aborted', async (t) => {
  const { tokens } = await party(t);
  const silent = await listen(() => {});
  t.after(() => silent.close());
  const callApi = tokens.fetch(silent.url);
  await assert.rejects(callApi('/', { signal: AbortSignal.abort() }), { name: 'AbortError' });
  await assert.rejects(callApi('/', { signal: AbortSignal.timeout(100) }), {
    name: 'TimeoutError',
  });
});

test('a request without an answer is sent once more, with a new assertion', async (t) => {
  const { config, assertions, provider } = await party(t);
  const flaky = await flakyEndpoint(`${provider.issuer}/token`);
  t.after(() => flaky.close());
  const moved = withEndpoints(config, { token_endpoint: `${flaky.url}/token` }, assertions);
  const tokens = new ClientTokenManager({ config: moved });
  flaky.lose = 1;
  assert.ok((await tokens.getToken()).accessToken);
  assert.equal(flaky.ids.length, 2);
  assert.equal(new Set(flaky.ids).size, 2);
  flaky.lose = 2;
  await assert.rejects(tokens.getToken({ scope: 'orders' }));
  assert.equal(flaky.ids.length, 4, 'no third time');
});

test('a refused request is not sent again', async (t) => {
  const { config, provider } = await party(t);
  const stranger = new AssertionService({
    clientId: 'client',
    key: newKeyPair('ES256').privateKey,
  });
  const flaky = await flakyEndpoint(`${provider.issuer}/token`);
  t.after(() => flaky.close());
  const moved = withEndpoints(config, { token_endpoint: `${flaky.url}/token` }, stranger);
  await assert.rejects(new ClientTokenManager({ config: moved }).getToken(), {
    error: 'invalid_client',
  });
  assert.equal(flaky.ids.length, 1);
});

test('no error and no printed object has an assertion, a token or a key in it', async (t) => {
  const { config, provider, tokens } = await party(t);
  const signer = keyService('ES256');
  const service = new AssertionService({ clientId: 'client', key: signer });
  const flaky = await flakyEndpoint(`${provider.issuer}/token`);
  t.after(() => flaky.close());
  const moved = withEndpoints(config, { token_endpoint: `${flaky.url}/token` }, service);
  const manager = new ClientTokenManager({ config: moved });
  const refused = await manager.getToken().catch((error: unknown) => error);
  flaky.lose = 2;
  const lost = await manager.getToken().catch((error: unknown) => error);
  assert.equal(signer.signed.length, 3);
  assert.equal(new Set(signer.signed).size, 3, 'nothing is signed twice');

  const { accessToken } = await tokens.getToken();
  const printed = [
    refused,
    lost,
    manager,
    tokens,
    new AssertionService({ clientId: 'c', key: newKeyPair('ES256').privateKey }),
  ]
    .map((each) => inspect(each, { depth: 20, showHidden: true }))
    .join('\n');
  for (const signed of signer.signed) assert.ok(!printed.includes(signed.slice(0, 60)));
  assert.ok(!printed.includes(accessToken));
  assert.doesNotMatch(printed, /client_assertion=|PRIVATE KEY/);
});
