import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import * as sdk1 from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { OAuthErrorCode, OAuthError as Sdk2Error } from '@modelcontextprotocol/server';
import * as legacy from '@modelcontextprotocol/server-legacy/auth';
import { mcpAuthRouter } from '../../lib/mcp/index.js';
import { fakeClock } from '../support/fake-clock.js';
import { listen } from '../support/listen.js';
import {
  answerOf,
  CLIENT_CREDENTIALS,
  MCP_ISSUER,
  MCP_RESOURCE,
  mcpAuthorizationServer,
  proved,
  REDIRECT_URI,
  withKeys,
  withSecret,
} from '../support/mcp-authorization-server.js';
import { Clients, Provider, type SdkErrors } from '../support/mcp-provider.js';

// The router knows the errors of a provider by their code, whichever SDK they are from.

const sdk2Error = (code: OAuthErrorCode) =>
  class extends Sdk2Error {
    constructor(message: string) {
      super(code, message);
    }
  };

const SDKS: Record<string, SdkErrors> = {
  'SDK 1': sdk1,
  'server-legacy': legacy as unknown as SdkErrors,
  'SDK 2': {
    InvalidGrantError: sdk2Error(OAuthErrorCode.InvalidGrant),
    InvalidScopeError: sdk2Error(OAuthErrorCode.InvalidScope),
    InvalidTargetError: sdk2Error('invalid_target' as OAuthErrorCode),
    InvalidTokenError: sdk2Error(OAuthErrorCode.InvalidToken),
  } as unknown as SdkErrors,
};

for (const [sdk, errors] of Object.entries(SDKS)) {
  test(`the errors of ${sdk} reach the caller with their code, on all grants`, async (t) => {
    const clients = new Clients([withKeys]);
    const provider = new Provider(clients, MCP_RESOURCE, ['tools'], errors);
    const server = await mcpAuthorizationServer(t, [], { provider });
    const code = { ...(await server.code('client')) };
    for (const [form, error] of [
      [{ ...code, resource: 'https://x.example/' }, 'invalid_target'],
      [{ ...code, code: 'x' }, 'invalid_grant'],
      [{ ...code, redirect_uri: 'https://other.example/' }, 'invalid_grant'],
      [{ ...code, code: 'x', code_verifier: 'y' }, 'invalid_grant'],
      [{ grant_type: 'refresh_token', refresh_token: 'x' }, 'invalid_grant'],
      [{ ...CLIENT_CREDENTIALS, scope: 'all' }, 'invalid_scope'],
      [{ ...CLIENT_CREDENTIALS, resource: 'https://x.example/' }, 'invalid_target'],
      [
        { grant_type: 'refresh_token', refresh_token: 'x', resource: 'https://x.example/' },
        'invalid_target',
      ],
    ] as const) {
      const { status, body } = await answerOf(server.post('/token', await proved(form)));
      assert.deepEqual([status, body['error']], [400, error]);
    }
  });

  test(`requireBearerAuth recognizes the errors of ${sdk} (RFC 6750 §3.1)`, async (t) => {
    const provider = new Provider(new Clients([withKeys]), MCP_RESOURCE, ['tools'], errors);
    const server = await mcpAuthorizationServer(t, [], { provider });
    for (const headers of [{}, { authorization: 'Bearer x' }, { authorization: 'Basic x' }]) {
      const response = await server.request('/mcp', { headers });
      assert.equal(response.status, 401);
      const challenge = response.headers.get('www-authenticate') ?? '';
      assert.match(challenge, /^Bearer error="invalid_token", /);
      assert.match(challenge, /resource_metadata="[^"]+\/oauth-protected-resource\/mcp"$/);
    }
    const { body } = await answerOf(server.post('/token', await proved(CLIENT_CREDENTIALS)));
    const authorization = `Bearer ${body['access_token']}`;
    const used = await server.request('/mcp', { headers: { authorization } });
    assert.equal(used.status, 200);
    assert.equal(((await used.json()) as { clientId?: unknown }).clientId, 'client');
  });
}

