import assert from 'node:assert/strict';
import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import { type TestContext, test } from 'node:test';
import { ClientAuthenticationError, OAuthError, type Reason } from '../../lib/index.js';
import {
  MCP_ISSUER,
  MCP_RESOURCE,
  mcpAuthorizationServer,
  REDIRECT_URI,
} from '../support/mcp-authorization-server.js';
import { Clients, Provider } from '../support/mcp-provider.js';

// What the authorization endpoint asks of a request, and what it passes on to the provider.

const OTHER_URI = 'https://client.example/other?kept=1';
const ASKED = {
  client_id: 'client',
  redirect_uri: REDIRECT_URI,
  response_type: 'code',
  code_challenge: 'a challenge',
  code_challenge_method: 'S256',
};

type Asked = Readonly<Record<string, string | readonly string[] | undefined>>;

function formOf(asked: Asked): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, values] of Object.entries(asked)) {
    for (const value of [values ?? []].flat()) form.append(name, value);
  }
  return form;
}

interface Given {
  readonly redirect_uris?: string[];
  readonly grant_types?: string[];
}

async function start(t: TestContext, client: Given = {}) {
  const registered = { client_id: 'client', redirect_uris: [REDIRECT_URI], ...client };
  const clients = new Clients([registered]);
  const provider = new Provider(clients, MCP_RESOURCE, ['tools', 'files']);
  const calls: unknown[] = [];
  provider.authorize = async (found, parameters, response) => {
    calls.push([found.client_id, parameters]);
    response.status(200).send('the page');
  };
  const server = await mcpAuthorizationServer(t, [], { provider });
  const ask = (asked: Asked = {}) =>
    server.request(`/authorize?${formOf({ ...ASKED, ...asked })}`, { redirect: 'manual' });
  const post = (asked: Asked) => server.post('/authorize', formOf({ ...ASKED, ...asked }));
  return { provider, clients, calls, ask, post };
}

/** What the provider gets if nothing but the necessary was asked. */
const PASSED_ON = {
  state: undefined,
  scopes: [],
  redirectUri: REDIRECT_URI,
  codeChallenge: 'a challenge',
  resource: undefined,
  issuer: MCP_ISSUER,
};

for (const [what, asked, differences] of [
  ['only what is necessary', {}, {}],
  ['a state', { state: 'x y&z' }, { state: 'x y&z' }],
  ['scopes', { scope: ' tools  files ' }, { scopes: ['tools', 'files'] }],
  ['empty values', { scope: '', state: '', resource: '' }, {}],
  ['a resource', { resource: MCP_RESOURCE.href }, { resource: MCP_RESOURCE }],
  ['no redirect_uri, and one is registered', { redirect_uri: undefined }, {}],
] as const) {
  test(`the provider gets what was asked: ${what} (RFC 6749 §4.1.1)`, async (t) => {
    const { calls, ask, post } = await start(t);
    for (const send of [ask, post]) {
      const response = await send(asked);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('cache-control'), 'no-store');
      assert.deepEqual(calls.pop(), ['client', { ...PASSED_ON, ...differences }]);
    }
  });
}

const TWO = { redirect_uris: [REDIRECT_URI, OTHER_URI] };
const MISSING_URI = 'The parameter redirect_uri is missing.';

/** As long as it is not known where the user may be sent to, the caller gets the error. */
const SHOWN: readonly (readonly [string, Asked, Given, string, string])[] = [
  [
    'no client_id',
    { client_id: undefined },
    {},
    'invalid_request',
    'The parameter client_id is missing.',
  ],
  [
    'two client_ids',
    { client_id: ['client', 'client'] },
    {},
    'invalid_request',
    'The parameter client_id was sent more than once.',
  ],
  ['an unknown client_id', { client_id: 'x' }, {}, 'invalid_client', 'Invalid client_id'],
  ['no redirect_uri, of two', { redirect_uri: undefined }, TWO, 'invalid_request', MISSING_URI],
  [
    'no redirect_uri, of none',
    { redirect_uri: undefined },
    { redirect_uris: [] },
    'invalid_request',
    MISSING_URI,
  ],
  [
    'another redirect_uri',
    { redirect_uri: `${REDIRECT_URI}/x` },
    TWO,
    'invalid_request',
    'Unregistered redirect_uri',
  ],
  [
    'a redirect_uri that is no URL',
    { redirect_uri: 'callback' },
    {},
    'invalid_request',
    'Unregistered redirect_uri',
  ],
  [
    'a redirect_uri, and what is registered is no URL',
    {},
    { redirect_uris: ['callback'] },
    'invalid_request',
    'Unregistered redirect_uri',
  ],
];

