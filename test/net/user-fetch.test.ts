import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import type { FetchError, FetchErrorCode } from '../../lib/net/fetch-error.js';
import { guardedFetch } from '../../lib/net/guarded-fetch.js';
import { documentCacheOptions, type FetchOptions } from '../../lib/net/options.js';
import { readOptions } from '../../lib/shared/options.js';

// The user's own fetch makes the request; the rules for URL, redirects, size and time stay ours.

type UserFetch = NonNullable<FetchOptions['fetch']>;

const OPTIONS = documentCacheOptions({ maxBytes: 65_536, maxAge: 3600, maxStale: 900 });
const URL_OF_TEST = 'https://client.example/jwks';

const get = (fetch: UserFetch, options: FetchOptions = {}, url = URL_OF_TEST) =>
  guardedFetch(readOptions('test', { fetch, ...options }, OPTIONS), 'application/json')(url);

const refused = (code: FetchErrorCode) => (error: FetchError) => {
  assert.equal(error.name, 'FetchError');
  assert.equal(error.code, code, error.message);
  return true;
};

const JSON_TYPE = { 'content-type': 'application/json' };

/** A body that never ends, with what became of it. */
function endless(chunk: Uint8Array | null = new Uint8Array(1024)) {
  const seen = { chunks: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      seen.chunks += 1;
      if (chunk === null) return new Promise(() => undefined);
      controller.enqueue(chunk);
      return undefined;
    },
    cancel() {
      seen.cancelled = true;
    },
  });
  return { body, seen };
}

// A time limit alone does not keep a process running.
const running = setInterval(() => undefined, 1000);
after(() => clearInterval(running));