test('a token for another resource, without the scope, or without an expiration is refused (RFC 8707)', async (t) => {
  const good = {
    token: 'x',
    clientId: 'client',
    scopes: ['tools'],
    expiresAt: Math.floor(Date.now() / 1000) + 60,
    resource: MCP_RESOURCE,
  };
  const provider = new Provider(new Clients([]), MCP_RESOURCE, ['tools']);
  const server = await mcpAuthorizationServer(t, [], { provider });
  for (const [differences, status] of [
    [{}, 200],
    [{ resource: new URL('/mcp/', MCP_RESOURCE) }, 200],
    [{ resource: new URL('/other', MCP_RESOURCE) }, 401],
    [{ resource: undefined }, 401],
    [{ expiresAt: undefined }, 401],
    [{ expiresAt: 1 }, 401],
    [{ expiresAt: Number.NaN }, 401],
    [{ expiresAt: '9999999999' }, 401],
    [{ scopes: [] }, 403],
  ] as const) {
    provider.verifyAccessToken = async () => ({ ...good, ...differences }) as typeof good;
    const headers = { authorization: 'Bearer x' };
    const response = await server.request('/mcp', { headers });
    assert.equal(response.status, status, JSON.stringify(differences));
    assert.equal(response.headers.has('www-authenticate'), status !== 200);
  }
});

/** A router whose provider knows the token `x`, and the answer to a request with it. */
async function bearer(t: TestContext, provider: Provider, authorization = 'Bearer x') {
  const server = await mcpAuthorizationServer(t, [], { provider });
  const response = await server.request('/mcp', { headers: { authorization } });
  const challenge = response.headers.get('www-authenticate');
  return { status: response.status, challenge, text: await response.text() };
}

const INFO = {
  token: 'x',
  clientId: 'client',
  scopes: ['tools'],
  resource: MCP_RESOURCE,
};
const later = () => ({ ...INFO, expiresAt: Math.floor(Date.now() / 1000) + 60 });
const METADATA = `resource_metadata="${MCP_ISSUER}.well-known/oauth-protected-resource/mcp"`;

for (const [what, differences, status, error, description] of [
  [
    'of another resource',
    { resource: new URL(MCP_ISSUER) },
    401,
    'invalid_token',
    'The token was not issued for this resource.',
  ],
  [
    'that has expired',
    { expiresAt: 1 },
    401,
    'invalid_token',
    'The token has expired or has no expiration.',
  ],
  [
    'without the scope',
    { scopes: ['files'] },
    403,
    'insufficient_scope',
    'The token does not have the scope.',
  ],
] as const) {
  test(`the challenge for a token ${what} is ${error} (RFC 6750 §3.1, RFC 9728 §5.1)`, async (t) => {
    const provider = new Provider(new Clients([]), MCP_RESOURCE, ['tools']);
    provider.verifyAccessToken = async () => ({ ...later(), ...differences }) as never;
    const refused = await bearer(t, provider);
    assert.deepEqual(refused, {
      status,
      challenge: `Bearer error="${error}", error_description="${description}", scope="tools", ${METADATA}`,
      text: JSON.stringify({ error, error_description: description }),
    });
  });
}

for (const [authorization, token] of [
  ['Bearer x', 'x'],
  ['bearer   x-y.z_~+/=  ', 'x-y.z_~+/='],
  ['BEARER x', 'x'],
  ['Bearer', undefined],
  ['Bearer x y', undefined],
  ['Bearerx', undefined],
  ['DPoP bearer x', undefined],
] as const) {
  test(`the token of '${authorization}' is ${token} (RFC 6750 §2.1)`, async (t) => {
    const provider = new Provider(new Clients([]), MCP_RESOURCE, ['tools']);
    const verified: string[] = [];
    provider.verifyAccessToken = async (given) => {
      verified.push(given);
      return later();
    };
    const { status, text } = await bearer(t, provider, authorization);
    assert.deepEqual([status, verified], token === undefined ? [401, []] : [200, [token]]);
    if (token === undefined) assert.match(text, /The request has no bearer token\./);
  });
}

