import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  Configuration,
  clientCredentialsGrant,
  customFetch,
  fetchProtectedResource,
  fetchUserInfo,
  skipSubjectCheck,
} from 'openid-client';
import {
  AssertionService,
  ClientTokenManager,
  callProvider,
  clientAssertion,
  MemoryTokenStore,
  UserTokenManager,
} from '../../../lib/client/index.js';
import { newKeyPair } from '../../support/keys.js';
import { listen } from '../../support/listen.js';
import { userTokenKey } from '../../support/user-token-key.js';

// What a provider can answer, and whose fault it is.

const REFRESH_TOKEN = 'the refresh token of "alice"+/=';
const SECRET = 'an access token that was on its way';

interface Fault {
  readonly name: 'LoginRequiredError' | 'ClientRefusedError' | 'ProviderError';
  readonly status: number;
  readonly message: RegExp;
  readonly error?: string;
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  ((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  }) satisfies RequestListener;

const text =
  (status: number, type: string, body: string): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(body);
  };

const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

async function endless(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"access_token":"');
  while (!response.destroyed) {
    if (!response.write('x'.repeat(65_536))) {
      await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
  }
}

/** Bytes that are not an HTTP response. */
const raw =
  (bytes: string): RequestListener =>
  ({ socket }) => {
    socket.end(bytes);
  };

const encoded =
  (encoding: string, body: Buffer): RequestListener =>
  (_request, response) => {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-encoding': encoding,
    });
    response.end(body);
  };

const SENT =
  / The assertion had kid "key-1", alg ES256, typ JWT and aud "http:\/\/127\.0\.0\.1:\d+"\.$/;

const refused = (error: string, message: RegExp): Fault => ({
  name: 'ClientRefusedError',
  status: 502,
  error,
  message: new RegExp(message.source + SENT.source),
});
const nonsense = (message: RegExp): Fault => ({ name: 'ProviderError', status: 502, message });
const outage = (message: RegExp, error?: string): Fault => ({
  name: 'ProviderError',
  status: 503,
  message,
  ...(error !== undefined && { error }),
});