/** Until what was begun in the background has had its turn. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

test('the fetch function gets the URL, the headers and a signal, and must not follow redirects', async () => {
  const calls: unknown[] = [];
  const { value } = await get(async (url, { signal, ...init }) => {
    calls.push(url, init, signal.aborted);
    return Response.json({ ok: true });
  });
  assert.deepEqual(value, { ok: true });
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' };
  assert.deepEqual(calls, [URL_OF_TEST, { headers, redirect: 'manual' }, false]);
});

for (const url of [
  'http://client.example/',
  'https://user:password@client.example/',
  'https://client.example/#part',
  'https://intranet/',
  'https://intranet./',
  'https://INTRANET:8443/x',
  'https://com/',
  'https://intranet%2e/',
  'https://ｉｎｔｒａｎｅｔ/',
  'https://xn--bcher-kva/',
  'https://localhost/',
  'http://localhost:3000/',
]) {
  test(`the fetch function never gets ${url}`, async () => {
    await assert.rejects(
      get(() => assert.fail('called'), {}, url),
      refused('url_invalid'),
    );
  });
}

test('the fetch function never gets a forbidden port or an inner address', async () => {
  const fail: UserFetch = () => assert.fail('called');
  await assert.rejects(get(fail, {}, 'https://client.example:22/'), refused('port_not_allowed'));
  for (const host of ['127.0.0.1', '10.0.0.1', '[::1]', '0x7f.1', '169.254.169.254']) {
    await assert.rejects(get(fail, {}, `https://${host}/`), refused('address_not_allowed'));
  }
});

test('a name without a dot is called if a network or this machine is allowed', async () => {
  for (const options of [{ allowedNetworks: ['10.0.0.0/8'] }, { allowedNetworks: ['localhost'] }]) {
    const { value } = await get(async () => Response.json({}), options, 'https://intranet/');
    assert.deepEqual(value, {});
  }
});

/** What a fetch may bring that is refused before its body is read. */
const REFUSED: readonly (readonly [string, ResponseInit, FetchErrorCode])[] = [
  [
    'a redirect',
    { status: 302, headers: { location: 'https://inner.example/' } },
    'redirect_refused',
  ],
  ['a status of 404', { status: 404, headers: JSON_TYPE }, 'status_not_ok'],
  ['HTML', { headers: { 'content-type': 'text/html' } }, 'content_type_not_json'],
  [
    'a compressed body',
    { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' } },
    'content_encoding_refused',
  ],
  [
    'a length over maxBytes',
    { headers: { ...JSON_TYPE, 'content-length': '65537' } },
    'body_too_large',
  ],
];

for (const [what, init, code] of REFUSED) {
  test(`${what} is refused, and its body is released`, async () => {
    const { body, seen } = endless();
    await assert.rejects(
      get(async () => new Response(body, init)),
      refused(code),
    );
    await turn();
    assert.equal(seen.cancelled, true);
    assert.ok(seen.chunks <= 1, `${seen.chunks} chunks`);
  });
}

test('an answer after a redirect is refused, and its body is released', async () => {
  const { body, seen } = endless();
  const response = Object.defineProperty(new Response(body, { headers: JSON_TYPE }), 'redirected', {
    value: true,
  });
  await assert.rejects(
    get(async () => response),
    refused('redirect_refused'),
  );
  await turn();
  assert.equal(seen.cancelled, true);
});

test('an endless body is read up to maxBytes, then released', async () => {
  const { body, seen } = endless();
  await assert.rejects(
    get(async () => new Response(body, { headers: JSON_TYPE })),
    refused('body_too_large'),
  );
  await turn();
  assert.equal(seen.cancelled, true);
  assert.ok(seen.chunks <= 65_536 / 1024 + 3, `${seen.chunks} chunks`);
});

test('a body of exactly maxBytes is read', async () => {
  const text = JSON.stringify('x'.repeat(65_534));
  const { value } = await get(async () => new Response(text, { headers: JSON_TYPE }));
  assert.equal(String(value).length, 65_534);
});

test('a byte order mark before the JSON is ignored (RFC 8259 §8.1), a second one is not', async () => {
  const send = (text: string) => async () => new Response(text, { headers: JSON_TYPE });
  assert.deepEqual((await get(send('\ufeff{"a":1}'))).value, { a: 1 });
  await assert.rejects(get(send('\ufeff\ufeff{"a":1}')), refused('body_not_json'));
});

test('a fetch function that never answers and ignores the signal is abandoned', async () => {
  await assert.rejects(
    get(() => new Promise(() => undefined), { timeout: 0.05 }),
    { code: 'timeout', message: `${URL_OF_TEST}: it took longer than timeout (0.05 s)` },
  );
});

test('a body that stops in the middle is abandoned', async () => {
  const { body } = endless(null);
  const fetch = async () => new Response(body, { headers: JSON_TYPE });
  await assert.rejects(get(fetch, { timeout: 0.05 }), refused('timeout'));
});

test('an answer that comes after the timeout is released', async () => {
  const { body, seen } = endless();
  const late = new Promise<Response>((resolve) => {
    setTimeout(() => resolve(new Response(body, { headers: JSON_TYPE })), 100);
  });
  await assert.rejects(
    get(() => late, { timeout: 0.05 }),
    refused('timeout'),
  );
  await late;
  await turn();
  assert.equal(seen.cancelled, true);
  assert.ok(seen.chunks <= 1, `${seen.chunks} chunks`);
});

test('a slow body is not read on after the timeout', async () => {
  let chunks = 0;
  let ended = false;
  const body = {
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          chunks += 1;
          yield new Uint8Array(1);
        }
      } finally {
        ended = true;
      }
    },
  };
  const fetch: UserFetch = async () => ({ status: 200, headers: new Headers(JSON_TYPE), body });
  await assert.rejects(get(fetch, { timeout: 0.05 }), refused('timeout'));
  await turn();
  assert.equal(ended, true);
  const before = chunks;
  await turn();
  assert.equal(chunks, before);
});

for (const [what, thrown] of [
  [
    'an error with a secret in its message',
    new Error('token=eyJhbGciOiJub25lIn0.'.padEnd(400, 'e')),
  ],
  ['nothing', undefined],
  ['a text', 'away'],
] as const) {
  test(`a fetch that throws ${what} is a failed connection, in a short sentence`, async () => {
    await assert.rejects(
      get(() => Promise.reject(thrown)),
      (error: FetchError) => {
        assert.ok(error.message.length < 300, error.message);
        return refused('connection_failed')(error);
      },
    );
    await assert.rejects(
      get(() => {
        throw thrown;
      }),
      refused('connection_failed'),
    );
  });
}

