import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Differences } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import {
  answerOf,
  CLIENT_CREDENTIALS,
  MCP_ISSUER,
  MCP_RESOURCE,
  mcpAuthorizationServer,
  proved,
  withKeys,
  withSecret,
} from '../support/mcp-authorization-server.js';
import { Clients, Provider } from '../support/mcp-provider.js';

test('a client gets a token for itself by its assertion (RFC 6749 §4.4)', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const form = await proved({ ...CLIENT_CREDENTIALS, scope: 'tools', resource: MCP_RESOURCE.href });
  const { status, body, headers } = await answerOf(server.post('/token', form));
  assert.equal(status, 200);
  assert.equal(body['token_type'], 'bearer');
  assert.equal(body['scope'], 'tools');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(server.events[0]?.outcome, 'success');
});

for (const [path, aud, status] of [
  ['/token', MCP_ISSUER, 200],
  ['/token', `${MCP_ISSUER}token`, 200],
  ['/token', `${MCP_ISSUER}revoke`, 401],
  ['/revoke', MCP_ISSUER, 200],
  ['/revoke', `${MCP_ISSUER}token`, 200],
  ['/revoke', `${MCP_ISSUER}revoke`, 200],
] as const) {
  test(`an assertion for ${aud} at ${path}: ${status} (RFC 7523 §3)`, async (t) => {
    const server = await mcpAuthorizationServer(t, [withKeys]);
    const form = await proved({ ...CLIENT_CREDENTIALS, token: 'x' }, { claims: { aud } });
    assert.equal((await server.post(path, form)).status, status);
    assert.equal(server.events.at(-1)?.endpoint, MCP_ISSUER + path.slice(1));
  });
}

test('a client redeems a code, refreshes and revokes by its assertion', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const redeemed = await answerOf(server.post('/token', await proved(await server.code('client'))));
  assert.equal(redeemed.status, 200);
  const refresh = { grant_type: 'refresh_token', refresh_token: '' };
  refresh.refresh_token = String(redeemed.body['refresh_token']);
  const refreshed = await answerOf(server.post('/token', await proved(refresh)));
  assert.equal(refreshed.status, 200);

  const token = String(refreshed.body['refresh_token']);
  const claims = { aud: `${MCP_ISSUER}revoke` };
  assert.equal((await server.post('/revoke', await proved({ token }, { claims }))).status, 200);
  refresh.refresh_token = token;
  const { status, body } = await answerOf(server.post('/token', await proved(refresh)));
  assert.deepEqual([status, body['error']], [400, 'invalid_grant']);
});

const REFUSED: Record<string, readonly [string, Differences]> = {
  'of another key': ['signature_invalid', { pair: keyPair('ES256') }],
  'for another server': ['audience_mismatch', { claims: { aud: 'https://other.example/' } }],
  'of yesterday': ['expired', { claims: { exp: 1, iat: 0 } }],
};

for (const [what, [reason, differences]] of Object.entries(REFUSED)) {
  test(`an assertion ${what} is refused at both endpoints`, async (t) => {
    const server = await mcpAuthorizationServer(t, [withKeys]);
    for (const path of ['/token', '/revoke']) {
      const form = await proved({ ...CLIENT_CREDENTIALS, token: 'x' }, differences);
      const { status, body, headers } = await answerOf(server.post(path, form));
      assert.deepEqual([status, body['error']], [401, 'invalid_client']);
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.equal(headers.get('access-control-allow-origin'), '*');
      assert.equal(server.events.at(-1)?.reason, reason);
    }
  });
}

test('an assertion works for one request', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const form = await proved(CLIENT_CREDENTIALS);
  assert.equal((await server.post('/token', form)).status, 200);
  assert.equal((await server.post('/token', form)).status, 401);
});

for (const [what, client, more, error] of [
  ['is not registered for it', { ...withKeys, grant_types: undefined }, {}, 'unauthorized_client'],
  ['asks for an unknown scope', withKeys, { scope: 'everything' }, 'invalid_scope'],
  ['asks for another resource', withKeys, { resource: 'https://x.example/' }, 'invalid_target'],
  ['asks for no resource', withKeys, { resource: 'mcp' }, 'invalid_target'],
] as const) {
  test(`a client that ${what} gets no token for itself: ${error}`, async (t) => {
    const server = await mcpAuthorizationServer(t, [client]);
    const form = await proved({ ...CLIENT_CREDENTIALS, ...more });
    const { status, body } = await answerOf(server.post('/token', form));
    assert.deepEqual([status, body['error']], [400, error]);
  });
}