/** What the token endpoint answers, to a refresh if nothing else is said. */
const ANSWERS: readonly (readonly [what: string, answer: RequestListener, fault: Fault])[] = [
  [
    'invalid_client in the body (RFC 6749 §5.2)',
    json(401, { error: 'invalid_client', error_description: 'no such key' }),
    refused('invalid_client', /^The provider refused this client: invalid_client: no such key\./),
  ],
  [
    'invalid_client in a challenge (RFC 9110 §11.6.1)',
    (_request, response) => {
      response.writeHead(401, {
        'www-authenticate': 'Bearer error="invalid_client", error_description="the aud is wrong"',
      });
      response.end();
    },
    refused(
      'invalid_client',
      /^The provider refused this client: invalid_client: the aud is wrong\./,
    ),
  ],
  [
    'a challenge beside a body that says more',
    json(
      401,
      { error: 'invalid_client', error_description: 'kid unknown' },
      {
        'www-authenticate': 'Basic realm="as"',
      },
    ),
    refused('invalid_client', /^The provider refused this client: invalid_client: kid unknown\./),
  ],
  [
    '401 without a word',
    text(401, 'text/plain', ''),
    { name: 'ClientRefusedError', status: 502, message: /refused this client: status 401\./ },
  ],
  [
    'unauthorized_client',
    json(400, { error: 'unauthorized_client' }),
    refused('unauthorized_client', /^The provider refused this client: unauthorized_client\./),
  ],
  [
    'an error with status 200, as some servers do',
    json(200, { error: 'invalid_request', error_description: 'no' }),
    refused('invalid_request', /invalid_request: no\./),
  ],
  [
    'an error whose content type is wrong',
    text(400, 'text/plain', '{"error":"invalid_scope"}'),
    refused('invalid_scope', /invalid_scope\./),
  ],
  ...[
    'The audience of the client assertion is wrong',
    "assertion's aud must be the issuer",
    'The assertion for this refresh_token request has expired',
    'Incorrect redirect_uri',
    "the authorization code's redirect_uri does not match",
    'JWT signature does not match',
    'Client authentication failed',
  ].map(
    (error_description) =>
      [
        `invalid_grant for an assertion: ${error_description}`,
        json(400, { error: 'invalid_grant', error_description }),
        refused('invalid_grant', new RegExp(`invalid_grant: ${error_description}\\.`)),
      ] as const,
  ),
  [
    'invalid_token for the audience of an assertion, as OpenIddict 7.8 does',
    json(400, {
      error: 'invalid_token',
      error_description: "The specified token doesn't contain any valid audience.",
      error_uri: 'https://documentation.openiddict.com/errors/ID2094',
    }),
    refused(
      'invalid_token',
      /invalid_token: The specified token doesn't contain any valid audience\./,
    ),
  ],
  [
    'invalid_client for a key that is not known, as OpenIddict 7.8 does',
    json(401, {
      error: 'invalid_client',
      error_description: 'The signing key associated to the specified token was not found.',
    }),
    refused(
      'invalid_client',
      /invalid_client: The signing key associated to the specified token was not found\./,
    ),
  ],
  [
    'invalid_grant for the refresh token',
    json(400, { error: 'invalid_grant', error_description: 'The token was revoked' }),
    {
      name: 'LoginRequiredError',
      status: 401,
      error: 'invalid_grant',
      message:
        /^The user must log in again: the provider says invalid_grant: The token was revoked\./,
    },
  ],
  ...[
    'The refresh token is an expired JWT',
    'Refresh token signature is invalid',
    'invalid refresh_token: jwt expired',
    'The provided authorization grant or refresh token does not match the redirection URI, or was issued to another client',
    'the audience of the authorization code does not match',
    'PKCE: the code_verifier has a wrong signature',
  ].map(
    (error_description) =>
      [
        `invalid_grant for what was granted, which may be a JWT: ${error_description}`,
        json(400, { error: 'invalid_grant', error_description }),
        {
          name: 'LoginRequiredError',
          status: 401,
          error: 'invalid_grant',
          message: new RegExp(`provider says invalid_grant: ${error_description}\\.`),
        },
      ] as const,
  ),
  [
    'several challenges (RFC 9110 §11.6.1)',
    (_request, response) => {
      response.writeHead(401, {
        'www-authenticate': [
          'Basic realm="as"',
          'Bearer error="invalid_client", error_description="the second"',
        ],
      });
      response.end();
    },
    refused('invalid_client', /invalid_client: the second\./),
  ],
  [
    'a status that HTTP does not have (RFC 9110 §15)',
    raw('HTTP/1.1 600 Odd\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'),
    nonsense(/cannot be used: its status is 600\./),
  ],
  [
    'bytes that are not HTTP',
    raw('SSH-2.0-OpenSSH_9.6\r\n\r\n'),
    nonsense(/cannot be used: it is broken HTTP \(HPE_\w+\)\./),
  ],
  [
    'headers without end',
    raw(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
    nonsense(/it is broken HTTP \(UND_ERR_HEADERS_OVERFLOW\)\./),
  ],
  [
    'text that is said to be gzip',
    encoded('gzip', Buffer.from(`{"access_token":"${SECRET}"}`)),
    nonsense(/it is broken HTTP \(Z_DATA_ERROR\)\./),
  ],
  [
    'text that is said to be Brotli',
    encoded('br', Buffer.from(`{"access_token":"${SECRET}"}`)),
    nonsense(/it is broken HTTP \(\w+\)\./),
  ],
  [
    'gzip that unfolds to 64 MB',
    encoded('gzip', gzipSync(Buffer.alloc(67_108_864, ' '))),
    nonsense(/longer than 1048576 bytes/),
  ],
  ...['null', '[]', '7', `"${SECRET}"`].map(
    (body) =>
      [
        `the JSON ${body}`,
        text(200, 'application/json', body),
        nonsense(/"response" body must be a top level object/),
      ] as const,
  ),
  [
    'an error that is an object',
    json(400, { error: { code: 'invalid_grant', message: 'no' } }),
    nonsense(/\(status 400, application\/json\)/),
  ],
  ['400 without a body', text(400, 'text/plain', ''), nonsense(/\(status 400, text\/plain\)/)],
  [
    'a type of token that is not known',
    json(200, { access_token: SECRET, token_type: 'mac' }),
    nonsense(/unsupported `token_type` value/),
  ],
  [
    'a description that repeats what was sent',
    json(400, { error: 'invalid_request', error_description: `bad token: ${REFRESH_TOKEN}` }),
    refused('invalid_request', /bad token: \[secret\]\./),
  ],
  [
    '503',
    text(503, 'text/html', '<h1>down</h1>'),
    outage(/cannot answer at the moment: status 503\.$/),
  ],
  ...[
    encodeURIComponent(REFRESH_TOKEN),
    new URLSearchParams({ '': REFRESH_TOKEN }).toString().slice(1),
    JSON.stringify(REFRESH_TOKEN),
  ].map(
    (repeated) =>
      [
        `a description that repeats what was sent, written as ${repeated}`,
        json(400, { error: 'invalid_request', error_description: `bad token: ${repeated}` }),
        refused('invalid_request', /bad token: "?\[secret\]"?\./),
      ] as const,
  ),
  ['429', json(429, {}), outage(/status 429\.$/)],
  [
    'server_error',
    json(400, { error: 'server_error', error_description: 'database' }),
    outage(/cannot answer at the moment: server_error: database\.$/, 'server_error'),
  ],
  [
    'temporarily_unavailable with 503',
    json(503, { error: 'temporarily_unavailable' }),
    outage(/temporarily_unavailable\.$/, 'temporarily_unavailable'),
  ],
  [
    'HTML',
    text(200, 'text/html', '<html>Sign in to the Wi-Fi</html>'),
    nonsense(/cannot be used \(status 200, text\/html\): unexpected response content-type/),
  ],
  ['HTML with 404', text(404, 'text/html', '<h1>no</h1>'), nonsense(/\(status 404, text\/html\)/)],
  [
    'a redirect',
    (_request, response) => response.writeHead(302, { location: '/' }).end(),
    nonsense(/status 302/),
  ],
  [
    'truncated JSON',
    text(200, 'application/json', `{"access_token":"${SECRET}","token_ty`),
    nonsense(/cannot be used \(status 200, application\/json\): parsing error/),
  ],
  [
    'tokens of the wrong type',
    json(200, { access_token: SECRET, token_type: 7 }),
    nonsense(/invalid response encountered: "response" body "token_type"/),
  ],
  [
    'JSON nested 5,000 deep',
    text(200, 'application/json', nested(5000)),
    nonsense(/nested more than 64 levels deep/),
  ],
  [
    'arrays nested in strings that look like brackets',
    text(200, 'application/json', `{"a":"\\"[[[{{{","b":${'['.repeat(65)}${']'.repeat(65)}}`),
    nonsense(/nested more than 64 levels deep/),
  ],
  [
    'a body that never ends',
    (_request, response) => void endless(response),
    nonsense(/longer than 1048576 bytes/),
  ],
  [
    'a connection that is cut in the answer',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"access');
      setTimeout(() => response.destroy(), 10);
    },
    outage(/cannot be reached \(UND_ERR_SOCKET\)\.$/),
  ],
];