for (const [what, asked, client, error, error_description] of SHOWN) {
  test(`a request with ${what} is not redirected: ${error} (RFC 6749 §4.1.2.1)`, async (t) => {
    const { calls, ask } = await start(t, client);
    const response = await ask(asked);
    assert.equal(response.status, 400);
    assert.equal(response.headers.get('location'), null);
    assert.deepEqual(await response.json(), { error, error_description });
    assert.deepEqual(calls, []);
  });
}

/** The other errors go to the client. */
const SENT: readonly (readonly [string, Asked, Given, string, string])[] = [
  [
    'no response_type',
    { response_type: undefined },
    {},
    'invalid_request',
    'The parameter response_type is missing.',
  ],
  [
    'another response_type',
    { response_type: 'token' },
    {},
    'unsupported_response_type',
    'response_type must be code.',
  ],
  [
    'no permission for codes',
    {},
    { grant_types: ['client_credentials', 'refresh_token'] },
    'unauthorized_client',
    'The client may not use the grant type authorization_code.',
  ],
  [
    'no code_challenge (RFC 7636 §4.4.1)',
    { code_challenge: undefined },
    {},
    'invalid_request',
    'The parameter code_challenge is missing.',
  ],
  [
    'no code_challenge_method',
    { code_challenge_method: undefined },
    {},
    'invalid_request',
    'The parameter code_challenge_method is missing.',
  ],
  [
    'the code_challenge_method plain',
    { code_challenge_method: 'plain' },
    {},
    'invalid_request',
    'code_challenge_method must be S256.',
  ],
  [
    'two resources (RFC 8707 §2)',
    { resource: [MCP_RESOURCE.href, MCP_RESOURCE.href] },
    {},
    'invalid_target',
    'resource must be one absolute URL without a fragment.',
  ],
  [
    'two scopes',
    { scope: ['a', 'b'] },
    {},
    'invalid_request',
    'The parameter scope was sent more than once.',
  ],
];

for (const [what, asked, client, error, error_description] of SENT) {
  test(`a request with ${what} is redirected with ${error} (RFC 6749 §4.1.2.1)`, async (t) => {
    const { calls, ask } = await start(t, { redirect_uris: [REDIRECT_URI, OTHER_URI], ...client });
    for (const state of ['a state', undefined]) {
      const response = await ask({ state, redirect_uri: OTHER_URI, ...asked });
      assert.equal(response.status, 302);
      const location = new URL(response.headers.get('location') ?? '');
      assert.deepEqual(Object.fromEntries(location.searchParams), {
        kept: '1',
        error,
        error_description,
        iss: MCP_ISSUER,
        ...(state && { state }),
      });
      assert.equal(location.pathname, '/other');
    }
    assert.deepEqual(calls, []);
  });
}

test('a state that was sent twice is not sent back (RFC 6749 §3.1)', async (t) => {
  const { ask } = await start(t);
  const response = await ask({ state: ['a', 'b'] });
  const { searchParams } = new URL(response.headers.get('location') ?? '');
  assert.equal(searchParams.get('error'), 'invalid_request');
  assert.equal(
    searchParams.get('error_description'),
    'The parameter state was sent more than once.',
  );
  assert.equal(searchParams.has('state'), false);
});

