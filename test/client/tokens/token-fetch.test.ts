import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Configuration, customFetch, getDPoPHandle, randomDPoPKeyPair } from 'openid-client';
import type { TokenSet } from '../../../lib/client/index.js';
import { tokenFetch } from '../../../lib/client/tokens/token-fetch.js';

// What fetch sends to an API, and where it sends nothing. The API is a function.

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly authorization: string | null;
  readonly body: string;
}

type Api = (sent: Sent, times: number) => Response | Promise<Response>;

function client(baseUrl: string | URL, api: Api = () => new Response('done')) {
  const config = new Configuration({ issuer: 'https://as.example' }, 'client');
  const sent: Sent[] = [];
  const asked: (string | undefined)[] = [];
  const signals: (AbortSignal | null | undefined)[] = [];
  config[customFetch] = async (url, { method, headers, body, signal }) => {
    const authorization = new Headers(headers).get('authorization');
    const one = {
      url,
      method,
      authorization,
      body: Buffer.from((body ?? '') as string).toString(),
    };
    sent.push(one);
    signals.push(signal);
    return api(one, sent.length);
  };
  const tokens = ['first', 'second', 'third'];
  const getToken = async (refused?: string): Promise<TokenSet> => {
    asked.push(refused);
    if (refused !== undefined) tokens.shift();
    return { accessToken: tokens[0] ?? '', tokenType: 'bearer', expiresAt: 2, renewAt: 1 };
  };
  const options = { config, baseUrl, getToken, DPoP: () => undefined };
  return { config, options, sent, asked, signals, tokens, callApi: tokenFetch(options) };
}

const refusing =
  (...refused: string[]): Api =>
  ({ authorization }) =>
    new Response('no', {
      status: refused.includes(authorization ?? '') ? 401 : 200,
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    });

test('a request is sent unchanged, with the token added (RFC 6750 §2.1)', async () => {
  const { callApi, sent, asked } = client('https://api.example/v1/');
  const response = await callApi('orders?page=1', {
    method: 'POST',
    body: 'an order',
    headers: { 'content-type': 'text/plain' },
  });
  assert.equal(await response.text(), 'done');
  const url = 'https://api.example/v1/orders?page=1';
  assert.deepEqual(sent, [
    { url, method: 'POST', authorization: 'Bearer first', body: 'an order' },
  ]);
  assert.deepEqual(asked, [undefined]);
  await callApi(new Request(url));
  await callApi(new URL(url));
  assert.deepEqual(
    sent.slice(1).map(({ method, body }) => [method, body]),
    [
      ['GET', ''],
      ['GET', ''],
    ],
  );
});

test('after a 401 the request is sent once more with another token, body and all', async () => {
  const { callApi, sent, asked } = client('https://api.example', refusing('Bearer first'));
  const response = await callApi('/orders', { method: 'PUT', body: 'an order' });
  assert.equal(response.status, 200);
  assert.deepEqual(asked, [undefined, 'first']);
  assert.deepEqual(
    sent.map(({ authorization, body }) => [authorization, body]),
    [
      ['Bearer first', 'an order'],
      ['Bearer second', 'an order'],
    ],
  );
});

test('a second 401 is returned, and so is the first 401 if there is no other token', async () => {
  const two = client('https://api.example', refusing('Bearer first', 'Bearer second'));
  assert.equal((await two.callApi('/')).status, 401);
  assert.equal(two.sent.length, 2);
  const one = client('https://api.example', refusing('Bearer first'));
  one.tokens.push(...one.tokens.splice(0).map(() => 'first'));
  const response = await one.callApi('/');
  assert.equal(response.status, 401);
  assert.equal(await response.text(), 'no');
  assert.equal(one.sent.length, 1);
});

for (const status of [200, 400, 403, 500]) {
  test(`the status ${status} is returned`, async () => {
    const { callApi, sent } = client('https://api.example', () => new Response('', { status }));
    assert.equal((await callApi('/')).status, status);
    assert.equal(sent.length, 1);
  });
}

test('the body of the first 401 is read or cancelled', async () => {
  let isCancelled = false;
  const body = new ReadableStream({
    cancel() {
      isCancelled = true;
    },
  });
  const { callApi } = client('https://api.example', (_sent, times) =>
    times === 1 ? new Response(body, { status: 401 }) : new Response('done'),
  );
  assert.equal((await callApi('/')).status, 200);
  assert.equal(isCancelled, true);
});

for (const base of ['api.example', '/v1/', 'file:///v1/', '', 'ftp://api.example/'] as const) {
  test(`${JSON.stringify(base)} is refused as the URL of an API`, () => {
    assert.throws(() => client(base), {
      name: 'TypeError',
      message: 'baseUrl must be the absolute URL of the API',
    });
  });
}

const FOLDER = 'https://api.example/v1/';
const ENDPOINT = 'https://api.example/mcp';

const hidden = (path: string) => `are not sent to a path with encoded dots: ${path}`;

