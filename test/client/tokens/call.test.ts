import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import {
  ClientSecretBasic,
  Configuration,
  type CustomFetch,
  customFetch,
  fetchUserInfo,
  genericGrantRequest,
  None,
} from 'openid-client';
import { type ClientEvent, callProvider } from '../../../lib/client/index.js';
import { boundedText, clientEvent, revokeTokens } from '../../../lib/client/tokens/provider.js';

// What one call of a provider makes of the answer. The provider is a function.

const SERVER = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };

type Answer = (form: URLSearchParams, url: string) => Response | Promise<Response>;

function configured(answer: Answer, server: object = {}) {
  const config = new Configuration({ ...SERVER, ...server }, 'client', undefined, None());
  const send: CustomFetch = async (url, { body }) => answer(body as URLSearchParams, url);
  config[customFetch] = send;
  return config;
}

const oauthError = (error: string, error_description?: string, status = 400) =>
  Response.json({ error, error_description }, { status });

const requested = (config: Configuration, parameters: Record<string, string> = {}) =>
  callProvider(config, () => genericGrantRequest(config, 'urn:example:grant', parameters));

const failed = async (promise: Promise<unknown>) => {
  const thrown = await promise.then(
    () => assert.fail('it did not fail'),
    (error) => error,
  );
  assert.ok(thrown instanceof Error);
  return thrown as Error & Record<string, unknown>;
};

for (const name of [
  'client_assertion',
  'client_secret',
  'code',
  'code_verifier',
  'refresh_token',
  'token',
  'subject_token',
  'actor_token',
  'assertion',
  'request',
  'id_token_hint',
  'login_hint_token',
]) {
  test(`a provider that repeats ${name} does not bring it into an error`, async () => {
    const config = configured((form) => oauthError('invalid_request', `of ${form.get(name)}`));
    const { message } = await failed(requested(config, { [name]: 'abcd1234' }));
    assert.equal(message, 'The provider refused this client: invalid_request: of [secret].');
  });
}

test('short values and values that are not secret are not struck out', async () => {
  const config = configured((form) => oauthError('invalid_request', form.get('scope') ?? ''));
  const { message } = await failed(requested(config, { scope: 'abc123 x', code: 'abc123x' }));
  assert.match(message, /invalid_request: abc123 x\.$/);
  const word = configured(() => oauthError('invalid_request', 'abc123x'));
  assert.match((await failed(requested(word, { code: 'abc123x' }))).message, /: abc123x\.$/);
});

test('a client secret in the header is struck out as it is, encoded and decoded (RFC 6749 §2.3.1)', async () => {
  const secret = 'a secret: "1+1"';
  const config = configured(() => oauthError('invalid_client', 'replaced by the test', 401));
  const send = config[customFetch] as CustomFetch;
  const basic = new Configuration(SERVER, 'client', undefined, ClientSecretBasic(secret));
  basic[customFetch] = async (url, options) => {
    const [, credentials = ''] =
      new Headers(options.headers).get('authorization')?.split(' ') ?? [];
    const encoded = Buffer.from(credentials, 'base64').toString().slice('client:'.length);
    assert.notEqual(encoded, secret);
    await send(url, options);
    return oauthError('invalid_client', `${secret}, ${encoded}, ${credentials}, client`, 401);
  };
  const { message } = await failed(requested(basic));
  assert.match(message, /: invalid_client: \[secret\], \[secret\], \[secret\], client\.$/);
});

for (const token of ['SGVsbG8', Buffer.from('client:the users').toString('base64')]) {
  test(`an access token is struck out, and no other word: Bearer ${token} (RFC 6750 §2.1)`, async () => {
    const description = `${token}0 of the users is undefined`;
    const config = configured(() => oauthError('server_error', description, 500), {
      userinfo_endpoint: 'https://as.example/me',
    });
    const { message } = await failed(
      callProvider(config, () => fetchUserInfo(config, `${token}0`, 'alice')),
    );
    assert.match(message, /: server_error: \[secret\] of the users is undefined\.$/);
  });
}

test('a configuration without a time limit of its own gets one', async () => {
  const signals: unknown[] = [];
  const config = configured(() => answered(token('1')));
  const send = config[customFetch] as CustomFetch;
  config.timeout = 0;
  config[customFetch] = (url, options) => {
    signals.push(options.signal);
    return send(url, options);
  };
  assert.equal((await requested(config)).access_token, 'at');
  assert.ok(signals[0] instanceof AbortSignal);
});

for (const status of [204, 205, 304]) {
  test(`status ${status}, which has no body, is an answer that is no token (RFC 9110 §15)`, async () => {
    const {
      name,
      status: thrown,
      message,
    } = await failed(requested(configured(() => new Response(null, { status }))));
    assert.deepEqual([name, thrown], ['ProviderError', 502]);
    assert.match(message, new RegExp(`cannot be used \\(status ${status}\\)`));
  });
}