for (const [location, hasIssuer] of [
  [`${REDIRECT_URI}?code=1`, true],
  [`${REDIRECT_URI}?code=1&iss=https%3A%2F%2Fother.example`, true],
  ['https://client.example/login', false],
  ['https://login.example/callback', false],
  ['https://client.example:444/callback', false],
  ['http://client.example/callback', false],
] as const) {
  test(`a redirect of the provider to ${location} gets ${hasIssuer ? '' : 'no '}iss (RFC 9207 §2)`, async (t) => {
    const { provider, ask } = await start(t);
    provider.authorize = async (_client, _parameters, response) => response.redirect(location);
    const sent = (await ask()).headers.get('location') ?? '';
    if (!hasIssuer) assert.equal(sent, location);
    else assert.deepEqual(new URL(sent).searchParams.getAll('iss'), [MCP_ISSUER]);
  });
}

const HEADERS: Readonly<Record<string, OutgoingHttpHeaders | OutgoingHttpHeader[]>> = {
  'an object': { 'content-type': 'text/html', 'x-frame-options': 'DENY', 'x-a': ['1', '2'] },
  'a list': ['content-type', 'text/html', 'x-frame-options', 'DENY', 'x-a', '1', 'X-A', '2'],
};

for (const [how, sent] of Object.entries(HEADERS)) {
  test(`the headers of a provider that gives writeHead ${how} all reach the browser`, async (t) => {
    const { provider, ask } = await start(t);
    provider.authorize = async (_client, _parameters, response) => {
      response.setHeader('x-frame-options', 'SAMEORIGIN');
      response.writeHead(200, sent).end('x');
    };
    const { headers } = await ask();
    assert.equal(headers.get('x-frame-options'), 'DENY');
    assert.equal(headers.get('content-type'), 'text/html');
    assert.equal(headers.get('x-a'), '1, 2');
  });
}

test('a provider may send no Location, or headers as a list', async (t) => {
  const { provider, ask } = await start(t);
  for (const [write, status] of [
    [(response) => response.writeHead(204).end(), 204],
    [(response) => response.writeHead(204, ['x-a', '1']).end(), 204],
    [(response) => response.writeHead(204, null as never).end(), 204],
    [(response) => response.writeHead(403, 'No').end(), 403],
  ] as readonly (readonly [
    (response: Parameters<Provider['authorize']>[2]) => unknown,
    number,
  ])[]) {
    provider.authorize = async (_client, _parameters, response) => void write(response);
    const response = await ask();
    assert.equal(response.status, status);
    assert.equal(response.headers.get('location'), null);
  }
});

/** What the store may throw, and what the caller learns of it. */
const FAILURES: readonly (readonly [string, unknown, number, string])[] = [
  ['that the client may have no token', 'client_method_unsupported', 400, 'unauthorized_client'],
  ['that too much is fetched', 'too_many_fetches', 503, 'temporarily_unavailable'],
  ['that it is away', 'client_lookup_failed', 503, 'temporarily_unavailable'],
  ['that the client is unknown', 'unknown_client', 400, 'invalid_client'],
  ['an error for the caller', new OAuthError('access_denied', 'No.', 403), 403, 'access_denied'],
  ['another error', new Error('the database is gone'), 500, 'server_error'],
];

for (const [what, thrown, status, error] of FAILURES) {
  test(`a store that says ${what} is answered with ${status} ${error}`, async (t) => {
    const { clients, ask } = await start(t);
    const warnings = t.mock.method(process, 'emitWarning', () => undefined);
    clients.getClient = () => {
      throw typeof thrown === 'string'
        ? new ClientAuthenticationError({ reason: thrown as Reason, actual: 'hidden' })
        : thrown;
    };
    const response = await ask();
    const body = await response.text();
    assert.deepEqual([response.status, JSON.parse(body).error], [status, error]);
    assert.doesNotMatch(body, /hidden|database/);
    assert.equal(warnings.mock.callCount(), status === 500 ? 1 : 0);
  });
}