const REFUSED: readonly (readonly [base: string, input: string, message: string])[] = [
  [
    FOLDER,
    'https://other.example/v1/',
    'Tokens for https://api.example are not sent to https://other.example',
  ],
  [
    FOLDER,
    'http://api.example/v1/',
    'Tokens for https://api.example are not sent to http://api.example',
  ],
  [
    FOLDER,
    '/orders',
    'Tokens for https://api.example/v1/ are not sent to https://api.example/orders: write paths without a slash at the start',
  ],
  [
    FOLDER,
    '/v1',
    'Tokens for https://api.example/v1/ are not sent to https://api.example/v1: write paths without a slash at the start',
  ],
  ...['/mcp/', '/mcp/x', '/', '/mc'].map(
    (path) =>
      [
        ENDPOINT,
        path,
        `Tokens for https://api.example/mcp are not sent to https://api.example${path}: they are for this one URL. For all paths below, end baseUrl with a slash: https://api.example/mcp/`,
      ] as const,
  ),
  ...[
    'a/..%2fadmin',
    'a/..%2Fadmin',
    'a/..%5cadmin',
    'a/.%252e%2fx',
    'a/%u002e%u002e%2fx',
    'a/%c0%ae.%2fx',
    'a/%e0%80%ae.%2fx',
    'a/..%u2215x',
    'a/..%u2216x',
    'a/..%c0%afx',
    'a/..%C0%AFx',
    'a/..%e0%80%afx',
    'a/..%c1%9cx',
    'a/..;v=1/x',
    'a/.;v=1/x',
    'a/..%20/x',
    'a/.%00./x',
    'a/..%7f/x',
    'a/..%1f/x',
    'a/..;%0a/x',
    'a/%25252525252e./x',
  ].map((path) => [FOLDER, path, `Tokens for ${FOLDER} ${hidden(`/v1/${path}`)}`] as const),
];

for (const [base, input, message] of REFUSED) {
  test(`a token for ${base} is not sent to ${input} (CWE-22)`, async () => {
    const { callApi, sent, asked } = client(base);
    await assert.rejects(callApi(input), { name: 'TypeError', message });
    assert.deepEqual([sent, asked], [[], []]);
  });
}

for (const path of [
  '',
  'orders',
  'a..b',
  'a/...',
  'a/..b/c',
  'a/b..',
  'a%2fb',
  'a%5cb',
  'a;b=..',
  'a/%21..',
  'a/%2e%21',
  '%c3%a4',
  '%zz',
  'a%20b',
  '%2525252541',
]) {
  test(`a token for ${FOLDER} is sent to ${JSON.stringify(path)} below it`, async () => {
    const { callApi, sent } = client(FOLDER);
    await callApi(path);
    assert.deepEqual(
      sent.map(({ url }) => url),
      [`https://api.example/v1/${path}`],
    );
  });
}

test('a token for one URL is sent to it, with any query', async () => {
  const { callApi, sent } = client(ENDPOINT);
  await callApi(ENDPOINT);
  await callApi(`${ENDPOINT}?a=..%2f`);
  assert.equal(sent.length, 2);
});

const REASON = new Error('given up');
const isReason = (error: unknown) => error === REASON;

test('a request that is already aborted gets no token and is not sent', async () => {
  const { callApi, sent, asked } = client(FOLDER);
  await assert.rejects(callApi('', { signal: AbortSignal.abort(REASON) }), isReason);
  assert.deepEqual([sent, asked], [[], []]);
});

test('a request that is aborted while it waits for its token ends at once and is not sent', async () => {
  const { options, sent } = client(FOLDER);
  const controller = new AbortController();
  let give = (_tokens: TokenSet) => {};
  const getToken = () => new Promise<TokenSet>((resolve) => (give = resolve));
  const called = tokenFetch({ ...options, getToken })('', { signal: controller.signal });
  await new Promise(setImmediate);
  controller.abort(REASON);
  await assert.rejects(called, isReason);
  give({ accessToken: 'at', tokenType: 'bearer', expiresAt: 2, renewAt: 1 });
  await new Promise(setImmediate);
  assert.deepEqual(sent, []);
});

test('an abort reaches the API, and no new token is requested', async () => {
  const controller = new AbortController();
  const { callApi, signals, asked } = client(FOLDER, () => {
    controller.abort(REASON);
    return new Response('no', { status: 401 });
  });
  await assert.rejects(callApi('', { signal: controller.signal }), isReason);
  await new Promise(setImmediate);
  assert.equal(signals[0]?.aborted, true);
  assert.deepEqual(asked, [undefined]);
});

test('fetch rejects with the error of the API call', async () => {
  const failure = new TypeError('fetch failed');
  const { callApi } = client(FOLDER, () => Promise.reject(failure));
  await assert.rejects(callApi(''), (error) => error === failure);
});

test('a token that is bound to a key is sent with a proof of it (RFC 9449 §7.1)', async () => {
  const proofs: (string | null)[] = [];
  const { config, options } = client(FOLDER);
  config[customFetch] = async (_url, { headers }) => {
    const given = new Headers(headers);
    proofs.push(given.get('authorization'), given.get('dpop'));
    return new Response('done');
  };
  const handle = getDPoPHandle(config, await randomDPoPKeyPair('ES256'));
  await tokenFetch({ ...options, DPoP: async () => handle })('');
  assert.equal(proofs[0], 'DPoP first');
  assert.match(proofs[1] ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
});