for (const [name, error] of [
  ['scope', 'invalid_request'],
  ['resource', 'invalid_target'],
] as const) {
  test(`a client that sends ${name} twice gets no token for itself: ${error} (RFC 6749 §3.2)`, async (t) => {
    const server = await mcpAuthorizationServer(t, [withKeys]);
    const form = await proved({ ...CLIENT_CREDENTIALS, [name]: 'tools' });
    form.append(name, 'tools');
    const { status, body } = await answerOf(server.post('/token', form));
    assert.deepEqual([status, body['error']], [400, error]);
  });
}

test('unknown clients and forms without a client are refused', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  for (const [form, error] of [
    [{ client_id: 'nobody', ...CLIENT_CREDENTIALS }, 'invalid_client'],
    [CLIENT_CREDENTIALS, 'invalid_request'],
    [{ client_assertion: 'x' }, 'invalid_request'],
  ] as const) {
    const { body } = await answerOf(server.post('/token', form));
    assert.equal(body['error'], error);
  }
});

test('a failing replay store is answered with 503 at the token endpoint', async (t) => {
  const clients = new Clients([withKeys]);
  clients.getClient = () => {
    throw new Error('the database is gone');
  };
  const provider = new Provider(clients, MCP_RESOURCE, []);
  const server = await mcpAuthorizationServer(t, [], { provider });
  for (const form of [await proved(CLIENT_CREDENTIALS), { client_id: 'client' }]) {
    assert.equal((await server.post('/token', form)).status, 503);
  }
});

test('preflight requests of browsers are answered (CORS)', async (t) => {
  const server = await mcpAuthorizationServer(t, [withKeys]);
  const headers = { origin: 'https://client.example', 'access-control-request-method': 'POST' };
  const response = await server.request('/token', { method: 'OPTIONS', headers });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  assert.equal((await server.request('/token')).status, 405);
});

/** As a confidential client sends it. */
const SECRET = { client_id: 'secret', client_secret: String(withSecret.client_secret) };

/** What is missing or wrong, and what the caller learns of it. */
const WRONG_FORMS: readonly (readonly [string, string, Record<string, string>, string, string])[] =
  [
    ['no grant_type', '/token', {}, 'invalid_request', 'The parameter grant_type is missing.'],
    [
      'an unknown grant_type',
      '/token',
      { grant_type: 'password' },
      'unsupported_grant_type',
      'The grant type is not supported.',
    ],
    [
      'the name of an inherited member as grant_type',
      '/token',
      { grant_type: 'constructor' },
      'unsupported_grant_type',
      'The grant type is not supported.',
    ],
    [
      'no code',
      '/token',
      { grant_type: 'authorization_code', code_verifier: 'x' },
      'invalid_request',
      'The parameter code is missing.',
    ],
    [
      'no code_verifier (RFC 7636 §4.5)',
      '/token',
      { grant_type: 'authorization_code', code: 'x' },
      'invalid_request',
      'The parameter code_verifier is missing.',
    ],
    [
      'no refresh_token',
      '/token',
      { grant_type: 'refresh_token' },
      'invalid_request',
      'The parameter refresh_token is missing.',
    ],
    [
      'client_credentials, which it is not registered for',
      '/token',
      CLIENT_CREDENTIALS,
      'unauthorized_client',
      'The client may not use the grant type client_credentials.',
    ],
    ['no token', '/revoke', {}, 'invalid_request', 'The parameter token is missing.'],
    [
      'an empty token',
      '/revoke',
      { token: '' },
      'invalid_request',
      'The parameter token is missing.',
    ],
  ];

for (const [what, path, form, error, error_description] of WRONG_FORMS) {
  test(`a form with ${what} is ${error} (RFC 6749 §5.2)`, async (t) => {
    const server = await mcpAuthorizationServer(t, [withSecret]);
    const { status, body } = await answerOf(server.post(path, { ...SECRET, ...form }));
    assert.deepEqual([status, body], [400, { error, error_description }]);
  });
}