test('a value that is not a response is a failed connection', async () => {
  for (const answer of [undefined, null, {}, { status: 200 }]) {
    await assert.rejects(
      get(async () => answer as never),
      refused('connection_failed'),
    );
  }
});

/** What a fetch brings: not a `Response`, so that it has only the named headers. */
const answer =
  (
    headers: Record<string, string>,
    body: object | null = new Blob(['{}']).stream(),
    status = 200,
  ): UserFetch =>
  async () => ({ status, headers: new Headers(headers), body });

const message = (code: FetchErrorCode, text: string, answered?: number) => ({
  name: 'FetchError',
  code,
  message: `${URL_OF_TEST}: ${text}`,
  answered,
});

for (const [headers, freshFor] of [
  [{}, undefined],
  [{ 'cache-control': 'max-age=100', age: '40' }, 60],
  [{ date: 'Mon, 01 Jan 2024 00:00:00 GMT', expires: 'Mon, 01 Jan 2024 00:10:00 GMT' }, 600],
] as const) {
  test(`an answer with ${JSON.stringify(headers)} is fresh for ${freshFor} s (RFC 9111 §4.2)`, async () => {
    assert.equal((await get(answer({ ...JSON_TYPE, ...headers }))).freshFor, freshFor);
  });
}

const REDIRECTS = 'and redirects are not followed: use the final URL';

for (const [status, headers, code, text] of [
  [299, JSON_TYPE, 'status_not_ok', 'its status is 299, not 200'],
  [300, {}, 'redirect_refused', `it redirects (status 300), ${REDIRECTS}`],
  [
    302,
    { location: '/next?token=secret' },
    'redirect_refused',
    `it redirects to /next (status 302), ${REDIRECTS}`,
  ],
  [
    399,
    { location: 'https://b.example/#part' },
    'redirect_refused',
    `it redirects to https://b.example/ (status 399), ${REDIRECTS}`,
  ],
  [400, JSON_TYPE, 'status_not_ok', 'its status is 400, not 200'],
] as const) {
  test(`status ${status} with ${JSON.stringify(headers)} is refused: ${text}`, async () => {
    const fetch = answer(headers, null, status);
    await assert.rejects(get(fetch), message(code, text, status));
  });
}

test('an answer that followed a redirect is refused with its status', async () => {
  const followed: UserFetch = async () => ({
    status: 200,
    redirected: true,
    headers: new Headers(JSON_TYPE),
    body: null,
  });
  const text = `it redirects (status 200), ${REDIRECTS}`;
  await assert.rejects(get(followed), message('redirect_refused', text, 200));
});

for (const [type, accepted] of [
  ['application/json', true],
  ['APPLICATION/JSON ; charset=utf-8', true],
  ['application/jwk-set+json;charset=utf-8', true],
  ['application/vnd.a-b_c.1!#$&^+json', true],
  ['application/json;a="b;c"', true],
  ['', false],
  ['text/json', false],
  ['xapplication/json', false],
  ['application/jsonp', false],
  ['application/+json', false],
  ['application/a+jsonp', false],
  ['application/a b+json', false],
  ['text/html; application/json', false],
  [undefined, false],
] as const) {
  test(`the Content-Type ${type} is ${accepted ? 'accepted' : 'refused'} (RFC 6839 §3.1)`, async () => {
    const fetch = answer(type === undefined ? {} : { 'content-type': type });
    if (accepted) {
      assert.deepEqual((await get(fetch)).value, {});
      return;
    }
    const rule = 'not application/json or a type that ends in +json';
    const text = `its Content-Type is ${type ?? 'missing'}, ${rule}`;
    await assert.rejects(get(fetch), message('content_type_not_json', text));
  });
}

test('a body that says that it is not compressed is read (RFC 9110 §12.5.3)', async () => {
  const { value } = await get(answer({ ...JSON_TYPE, 'content-encoding': 'identity' }));
  assert.deepEqual(value, {});
  await assert.rejects(
    get(answer({ ...JSON_TYPE, 'content-encoding': 'br' })),
    message(
      'content_encoding_refused',
      'it is compressed (br) although the request did not allow that',
    ),
  );
});