test('a resource counts without its fragment and final slash, and only for itself (RFC 8707 §2)', async (t) => {
  const provider = new Provider(new Clients([]), MCP_RESOURCE, ['tools']);
  for (const [resource, status] of [
    [`${MCP_RESOURCE}#tools`, 200],
    [`${MCP_RESOURCE}/#tools`, 200],
    [`${MCP_RESOURCE}?x`, 401],
    [`${MCP_RESOURCE}/tools`, 401],
  ] as const) {
    provider.verifyAccessToken = async () => ({ ...later(), resource: new URL(resource) });
    assert.equal((await bearer(t, provider)).status, status, resource);
  }
});

test('a token that expires now has expired', async (t) => {
  const { now, restore } = fakeClock();
  t.after(restore);
  const provider = new Provider(new Clients([]), MCP_RESOURCE, ['tools']);
  for (const [seconds, status] of [
    [0, 401],
    [1, 200],
  ] as const) {
    provider.verifyAccessToken = async () => ({ ...INFO, expiresAt: now() + seconds });
    assert.equal((await bearer(t, provider)).status, status);
  }
});

test('a token needs every scope; without scopes the challenge names none', async () => {
  const provider = new Provider(new Clients([]), MCP_RESOURCE, ['tools']);
  provider.verifyAccessToken = async (token) => ({ ...later(), scopes: token.split(',') });
  const auth = mcpAuthRouter({
    provider: provider as never,
    issuerUrl: new URL(MCP_ISSUER),
    resourceServerUrl: MCP_RESOURCE,
  });
  for (const [scopes, token, status, scope] of [
    [['a', 'b'], 'a,b,c', 204, undefined],
    [['a', 'b'], 'a', 403, 'scope="a b", '],
    [['a', 'b'], 'b', 403, 'scope="a b", '],
    [['a"b\\c'], 'a', 403, 'scope="a b c", '],
    [[], 'a', 204, undefined],
    [undefined, 'a', 204, undefined],
    [undefined, undefined, 401, ''],
  ] as const) {
    const { url, close } = await listen((request, response) =>
      auth.requireBearerAuth(scopes)(request, response, () => response.writeHead(204).end()),
    );
    const headers = { ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(url, { headers });
    await close();
    assert.equal(response.status, status);
    const challenge = response.headers.get('www-authenticate');
    assert.equal(/", (scope="[^"]*", )?resource_/.exec(challenge ?? '')?.[1] ?? '', scope ?? '');
  }
});

test('the token of a client that is disabled, or not known any more', async (t) => {
  const clients = new Clients([]);
  const provider = new Provider(clients, MCP_RESOURCE, ['tools']);
  provider.verifyAccessToken = async () => later();
  assert.equal((await bearer(t, provider)).status, 200, 'the provider decides');
  clients.getClient = () => ({ ...withKeys, disabled: true }) as typeof withKeys;
  const { status, text } = await bearer(t, provider);
  assert.equal(status, 401);
  assert.match(text, /The client of the token is disabled\./);
});

test('what a provider says cannot break out of the challenge (RFC 9110 §5.6.4)', async (t) => {
  const provider = new Provider(new Clients([]), MCP_RESOURCE, ['tools']);
  provider.verifyAccessToken = async () => {
    throw new sdk1.InvalidTokenError('a "quoted" \\ word');
  };
  const { challenge } = await bearer(t, provider);
  assert.match(challenge ?? '', /, error_description="a {2}quoted\s+word", scope=/);
});

test('an unavailable provider is no challenge', async (t) => {
  const provider = new Provider(new Clients([]), MCP_RESOURCE, ['tools']);
  provider.verifyAccessToken = async () => {
    throw new sdk1.TemporarilyUnavailableError('Later.');
  };
  const { status, challenge, text } = await bearer(t, provider);
  assert.deepEqual([status, challenge], [503, null]);
  const error_description = 'Later.';
  assert.deepEqual(JSON.parse(text), { error: 'temporarily_unavailable', error_description });
});

test('if a provider throws something else, the answer is 500, and the operator gets a warning', async (t) => {
  const provider = new Provider(new Clients([withKeys]), MCP_RESOURCE, ['tools']);
  const warnings = t.mock.method(process, 'emitWarning', () => undefined);
  provider.exchangeClientCredentials = async () => {
    throw new Error('the database is gone');
  };
  const server = await mcpAuthorizationServer(t, [], { provider });
  const { status, body } = await answerOf(server.post('/token', await proved(CLIENT_CREDENTIALS)));
  assert.deepEqual([status, body['error']], [500, 'server_error']);
  assert.doesNotMatch(JSON.stringify(body), /database/);
  const texts = warnings.mock.calls.map(({ arguments: [text] }) => text);
  assert.deepEqual(texts, ['The MCP provider failed: Error: the database is gone']);
});

test('the resource reaches the provider on all grants (RFC 8707 §2)', async (t) => {
  const provider = new Provider(new Clients([withKeys]), MCP_RESOURCE, ['tools']);
  const server = await mcpAuthorizationServer(t, [], { provider });
  const resource = MCP_RESOURCE.href;
  const { body } = await answerOf(
    server.post('/token', await proved({ ...(await server.code('client')), resource })),
  );
  const refresh_token = String(body['refresh_token']);
  const refresh = { grant_type: 'refresh_token', refresh_token, resource };
  assert.equal((await server.post('/token', await proved(refresh))).status, 200);
  const own = await proved({ ...CLIENT_CREDENTIALS, resource });
  assert.equal((await server.post('/token', own)).status, 200);
  assert.deepEqual(provider.resources.slice(1), [
    ['exchangeAuthorizationCode', resource],
    ['exchangeRefreshToken', resource],
    ['exchangeClientCredentials', resource],
  ]);
  for (const wrong of [`${resource}#x`, 'mcp', `${resource} ${resource}`]) {
    const form = await proved({ ...CLIENT_CREDENTIALS, resource: wrong });
    assert.equal((await answerOf(server.post('/token', form))).body['error'], 'invalid_target');
  }
});

const query = (more: Record<string, string> = {}): string =>
  String(
    new URLSearchParams({
      client_id: 'secret',
      redirect_uri: REDIRECT_URI,
      response_type: 'code',
      code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
      code_challenge_method: 'S256',
      state: 'a state',
      ...more,
    }),
  );

/** Ways in which a provider redirects at once. */
const REDIRECTS: Record<string, Provider['authorize']> = {
  'response.redirect': async (_client, { redirectUri }, response) =>
    response.redirect(`${redirectUri}?code=1`),
  'response.redirect with a status': async (_client, { redirectUri }, response) =>
    response.redirect(303, `${redirectUri}?code=1`),
  writeHead: async (_client, { redirectUri }, response) => {
    response.writeHead(302, { Location: `${redirectUri}?code=1` }).end();
  },
  'writeHead with a list of names and values': async (_client, { redirectUri }, response) => {
    response.setHeader('location', 'https://replaced.example/');
    response.writeHead(302, ['Location', `${redirectUri}?code=1`, 'x-a', '1', 'X-A', '2']).end();
  },
  'writeHead with a message': async (_client, { redirectUri }, response) => {
    response.writeHead(302, 'Found', { location: `${redirectUri}?code=1` }).end();
  },
  'setHeader with a list': async (_client, { redirectUri }, response) => {
    response.statusCode = 302;
    response.setHeader('Location', [`${redirectUri}?code=1`]);
    response.end();
  },
  setHeader: async (_client, { redirectUri }, response) => {
    response.statusCode = 302;
    response.setHeader('Location', `${redirectUri}?code=1`);
    response.end();
  },
};

for (const [how, authorize] of Object.entries(REDIRECTS)) {
  test(`an answer by ${how} has iss (RFC 9207 §2)`, async (t) => {
    const provider = new Provider(new Clients([withSecret]), MCP_RESOURCE, ['tools']);
    provider.authorize = authorize;
    const server = await mcpAuthorizationServer(t, [], { provider });
    const response = await server.request(`/authorize?${query()}`, { redirect: 'manual' });
    const location = new URL(response.headers.get('location') ?? '');
    assert.deepEqual(location.searchParams.getAll('iss'), [MCP_ISSUER]);
    assert.equal(location.searchParams.get('code'), '1');
  });
}

test('error redirects of the authorization endpoint have iss and state; its own error page has no iss', async (t) => {
  const provider = new Provider(new Clients([withSecret]), MCP_RESOURCE, ['tools']);
  const server = await mcpAuthorizationServer(t, [], { provider });
  const errorOf = async (more: Record<string, string>) => {
    const path = `/authorize?${query(more)}`;
    const response = await server.request(path, { redirect: 'manual' });
    assert.equal(response.status, 302);
    const { searchParams } = new URL(response.headers.get('location') ?? '');
    assert.deepEqual(searchParams.getAll('iss'), [MCP_ISSUER]);
    assert.equal(searchParams.get('state'), 'a state');
    return searchParams.get('error');
  };
  assert.equal(await errorOf({ response_type: 'token' }), 'unsupported_response_type');
  assert.equal(await errorOf({ code_challenge: '' }), 'invalid_request');
  assert.equal(await errorOf({ code_challenge_method: 'plain' }), 'invalid_request');
  assert.equal(await errorOf({ scope: 'everything' }), 'invalid_scope');
  assert.equal(await errorOf({ resource: 'https://x.example/' }), 'invalid_target');

  provider.authorize = async (_client, _parameters, response) =>
    response.redirect('/consent?ticket=1');
  const page = await server.request(`/authorize?${query()}`, { redirect: 'manual' });
  assert.equal(page.headers.get('location'), '/consent?ticket=1');
});

test('the metadata advertise iss only if the provider says so (RFC 9207 §3)', async (t) => {
  for (const isSupported of [true, false, undefined]) {
    const provider = new Provider(new Clients([]), MCP_RESOURCE, ['tools']);
    Object.assign(provider, { authorizationResponseIssParameterSupported: isSupported });
    const server = await mcpAuthorizationServer(t, [], { provider });
    const { body } = await answerOf(server.request('/.well-known/oauth-authorization-server'));
    const said = body['authorization_response_iss_parameter_supported'];
    assert.equal(said, isSupported === true ? true : undefined);
  }
});

for (const [registered, asked, isSame] of [
  ['http://127.0.0.1/callback', 'http://127.0.0.1:61234/callback', true],
  ['http://localhost:3000/callback', 'http://localhost:61234/callback', true],
  ['http://[::1]:1/', 'http://[::1]:2/', true],
  ['http://127.0.0.1/callback', 'http://localhost/callback', false],
  ['http://127.0.0.1/callback', 'http://127.0.0.1:1/other', false],
  ['http://127.0.0.1/callback', 'http://user@127.0.0.1:1/callback', false],
  ['http://127.0.0.1/callback', 'http://127.0.0.1:1/callback?x=1', false],
  ['https://client.example/', 'https://client.example:444/', false],
] as const) {
  test(`${asked} ${isSame ? 'matches' : 'does not match'} the registered ${registered} (RFC 8252 §7.3)`, async (t) => {
    const client = { ...withSecret, redirect_uris: [registered] };
    const server = await mcpAuthorizationServer(t, [client]);
    const path = `/authorize?${query({ redirect_uri: asked })}`;
    assert.equal((await server.request(path)).status, isSame ? 200 : 400);
  });
}

test('failed calls also count against the limit of an address', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const wrong = async () => server.post('/token', await proved({}, { claims: { aud: 'x' } }));
  for (let calls = 0; calls < 50; calls += 1) assert.equal((await wrong()).status, 401);
  const { status, headers, body } = await answerOf(wrong());
  assert.deepEqual([status, body['error']], [429, 'too_many_requests']);
  assert.ok(Number(headers.get('retry-after')) > 800);
  assert.equal(server.events.length, 50, 'no assertion is looked at any more');
  const other = await server.post('/revoke', await proved({ token: 'x' }));
  assert.equal(other.status, 200, 'each endpoint has a limit of its own');
});

test('rateLimit accepts a middleware instead of the limits', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys], {
    rateLimit: (_request: unknown, response: { writeHead(status: number): { end(): void } }) => {
      response.writeHead(503).end();
    },
  });
  assert.equal((await server.post('/token', CLIENT_CREDENTIALS)).status, 503);
  const metadata = await server.request('/.well-known/oauth-authorization-server');
  assert.equal(metadata.status, 200);
});
