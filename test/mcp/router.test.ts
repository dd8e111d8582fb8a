import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import { OAuthError } from '../../lib/index.js';
import { type McpServerProvider, mcpAuthRouter } from '../../lib/mcp/index.js';
import { fakeClock } from '../support/fake-clock.js';
import { listen } from '../support/listen.js';
import {
  answerOf,
  CLIENT_CREDENTIALS,
  MCP_ISSUER,
  mcpAuthorizationServer,
  proved,
  REDIRECT_URI,
  withKeys,
} from '../support/mcp-authorization-server.js';
import { Clients, Provider } from '../support/mcp-provider.js';

// The router as a handler of node:http: nothing before it reads bodies or changes URLs.

type Options = Parameters<typeof mcpAuthRouter>[0];

const providerOf = (clients = new Clients([withKeys])): McpServerProvider =>
  new Provider(clients, new URL(MCP_ISSUER), ['tools']) as unknown as McpServerProvider;

const issuerUrl = new URL(MCP_ISSUER);

async function start(t: TestContext, options: Partial<Options> = {}) {
  const router = mcpAuthRouter({ provider: providerOf(), issuerUrl, ...options });
  const { url, close } = await listen((request, response) =>
    router(request, response, (error) => {
      response.writeHead(error === undefined ? 404 : 500).end(String(error));
    }),
  );
  t.after(close);
  const send = (path: string, init?: RequestInit) => fetch(url + path, init);
  const register = (body: string, type: string | undefined = 'application/json') =>
    send('/register', {
      method: 'POST',
      body: new TextEncoder().encode(body),
      headers: { ...(type && { 'content-type': type }) },
    });
  return { url, send, register };
}

const registration = JSON.stringify({ redirect_uris: [REDIRECT_URI] });

for (const [what, options, message] of [
  ['no provider', { provider: undefined }, /^provider must be an OAuthServerProvider, as /],
  ['a provider without a store', { provider: { authorize() {} } }, /^provider must be/],
  [
    'a store without getClient',
    { provider: { authorize() {}, clientsStore: {} } },
    /^provider must be/,
  ],
  [
    'a provider without authorize',
    { provider: { clientsStore: { getClient() {} } } },
    /^provider must be/,
  ],
  ['no issuer', { issuerUrl: undefined }, /^issuerUrl must be a URL object: write new URL/],
  ['an issuer that is a text', { issuerUrl: MCP_ISSUER }, /^issuerUrl must be a URL object: write/],
  [
    'an http issuer (RFC 8414 §2)',
    { issuerUrl: new URL('http://as.example/') },
    /^issuerUrl must have https, except on this machine$/,
  ],
  [
    'an issuer with a query (RFC 8414 §2)',
    { issuerUrl: new URL('https://as.example/?a') },
    /^issuerUrl may have no query and no fragment/,
  ],
  [
    'an issuer with a fragment (RFC 8414 §2)',
    { issuerUrl: new URL('https://as.example/#a') },
    /^issuerUrl may have no query and no fragment/,
  ],
  ['a baseUrl that is a text', { baseUrl: MCP_ISSUER }, /^baseUrl must be a URL object: write new/],
  ['a resource that is a text', { resourceServerUrl: MCP_ISSUER }, /^resourceServerUrl must be a/],
  [
    'documentation that is a text',
    { serviceDocumentationUrl: MCP_ISSUER },
    /^serviceDocumentationUrl must be a URL/,
  ],
  ['scopes in one text', { scopesSupported: 'a b' }, /^scopesSupported must be an array of/],
  ['an empty name', { resourceName: '' }, /^resourceName must be a non-empty string/],
  ['grants in one text', { grantTypes: 'refresh_token' }, /^grantTypes must be an array of/],
  ['a rateLimit that is true', { rateLimit: true }, /^rateLimit must be a middleware or false$/],
  ['a rateLimit with numbers', { rateLimit: { max: 5 } }, /^rateLimit must be a middleware or/],
  ...['authorizationOptions', 'tokenOptions', 'revocationOptions'].map(
    (name) =>
      [
        `the SDK's ${name}`,
        { [name]: {} },
        new RegExp(
          `^mcpAuthRouter has no option ${name}: use rateLimit: a middleware for all endpoints, or false$`,
        ),
      ] as const,
  ),
  [
    "the SDK's clientRegistrationOptions",
    { clientRegistrationOptions: {} },
    /use rateLimit: .*; your clientsStore decides how long a client_secret is valid$/,
  ],
  [
    'an issuer for assertions',
    { clientAssertion: { issuer: MCP_ISSUER } },
    /^clientAssertion has no option issuer: the router has issuerUrl$/,
  ],
  [
    'a tokenEndpoint for assertions',
    { clientAssertion: { tokenEndpoint: MCP_ISSUER } },
    /^clientAssertion has no option tokenEndpoint: the router sets it$/,
  ],
  [
    'an endpoint for assertions',
    { clientAssertion: { endpoint: MCP_ISSUER } },
    /has no option endpoint: the router uses the endpoint that was called$/,
  ],
  ['a clock for assertions', { clientAssertion: { clock: Date.now } }, /no option clock: the time/],
] as const) {
  test(`mcpAuthRouter refuses ${what}`, () => {
    const given = { provider: providerOf(), issuerUrl, ...options };
    assert.throws(() => mcpAuthRouter(given as unknown as Options), { name: 'TypeError', message });
  });
}