for (const status of [200, 400, 599]) {
  test(`an answer keeps its status ${status}, its headers and its text`, async () => {
    const config = configured(
      () => new Response('{"a": 1}', { status, statusText: 'Odd', headers: { 'x-a': 'b' } }),
    );
    let answer: Response | undefined;
    await callProvider(config, async () => {
      const send = config[customFetch] as CustomFetch;
      answer = await send('https://as.example', {
        body: null,
        headers: {},
        method: 'GET',
        redirect: 'manual',
      });
    });
    assert.deepEqual(
      [answer?.status, answer?.statusText, answer?.headers.get('x-a'), await answer?.text()],
      [status, 'Odd', 'b', '{"a": 1}'],
    );
  });
}

for (const status of [600, 999]) {
  test(`status ${status} is not one of HTTP (RFC 9110 §15)`, async () => {
    const config = configured(() =>
      Object.defineProperty(new Response('{}'), 'status', { value: status }),
    );
    const { message } = await failed(requested(config));
    assert.equal(message, `The answer of the provider cannot be used: its status is ${status}.`);
  });
}

/** An answer whose arrays are nested this deep. */
const nested = (depth: number) =>
  `{"access_token":"at","token_type":"bearer","a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
const answered = (text: string) =>
  new Response(text, { headers: { 'content-type': 'application/json' } });
const token = (member: string) => `{"access_token":"at","token_type":"bearer","a":${member}}`;

const TAKEN: readonly (readonly [string, string])[] = [
  ['nested 64 deep', nested(64)],
  ['with a hundred arrays side by side', token(`[${Array(100).fill('[]').join()}]`)],
  ['with a hundred objects side by side', token(`[${Array(100).fill('{}').join()}]`)],
  ['with brackets in a string', token(`"${'[{'.repeat(100)}"`)],
  ['with brackets after an escaped quote', token(`"\\"${'[{'.repeat(100)}"`)],
];

for (const [what, text] of TAKEN) {
  test(`an answer ${what} is accepted`, async () => {
    const { access_token } = await requested(configured(() => answered(text)));
    assert.equal(access_token, 'at');
  });
}

for (const [what, text] of [
  ['arrays', nested(65)],
  ['objects', token(`${'{"a":'.repeat(64)}1${'}'.repeat(64)}`)],
  [
    'arrays after a string that ends with a backslash',
    token(`["\\\\",${'['.repeat(63)}${']'.repeat(64)}`),
  ],
  ['arrays after strings', token(`["a","b",${'['.repeat(63)}${']'.repeat(64)}`)],
] as const) {
  test(`an answer whose ${what} are nested 65 deep is refused`, async () => {
    const { name, status, message } = await failed(requested(configured(() => answered(text))));
    assert.deepEqual([name, status], ['ProviderError', 502]);
    assert.equal(
      message,
      'The answer of the provider cannot be used: it is nested more than 64 levels deep.',
    );
  });
}

test('an answer may have a megabyte', async () => {
  assert.equal((await boundedText(new Response('ä'.repeat(524_288))))?.length, 524_288);
  assert.equal(await boundedText(new Response('x'.repeat(1_048_577))), undefined);
  assert.equal(await boundedText(new Response(null)), '');
  assert.equal(await boundedText(new Response('')), '');
  const long = configured(() => answered(token(`"${'x'.repeat(1_048_576)}"`)));
  assert.equal(
    (await failed(requested(long))).message,
    'The answer of the provider cannot be used: it is longer than 1048576 bytes.',
  );
});

const fetchFailed = (code: unknown) => () =>
  Promise.reject(
    new TypeError('fetch failed', { cause: Object.assign(new Error('of the socket'), { code }) }),
  );

for (const code of [
  'HPE_INVALID_CONSTANT',
  'Z_DATA_ERROR',
  'ZSTD_error_prefix_unknown',
  'ERR__ERROR_FORMAT_PADDING_1',
  'ERR_BROTLI_DECODE',
  'UND_ERR_HEADERS_OVERFLOW',
]) {
  test(`${code} means that an answer came, but not an HTTP response`, async () => {
    const { status, message } = await failed(requested(configured(fetchFailed(code))));
    assert.equal(status, 502);
    assert.equal(
      message,
      `The answer of the provider cannot be used: it is broken HTTP (${code}).`,
    );
  });
}

for (const code of ['UND_ERR_HEADERS_OVERFLOW2', 'X_HPE_', 'ECONNABORTED']) {
  test(`${code} means that no answer came`, async () => {
    const { status, message } = await failed(requested(configured(fetchFailed(code))));
    assert.deepEqual([status, message], [503, `The provider cannot be reached (${code}).`]);
  });
}