test('a client without the grant authorization_code redeems no code, but refreshes', async (t) => {
  const clients = new Clients([{ ...withSecret, grant_types: ['client_credentials'] }]);
  const provider = new Provider(clients, MCP_RESOURCE, ['tools']);
  const server = await mcpAuthorizationServer(t, [], { provider });
  const code = { grant_type: 'authorization_code', code: 'x', code_verifier: 'y' };
  const redeemed = await answerOf(server.post('/token', { ...SECRET, ...code }));
  assert.equal(redeemed.body['error'], 'unauthorized_client');
  const refresh = { grant_type: 'refresh_token', refresh_token: 'x' };
  const refreshed = await answerOf(server.post('/token', { ...SECRET, ...refresh }));
  assert.equal(refreshed.body['error'], 'invalid_grant', 'by the provider, which was asked');
});

test('a provider without client_credentials does not support the grant', async (t) => {
  const provider = new Provider(new Clients([withKeys]), MCP_RESOURCE, ['tools']);
  Object.assign(provider, { exchangeClientCredentials: undefined });
  const server = await mcpAuthorizationServer(t, [], { provider });
  const { body } = await answerOf(server.post('/token', await proved(CLIENT_CREDENTIALS)));
  assert.equal(body['error'], 'unsupported_grant_type');
});

test('a code is redeemed only with its code_verifier, and a wrong one does not use it up (RFC 7636 §4.6)', async (t) => {
  const server = await mcpAuthorizationServer(t, [withSecret]);
  const code = await server.code('secret');
  const wrong = await answerOf(
    server.post('/token', { ...SECRET, ...code, code_verifier: `${code.code_verifier}x` }),
  );
  assert.deepEqual(
    [wrong.status, wrong.body],
    [
      400,
      {
        error: 'invalid_grant',
        error_description: 'code_verifier does not match the challenge.',
      },
    ],
  );
  assert.equal((await server.post('/token', { ...SECRET, ...code })).status, 200);
});

/** Notes the arguments of the provider's methods, and answers for it. */
function recording(more: object) {
  const provider = new Provider(new Clients([withSecret]), MCP_RESOURCE, ['tools']);
  const calls: unknown[] = [];
  const note =
    (name: string, answer: unknown) =>
    async (_client: unknown, ...args: unknown[]) => {
      calls.push([name, ...args]);
      return answer;
    };
  Object.assign(provider, {
    challengeForAuthorizationCode: note('challenge', 'another challenge'),
    exchangeAuthorizationCode: note('code', { access_token: 'a' }),
    exchangeRefreshToken: note('refresh', { access_token: 'a' }),
    revokeToken: note('revoke', 'nobody reads this'),
    ...more,
  });
  return { provider, calls };
}

test('a provider that checks the code_verifier itself gets it, and is asked for no challenge', async (t) => {
  const form = { grant_type: 'authorization_code', code: 'c', code_verifier: 'v' };
  const expected = { ...SECRET, ...form, redirect_uri: 'https://client.example/' };
  for (const [skipLocalPkceValidation, status, called] of [
    [true, 200, [['code', 'c', 'v', 'https://client.example/', undefined]]],
    [false, 400, [['challenge', 'c']]],
    ['yes', 400, [['challenge', 'c']]],
  ] as const) {
    const { provider, calls } = recording({ skipLocalPkceValidation });
    const server = await mcpAuthorizationServer(t, [], { provider });
    assert.equal((await server.post('/token', expected)).status, status);
    assert.deepEqual(calls, called);
  }
});

test('the code_verifier stays here if the router checks it', async (t) => {
  const provider = new Provider(new Clients([withSecret]), MCP_RESOURCE, ['tools']);
  const { code, code_verifier, ...form } = await (
    await mcpAuthorizationServer(t, [], { provider })
  ).code('secret');
  const verifiers: unknown[] = [];
  provider.exchangeAuthorizationCode = async (_client, _code, verifier) => {
    verifiers.push(verifier);
    return { access_token: 'a', token_type: 'bearer' };
  };
  const server = await mcpAuthorizationServer(t, [], { provider });
  const sent = { ...SECRET, ...form, code, code_verifier };
  const { status, headers } = await answerOf(server.post('/token', sent));
  assert.deepEqual([status, verifiers], [200, [undefined]]);
  assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
});