for (const issuer of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
  test(`an issuer on this machine needs no https: ${issuer}`, () => {
    assert.ok(mcpAuthRouter({ provider: providerOf(), issuerUrl: new URL(issuer) }));
  });
}

test('the metadata say everything that the options say (RFC 8414 §2, RFC 9728 §2)', async (t) => {
  const { send } = await start(t, {
    issuerUrl: new URL('https://as.example/tenant/'),
    baseUrl: new URL('https://endpoints.example/'),
    resourceServerUrl: new URL('https://mcp.example/Tools/'),
    serviceDocumentationUrl: new URL('https://docs.example/'),
    scopesSupported: ['tools', 'files'],
    resourceName: 'Tools',
    clientAssertion: { algorithms: ['ES256', 'HS256'] },
  });
  const methods = ['private_key_jwt', 'client_secret_post', 'client_secret_basic', 'none'];
  const expected = {
    issuer: 'https://as.example/tenant/',
    service_documentation: 'https://docs.example/',
    authorization_endpoint: 'https://endpoints.example/authorize',
    token_endpoint: 'https://endpoints.example/token',
    revocation_endpoint: 'https://endpoints.example/revoke',
    registration_endpoint: 'https://endpoints.example/register',
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: ['ES256'],
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: ['ES256'],
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    scopes_supported: ['tools', 'files'],
    authorization_response_iss_parameter_supported: true,
  };
  const wellKnown = '/.well-known/oauth-authorization-server';
  for (const path of [`${wellKnown}/tenant`, `${wellKnown}/tenant/?x=1`, wellKnown]) {
    const { status, headers, body } = await answerOf(send(path));
    assert.deepEqual([status, body], [200, expected], path);
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
  }
  const resource = await answerOf(send('/.well-known/oauth-protected-resource/Tools'));
  assert.deepEqual(resource.body, {
    resource: 'https://mcp.example/Tools/',
    authorization_servers: ['https://as.example/tenant/'],
    scopes_supported: ['tools', 'files'],
    resource_name: 'Tools',
    resource_documentation: 'https://docs.example/',
  });
  assert.equal((await send('/.well-known/oauth-protected-resource')).status, 404);
  const head = await send(wellKnown, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('without other URLs everything is at the issuer', async (t) => {
  const { send } = await start(t);
  const { body } = await answerOf(send('/.well-known/oauth-protected-resource'));
  assert.equal(body['resource'], MCP_ISSUER);
  const server = await answerOf(send('/.well-known/oauth-authorization-server'));
  assert.equal(server.body['token_endpoint'], `${MCP_ISSUER}token`);
});

for (const [path, status] of [
  ['/token', 401],
  ['/token/', 401],
  ['/token//', 401],
  ['/TOKEN', 401],
  ['/token?x=/y', 401],
  ['/tokens', 404],
  ['/token/x', 404],
  ['/', 404],
] as const) {
  test(`POST ${path} without a form: ${status}`, async (t) => {
    const { send } = await start(t);
    assert.equal((await send(path, { method: 'POST' })).status, status);
  });
}

/** Sends a target that `fetch` would change. */
async function statusOfTarget(url: string, path: string): Promise<number | undefined> {
  const request = httpRequest(url, { method: 'POST', path });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

test('a request for a whole URL is a request for its path (RFC 9112 §3.2.2)', async (t) => {
  const { url } = await start(t);
  assert.equal(await statusOfTarget(url, 'http://any.example/token'), 401);
  assert.equal(await statusOfTarget(url, 'http://any.example/other'), 404);
});

test('the path under which an app mounts the router does not count, as with the SDK', async (t) => {
  const router = mcpAuthRouter({ provider: providerOf(), issuerUrl });
  const { url, close } = await listen((request, response) => {
    const mounted = Object.assign(request, { originalUrl: request.url, url: '/' });
    router(mounted, response, () => response.writeHead(404).end());
  });
  t.after(close);
  assert.equal((await fetch(`${url}/token`, { method: 'POST' })).status, 401);
});

for (const [path, methods] of [
  ['/token', 'POST'],
  ['/revoke', 'POST'],
  ['/register', 'POST'],
  ['/authorize', 'GET, POST'],
  ['/.well-known/oauth-authorization-server', 'GET, HEAD'],
  ['/.well-known/oauth-protected-resource', 'GET, HEAD'],
] as const) {
  test(`${path} is for ${methods}, from any origin (RFC 9110 §15.5.6, CORS)`, async (t) => {
    const { send } = await start(t);
    const { status, headers, body } = await answerOf(send(path, { method: 'DELETE' }));
    assert.deepEqual(
      [status, headers.get('allow'), body],
      [
        405,
        methods,
        {
          error: 'method_not_allowed',
          error_description: 'The method DELETE is not allowed for this endpoint.',
        },
      ],
    );
    assert.equal(headers.get('access-control-allow-origin'), '*');
    assert.equal(headers.get('access-control-expose-headers'), 'WWW-Authenticate');

    for (const asked of ['mcp-protocol-version', undefined]) {
      const preflight = await send(path, {
        method: 'OPTIONS',
        headers: { ...(asked && { 'access-control-request-headers': asked }) },
      });
      assert.equal(preflight.status, 204);
      assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
      assert.equal(preflight.headers.get('access-control-allow-methods'), methods);
      assert.equal(preflight.headers.get('access-control-allow-headers'), asked ?? null);
      assert.equal(preflight.headers.get('vary'), 'Access-Control-Request-Headers');
    }
  });
}

test('the router reads forms by itself, and the assertion in them', async (t) => {
  const { send } = await start(t);
  const body = await proved(CLIENT_CREDENTIALS);
  assert.equal((await send('/token', { method: 'POST', body })).status, 200);
});

for (const [type, status] of [
  ['application/json', 201],
  ['application/json; charset=utf-8', 201],
  ['application/json ;charset=utf-8', 201],
  ['APPLICATION/JSON', 201],
  ['application/jsonp', 400],
  ['application/json-seq', 400],
  ['text/x application/json', 400],
  ['', 400],
] as const) {
  test(`a registration with the media type '${type}': ${status} (RFC 7591 §3.1)`, async (t) => {
    const { register } = await start(t);
    assert.equal((await register(registration, type)).status, status);
  });
}

test('a registration that is not JSON, or too long, is refused', async (t) => {
  const { register } = await start(t);
  const most = registration.padEnd(102_400, ' ');
  for (const [body, status, description] of [
    ['{', 400, 'The body is not JSON.'],
    ['', 400, 'The body is not JSON.'],
    [most, 201, undefined],
    [`${most} `, 413, 'The body is too large.'],
  ] as const) {
    const answer = await answerOf(register(body));
    assert.equal(answer.status, status);
    assert.equal(answer.body['error_description'], description);
    if (status !== 201) assert.equal(answer.body['error'], 'invalid_request');
  }
});

test('a registration that is too long is answered before its end', async (t) => {
  const { url } = await start(t);
  const headers = { 'content-type': 'application/json' };
  const request = httpRequest(`${url}/register`, { method: 'POST', headers });
  request.write(Buffer.alloc(102_401, ' '));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  request.destroy();
  assert.equal(response.statusCode, 413);
});

test('a GET request may have a media type, because its body is not read (RFC 9110 §9.3.1)', async (t) => {
  const { send } = await start(t);
  const headers = { 'content-type': 'application/json' };
  const metadata = await send('/.well-known/oauth-authorization-server', { headers });
  assert.equal(metadata.status, 200);
  const { body } = await answerOf(send('/authorize', { headers }));
  assert.equal(body['error_description'], 'The parameter client_id is missing.');
});

test('a registration in several chunks may split a character', async (t) => {
  const { url } = await start(t);
  const bytes = Buffer.from(JSON.stringify({ redirect_uris: [REDIRECT_URI], client_name: 'é' }));
  const middle = bytes.indexOf('é') + 1;
  const request = httpRequest(`${url}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  });
  request.write(bytes.subarray(0, middle));
  setTimeout(() => request.end(bytes.subarray(middle)), 20);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const body = JSON.parse(Buffer.concat(await response.toArray()).toString());
  assert.equal(body.client_name, 'é');
});

test('a JSON body that is not an object has no client', async (t) => {
  const { send } = await start(t);
  const headers = { 'content-type': 'application/json' };
  for (const body of ['null', '5', '"client_id"', '[]', '{}']) {
    const { status } = await send('/token', { method: 'POST', headers, body });
    assert.equal(status, 401, body);
  }
});

test('a body that another middleware has read is used as it is', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  const { status, body } = await answerOf(server.register(JSON.parse(registration)));
  assert.equal(status, 201);
  assert.deepEqual(body['redirect_uris'], [REDIRECT_URI]);
});

/** What a middleware for limits may do, and what the caller gets. */
const LIMITS: Readonly<Record<string, readonly [NonNullable<Options['rateLimit']>, number]>> = {
  'lets the call pass': [(_request, _response, next) => next(), 401],
  'passes on null': [(_request, _response, next) => next(null), 401],
  'passes on an OAuth error': [
    (_request, _response, next) => next(new OAuthError('too_many_requests', 'Later.', 429)),
    429,
  ],
  'answers by itself': [
    (_request, response: { writeHead(status: number): { end(): void } }) => {
      response.writeHead(503).end();
    },
    503,
  ],
};

for (const [what, [rateLimit, status]] of Object.entries(LIMITS)) {
  test(`a rateLimit that ${what}: ${status} at every endpoint, none for metadata`, async (t) => {
    const { send } = await start(t, { rateLimit });
    for (const path of ['/token', '/revoke']) {
      assert.equal((await send(path, { method: 'POST' })).status, status, path);
    }
    const others = status === 401 ? 400 : status;
    assert.equal((await send('/register', { method: 'POST' })).status, others);
    assert.equal((await send('/authorize')).status, others);
    assert.equal((await send('/.well-known/oauth-authorization-server')).status, 200);
  });
}

test('a call that rateLimit has answered is not authenticated', async (t) => {
  const events: unknown[] = [];
  const { send } = await start(t, {
    clientAssertion: { onAuthentication: (event) => events.push(event) },
    rateLimit: (_request, response: { writeHead(status: number): { end(): void } }) => {
      response.writeHead(503).end();
    },
  });
  for (let calls = 0; calls < 2; calls += 1) {
    assert.equal((await send('/token', { method: 'POST' })).status, 503);
  }
  assert.deepEqual(events, []);
});

for (const [path, method, most, minutes] of [
  ['/authorize', 'GET', 100, 15],
  ['/token', 'POST', 50, 15],
  ['/revoke', 'POST', 50, 15],
  ['/register', 'POST', 20, 60],
] as const) {
  test(`an address may call ${path} ${most} times in ${minutes} minutes`, async (t) => {
    const { now, advance, restore } = fakeClock();
    t.after(restore);
    const { send } = await start(t);
    const call = () => send(path, { method });
    const first = now();
    for (let calls = 0; calls < most; calls += 1) {
      const { status } = await call();
      assert.ok(status === 400 || status === 401, `${status}`);
    }
    advance(1.5);
    const { status, headers, body } = await answerOf(call());
    assert.deepEqual([status, body['error']], [429, 'too_many_requests']);
    assert.equal(body['error_description'], `More than ${most} calls in ${minutes} minutes.`);
    assert.equal(headers.get('retry-after'), String(minutes * 60 - 1));
    advance(first + minutes * 60 - now() - 0.001);
    assert.equal((await call()).status, 429);
    advance(0.001);
    assert.notEqual((await call()).status, 429, 'a new window');
  });
}

test('rateLimit false is no limit', async (t) => {
  const { send } = await start(t, { rateLimit: false });
  for (let calls = 0; calls <= 20; calls += 1) {
    assert.equal((await send('/register', { method: 'POST' })).status, 400);
  }
});

test('an answer that a provider has begun and not ended is broken off', async (t) => {
  const provider = providerOf();
  provider.authorize = async (_client, _parameters, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).write('<html>');
    throw new Error('the template is gone');
  };
  const { send } = await start(t, { provider });
  const query = new URLSearchParams({
    client_id: 'client',
    response_type: 'code',
    code_challenge: 'x',
    code_challenge_method: 'S256',
  });
  await assert.rejects(async () => (await send(`/authorize?${query}`)).text(), TypeError);
});

test('an error of a request that is answered already goes to the application', async () => {
  const router = mcpAuthRouter({ provider: providerOf(), issuerUrl });
  const passedOn = new Promise<unknown>((resolve) => {
    listen((request, response) => {
      response.end();
      router(request, response, resolve);
    }).then(async ({ url, close }) => {
      await fetch(`${url}/token`, { method: 'POST' });
      await close();
    });
  });
  assert.equal(((await passedOn) as { code?: string }).code, 'ERR_HTTP_HEADERS_SENT');
});