test('only the second answer counts, whatever the first answer was', async () => {
  let times = 0;
  const config = configured(() => {
    times += 1;
    if (times === 1) return oauthError('invalid_client', 'of the first', 401);
    return Response.json({ access_token: 'at' }, { status: 404 });
  });
  const { name, message } = await failed(
    callProvider(config, async () => {
      await genericGrantRequest(config, 'urn:example:grant', {}).catch(() => undefined);
      return genericGrantRequest(config, 'urn:example:grant', {});
    }),
  );
  assert.equal(name, 'ProviderError');
  assert.doesNotMatch(message, /of the first|invalid_client/);
  assert.match(message, /\(status 404, application\/json\)/);
});

for (const body of ['[]', '{"error":7}', 'null', '"error"', 'error']) {
  test(`${body} with status 400 is an answer without an OAuth error`, async () => {
    const config = configured(
      () => new Response(body, { status: 400, headers: { 'content-type': 'application/json' } }),
    );
    const { name, status, error } = await failed(requested(config));
    assert.deepEqual([name, status, error], ['ProviderError', 502, undefined]);
  });
}

test('requests outside a call are sent unchanged', async () => {
  const seen: unknown[] = [];
  const config = configured(() => oauthError('invalid_client'));
  const send = config[customFetch] as CustomFetch;
  config[customFetch] = (url, options) => {
    seen.push(options.signal);
    return send(url, options);
  };
  await failed(requested(config));
  assert.ok(seen[0] instanceof AbortSignal);
  const { name } = await failed(genericGrantRequest(config, 'urn:example:grant', {}) as never);
  assert.equal(name, 'ResponseBodyError');
});

test('the event of a refusal contains nothing that was sent', async () => {
  const events: unknown[] = [];
  const note = (event: unknown) => events.push(event);
  const client = channel('passport-private-key-jwt:client');
  client.subscribe(note);
  try {
    const config = configured(() => oauthError('invalid_client', 'no'));
    const { message } = await failed(requested(config));
    assert.deepEqual(events, [
      {
        type: 'refused',
        clientId: 'client',
        issuer: SERVER.issuer,
        error: 'invalid_client',
        message,
      } satisfies ClientEvent,
    ]);
    const own = new Error('of the application');
    assert.equal(await failed(callProvider(config, () => Promise.reject(own))), own);
    assert.equal(events.length, 1);
    assert.deepEqual(clientEvent(config, 'token_obtained'), {
      type: 'token_obtained',
      clientId: 'client',
      issuer: SERVER.issuer,
    });
  } finally {
    client.unsubscribe(note);
  }
});

const REVOCATION = { revocation_endpoint: 'https://as.example/revoke' };
const BOTH = { accessToken: 'the access token', refreshToken: 'the refresh token' };

async function revoked(tokens: typeof BOTH | { accessToken: string }, answer: Answer) {
  const sent: (string | null)[][] = [];
  const config = configured((form, url) => {
    assert.equal(url, REVOCATION.revocation_endpoint);
    sent.push([form.get('token'), form.get('token_type_hint')]);
    return answer(form, url);
  }, REVOCATION);
  return { sent, outcome: await revokeTokens(config, tokens).catch((error) => error) };
}

const done = () => new Response(null, { status: 200 });
const refusing =
  (hint: string, error: string): Answer =>
  (form) =>
    form.get('token_type_hint') === hint ? oauthError(error) : done();

test('both tokens are revoked, the refresh token first (RFC 7009 §2.1)', async () => {
  const { sent, outcome } = await revoked(BOTH, done);
  assert.equal(outcome, true);
  assert.deepEqual(sent, [
    ['the refresh token', 'refresh_token'],
    ['the access token', 'access_token'],
  ]);
  const alone = await revoked({ accessToken: 'the access token' }, done);
  assert.deepEqual(alone.sent, [['the access token', 'access_token']]);
  assert.equal(alone.outcome, true);
});

test('a server that cannot revoke is not called', async () => {
  const config = configured(() => assert.fail('it is called'));
  assert.equal(await revokeTokens(config, BOTH), false);
});

for (const [hint, error, isFailure] of [
  ['access_token', 'unsupported_token_type', false],
  ['access_token', 'invalid_client', true],
  ['refresh_token', 'unsupported_token_type', true],
  ['refresh_token', 'invalid_client', true],
] as const) {
  test(`${error} for the ${hint} is ${isFailure ? 'a' : 'no'} failure of a logout, and both are sent (RFC 7009 §2.2.1)`, async () => {
    const { sent, outcome } = await revoked(BOTH, refusing(hint, error));
    assert.equal(sent.length, 2);
    if (isFailure) assert.equal(outcome.error, error);
    else assert.equal(outcome, true);
  });
}

test('a revocation without an answer is sent once more', async () => {
  let times = 0;
  const { sent, outcome } = await revoked({ accessToken: 'at' }, () => {
    times += 1;
    return times === 1 ? fetchFailed('ECONNRESET')() : done();
  });
  assert.equal(outcome, true);
  assert.equal(sent.length, 2);
});