for (const [scope, scopes] of [
  [undefined, undefined],
  ['', undefined],
  ['tools', ['tools']],
  [' tools  files ', ['tools', 'files']],
] as const) {
  test(`a refresh with the scope ${JSON.stringify(scope)} asks for ${scopes} (RFC 6749 §6)`, async (t) => {
    const { provider, calls } = recording({});
    const server = await mcpAuthorizationServer(t, [], { provider });
    const form = { ...SECRET, grant_type: 'refresh_token', refresh_token: 'r', resource: '' };
    await server.post('/token', scope === undefined ? form : { ...form, scope });
    assert.deepEqual(calls, [['refresh', 'r', scopes, undefined]]);
  });
}

test('a revocation passes on the hint, and is answered with nothing else (RFC 7009 §2)', async (t) => {
  const { provider, calls } = recording({});
  const server = await mcpAuthorizationServer(t, [], { provider });
  for (const token_type_hint of ['refresh_token', undefined]) {
    const hint = { ...(token_type_hint && { token_type_hint }) };
    const { status, body } = await answerOf(
      server.post('/revoke', { ...SECRET, token: 'x', ...hint }),
    );
    assert.deepEqual([status, body], [200, {}]);
    assert.deepEqual(calls.pop(), ['revoke', { token: 'x', ...hint }]);
  }
});

/** Errors by shape, as the SDKs throw them: by `errorCode` or `code`, with `toResponseObject`. */
for (const [error, status] of [
  ['invalid_client', 401],
  ['invalid_token', 401],
  ['insufficient_scope', 403],
  ['too_many_requests', 429],
  ['server_error', 500],
  ['temporarily_unavailable', 503],
  ['invalid_grant', 400],
  ['an_error_of_its_own', 400],
] as const) {
  test(`a provider's ${error} is answered with ${status}`, async (t) => {
    for (const member of ['errorCode', 'code']) {
      const { provider } = recording({
        revokeToken: async () => {
          const toResponseObject = () => ({});
          throw Object.assign(new Error('Why.'), { [member]: error, toResponseObject });
        },
      });
      const server = await mcpAuthorizationServer(t, [], { provider });
      const { body, ...answer } = await answerOf(server.post('/revoke', { ...SECRET, token: 'x' }));
      assert.deepEqual([answer.status, body], [status, { error, error_description: 'Why.' }]);
    }
  });
}

for (const thrown of [
  Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
  Object.assign(new Error('x'), { code: 5, toResponseObject() {} }),
  Object.assign(new Error('x'), { toResponseObject: {}, errorCode: 'invalid_grant' }),
  undefined,
  'x',
]) {
  test(`a provider that throws ${thrown} of another shape is a server_error`, async (t) => {
    const warnings = t.mock.method(process, 'emitWarning', () => undefined);
    const { provider } = recording({ revokeToken: () => Promise.reject(thrown) });
    const server = await mcpAuthorizationServer(t, [], { provider });
    const { status, body } = await answerOf(server.post('/revoke', { ...SECRET, token: 'x' }));
    const error_description = 'Internal Server Error';
    assert.deepEqual([status, body], [500, { error: 'server_error', error_description }]);
    const [warning, type] = warnings.mock.calls[0]?.arguments ?? [];
    assert.match(String(warning), /^The MCP provider failed: /);
    assert.equal(type, 'PrivateKeyJwtWarning');
  });
}

test('a provider does not see the secret of a client that authenticated by a key', async (t) => {
  const client = { ...withKeys, client_secret: 'x', client_secret_expires_at: 0 };
  const provider = new Provider(new Clients([client]), MCP_RESOURCE, ['tools']);
  const seen: object[] = [];
  provider.exchangeClientCredentials = async (found) => {
    seen.push(found);
    return { access_token: 'a', token_type: 'bearer' };
  };
  const server = await mcpAuthorizationServer(t, [], { provider });
  assert.equal((await server.post('/token', await proved(CLIENT_CREDENTIALS))).status, 200);
  assert.deepEqual(seen, [withKeys]);
});