test('a body whose Content-Length is maxBytes is read, and a larger one is not', async () => {
  const { value } = await get(answer({ ...JSON_TYPE, 'content-length': '65536' }));
  assert.deepEqual(value, {});
  const unread = {
    [Symbol.asyncIterator]: () => assert.fail('read'),
  };
  await assert.rejects(
    get(answer({ ...JSON_TYPE, 'content-length': '65537' }, unread)),
    message('body_too_large', 'it is larger than maxBytes (65536)'),
  );
});

const bytesOf = (...bytes: number[]) => new Blob([Uint8Array.of(...bytes)]).stream();
const textOf = (text: string) => new Blob([text]).stream();
const UTF16 = 'it is UTF-16, and JSON is UTF-8 (RFC 8259 §8.1)';
const MARKUP = 'it is not JSON: it looks like HTML or XML';

for (const [what, body, text] of [
  ['without a body', () => null, 'it is empty'],
  ['with an empty body', () => textOf(''), 'it is empty'],
  ['in little-endian UTF-16', () => bytesOf(0xff, 0xfe, 0x7b, 0), UTF16],
  ['in big-endian UTF-16', () => bytesOf(0xfe, 0xff, 0, 0x7b), UTF16],
  ['that begins with half a mark', () => bytesOf(0xff, 0xff), 'it is not JSON'],
  ['that begins with another half', () => bytesOf(0xfe, 0xfe), 'it is not JSON'],
  ['that ends with a half of the mark', () => bytesOf(0x20, 0xff), 'it is not JSON'],
  ['that ends with another half', () => bytesOf(0x20, 0xfe), 'it is not JSON'],
  ['in HTML', () => textOf('\n <!doctype html>'), MARKUP],
  ['in text', () => textOf('1 < 2'), 'it is not JSON'],
  ['of half a document', () => textOf('{"keys":'), 'it is not JSON'],
  ['of bytes that are not UTF-8', () => bytesOf(0x22, 0xff, 0x22), 'it is not JSON'],
] as const) {
  test(`an answer ${what} is refused: ${text}`, async () => {
    await assert.rejects(get(answer(JSON_TYPE, body())), message('body_not_json', text));
  });
}

test('a body that comes in parts is put together', async () => {
  const parts = ['{"text"', ':"', 'é"}'].map((part) => Buffer.from(part));
  const halves = [parts[0], parts[1], parts[2]?.subarray(0, 1), parts[2]?.subarray(1)];
  assert.deepEqual((await get(answer(JSON_TYPE, Readable.from(halves)))).value, { text: 'é' });
});

test('a body that is a stream of Node is destroyed if it is not read', async () => {
  const body = Readable.from([Buffer.from('{}')]);
  await assert.rejects(get(answer(JSON_TYPE, body, 404)), refused('status_not_ok'));
  assert.equal(body.destroyed, true);
});

test('a body that cannot be released changes nothing about the answer', async () => {
  const cancel = () => Promise.reject(new Error('it is locked'));
  for (const body of [{}, { cancel }, null]) {
    await assert.rejects(get(answer(JSON_TYPE, body, 404)), refused('status_not_ok'));
  }
  await turn();
});

const HINT = ': the option ca can trust its authority';

for (const [what, thrown, text] of [
  ['a code', Object.assign(new Error('long'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  [
    'a cause with a code, as the fetch of Node does',
    new TypeError('fetch failed', { cause: { code: 'UND_ERR_CONNECT_TIMEOUT' } }),
    'UND_ERR_CONNECT_TIMEOUT',
  ],
  [
    'a code that is a number',
    Object.assign(new Error('aborted'), { code: 20, cause: { code: 'ABORTED' } }),
    'ABORTED',
  ],
  ['no code', Object.assign(new Error('away'), { cause: null }), 'away'],
  ['nothing', undefined, 'failed'],
  ...[
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
  ].map((code) => [code, { code }, `${code}${HINT}`] as const),
  ...['CERT_HAS_EXPIRED', 'ERR_UNABLE_TO_'].map((code) => [code, { code }, code] as const),
] as const) {
  test(`a fetch that throws ${what} is a failed connection: ${text}`, async () => {
    await assert.rejects(
      get(() => Promise.reject(thrown)),
      message('connection_failed', text),
    );
  });
}