async function party(t: TestContext, answer: RequestListener) {
  const endpoint = await listen(answer);
  t.after(() => endpoint.close());
  const { privateKey: key } = newKeyPair('ES256');
  const made: string[] = [];
  const assertions = new AssertionService({
    clientId: 'client',
    key: { key, kid: 'key-1' },
    typ: 'JWT',
    issuer: endpoint.url,
  });
  const authenticate = clientAssertion(assertions);
  const config = new Configuration(
    {
      issuer: endpoint.url,
      token_endpoint: `${endpoint.url}/token`,
      revocation_endpoint: `${endpoint.url}/revoke`,
      userinfo_endpoint: `${endpoint.url}/userinfo`,
    },
    'client',
    undefined,
    async (server, client, body, headers) => {
      await authenticate(server, client, body, headers);
      made.push(body.get('client_assertion') ?? '');
    },
  );
  allowInsecureRequests(config);
  const store = new MemoryTokenStore();
  const users = new UserTokenManager({ config, store });
  const request = { session: {}, sessionID: 'one' };
  await users.save(request, {
    access_token: 'at-1 of alice',
    token_type: 'bearer',
    expires_in: 600,
    refresh_token: REFRESH_TOKEN,
  });
  return { config, users, request, store, made };
}

function check(thrown: unknown, fault: Fault, made: readonly string[]): void {
  assert.ok(thrown instanceof Error);
  const { name, status, statusCode, error } = thrown as Error & Record<string, unknown>;
  assert.deepEqual(
    { name, status, statusCode, error },
    {
      name: fault.name,
      status: fault.status,
      statusCode: fault.status,
      error: fault.error,
    },
    inspect(thrown),
  );
  assert.match(thrown.message, fault.message);
  const printed = inspect(thrown, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  for (const secret of [...made, REFRESH_TOKEN, SECRET, SECRET.slice(0, 8)]) {
    assert.ok(!printed.includes(secret), `it prints ${secret}: ${printed}`);
    assert.ok(!JSON.stringify({ ...thrown, message: thrown.message }).includes(secret));
  }
}

for (const [what, answer, fault] of ANSWERS) {
  test(`a refresh that is answered with ${what} is a ${fault.name}`, async (t) => {
    const { users, request, store, made, config } = await party(t, answer);
    const key = userTokenKey(config, 'one');
    const before = store.get(key);
    const thrown = await users.getToken(request, 'at-1 of alice').catch((error) => error);
    check(thrown, fault, made);
    const isKept = fault.name !== 'LoginRequiredError';
    assert.deepEqual(store.get(key), isKept ? before : undefined);
  });
}

const ofRefreshes = /^invalid_grant|repeats what was sent/;

for (const [what, answer, fault] of ANSWERS.filter(([what]) => !ofRefreshes.test(what))) {
  test(`a direct call and a manager get the same error for ${what}`, async (t) => {
    const { config, made } = await party(t, answer);
    const direct = await callProvider(config, () => clientCredentialsGrant(config)).catch((e) => e);
    check(direct, fault, made);
    const managed = await new ClientTokenManager({ config }).getToken().catch((e) => e);
    check(managed, fault, made);
  });
}

const ACCESS_TOKEN = 'opaque-access-token-of-alice';

const echo = (of: (request: IncomingMessage) => string): Record<string, RequestListener> => ({
  'a challenge': (request, response) => {
    const challenge = `Bearer error="invalid_token", error_description="bad: ${of(request)}"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
  },
  'a body': (request, response) =>
    json(400, { error: 'invalid_request', error_description: `bad: ${of(request)}` })(
      request,
      response,
    ),
  'an error code': (request, response) => json(400, { error: of(request) })(request, response),
});

const authorization = ({ headers }: IncomingMessage): string => headers.authorization ?? '';

for (const [where, answer] of Object.entries(echo(authorization))) {
  test(`an access token that the provider repeats in ${where} is in no message (CWE-532)`, async (t) => {
    const { config } = await party(t, answer);
    const url = new URL(`${config.serverMetadata().issuer}/api`);
    const thrown = await callProvider(config, () =>
      fetchProtectedResource(config, ACCESS_TOKEN, url, 'GET').then(async (response) => {
        await response.text();
        return fetchUserInfo(config, ACCESS_TOKEN, skipSubjectCheck);
      }),
    ).catch((error) => error);
    assert.ok(thrown instanceof Error);
    assert.match(thrown.message, /\[secret\]/);
    const printed = inspect(thrown, { depth: Number.POSITIVE_INFINITY, showHidden: true });
    assert.ok(!printed.includes(ACCESS_TOKEN), printed);
  });
}

const decoded = (request: IncomingMessage): string =>
  Buffer.from(authorization(request).split(' ')[1] ?? '', 'base64').toString('utf8');

for (const [how, of] of [
  ['as it came', authorization],
  ['decoded', decoded],
  ['decoded twice', (request: IncomingMessage) => decodeURIComponent(decoded(request))],
] as const) {
  for (const [where, answer] of Object.entries(echo(of))) {
    test(`a client secret that the provider repeats ${how} in ${where} is in no message (RFC 6749 §2.3.1)`, async (t) => {
      const { config } = await party(t, answer);
      const secret = 'a-secret:of/the+tests';
      const { issuer, token_endpoint } = config.serverMetadata();
      const metadata = { issuer, ...(token_endpoint !== undefined && { token_endpoint }) };
      const basic = new Configuration(metadata, 'client', {}, ClientSecretBasic(secret));
      allowInsecureRequests(basic);
      const thrown = await callProvider(basic, () => clientCredentialsGrant(basic)).catch((e) => e);
      assert.ok(thrown instanceof Error);
      const printed = inspect(thrown, { depth: Number.POSITIVE_INFINITY, showHidden: true });
      const base64 = Buffer.from(`client:${encodeURIComponent(secret)}`).toString('base64');
      for (const part of [secret, encodeURIComponent(secret), base64, 'of/the', 'of%2Fthe']) {
        assert.ok(!printed.includes(part), `it prints ${part}: ${printed}`);
      }
    });
  }
}

test('invalid_grant without a user is not a LoginRequiredError', async (t) => {
  const { config } = await party(t, json(400, { error: 'invalid_grant' }));
  await assert.rejects(new ClientTokenManager({ config }).getToken(), { code: 'client_refused' });
});

test('if the provider cannot be reached, the error is a ProviderError with the network code', async (t) => {
  const { config, users, request } = await party(t, () => {});
  const gone = await listen(() => {});
  await gone.close();
  const moved = new Configuration(
    { issuer: gone.url, token_endpoint: gone.url },
    'client',
    'a secret of the tests',
  );
  allowInsecureRequests(moved);
  await assert.rejects(new ClientTokenManager({ config: moved }).getToken(), {
    name: 'ProviderError',
    code: 'provider_failed',
    status: 503,
    message: 'The provider cannot be reached (ECONNREFUSED).',
  });
  config.timeout = 0.1;
  await assert.rejects(users.getToken(request, 'at-1 of alice'), {
    status: 503,
    message: 'The provider cannot be reached (timeout).',
  });
});

test('a missed deadline is a ProviderError that names the timeout', async (t) => {
  const { config } = await party(t, () => {});
  config[customFetch] = async () => {
    throw new DOMException('The operation was aborted due to timeout', 'TimeoutError');
  };
  await assert.rejects(new ClientTokenManager({ config }).getToken(), {
    status: 503,
    message: 'The provider cannot be reached (timeout).',
  });
});

test('an error of the application’s key is not a ProviderError', async () => {
  const failure = new Error('the key service is down');
  const config = new Configuration(
    { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' },
    'client',
    undefined,
    () => Promise.reject(failure),
  );
  await assert.rejects(new ClientTokenManager({ config }).getToken(), (error) => error === failure);
  await assert.rejects(
    callProvider(config, () => clientCredentialsGrant(config)),
    (error) => error === failure,
  );
});

test('callProvider returns what the call does, and needs a configuration', async (t) => {
  const { config } = await party(t, json(200, { access_token: 'at', token_type: 'bearer' }));
  const { access_token } = await callProvider(config, () => clientCredentialsGrant(config));
  assert.equal(access_token, 'at');
  await assert.rejects(
    callProvider({} as Configuration, async () => 1),
    { name: 'TypeError', message: /config must be a Configuration/ },
  );
});

test('invalid_token from an endpoint that gets a token is a LoginRequiredError (RFC 6750 §3.1)', async (t) => {
  const { config } = await party(t, (_request, response) => {
    const challenge = 'Bearer error="invalid_token", error_description="The token has expired."';
    response.writeHead(401, { 'www-authenticate': challenge }).end();
  });
  const { issuer } = config.serverMetadata();
  const api = new URL(`${issuer}/api`);
  await assert.rejects(
    callProvider(config, () => fetchProtectedResource(config, 'at', api, 'GET')),
    { name: 'LoginRequiredError', error: 'invalid_token' },
  );
});
