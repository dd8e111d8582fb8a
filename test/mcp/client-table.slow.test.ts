import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fakeClock } from '../support/fake-clock.js';
import {
  answerOf,
  CLIENT_CREDENTIALS,
  MCP_ISSUER,
  type McpAuthorizationServer,
  mcpAuthorizationServer,
  proved,
  REDIRECT_URI,
  withKeys,
} from '../support/mcp-authorization-server.js';
import { json, remoteHost, remoteOptions } from '../support/remote-host.js';

// What each kind of client may do at the token and revocation endpoints, in one table.

const SECRET = 'S+e/c=r%2Bet';
const GRANTS = ['authorization_code', 'refresh_token', 'client_credentials'];

/** How a request shows who it is from. */
interface Shown {
  readonly form?: Record<string, string>;
  readonly authorization?: string;
  readonly assertion?: boolean;
}

const basic = (id: string, secret: string, encode = (text: string): string => text): string =>
  `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;

const WAYS: Record<string, (id: string) => Shown> = {
  'its id': (id) => ({ form: { client_id: id } }),
  'its id and an empty secret': (id) => ({ form: { client_id: id, client_secret: '' } }),
  'its secret in the form': (id) => ({ form: { client_id: id, client_secret: SECRET } }),
  'another secret in the form': (id) => ({ form: { client_id: id, client_secret: 'x' } }),
  'its secret in Basic alone': (id) => ({ authorization: basic(id, SECRET, encodeURIComponent) }),
  'its secret in Basic, not encoded': (id) => ({ authorization: basic(id, SECRET) }),
  'its secret in Basic, its id in the form': (id) => ({
    authorization: basic(id, SECRET, encodeURIComponent),
    form: { client_id: id },
  }),
  'its secret in Basic, another id in the form': (id) => ({
    authorization: basic(id, SECRET, encodeURIComponent),
    form: { client_id: 'other' },
  }),
  'another secret in Basic': (id) => ({ authorization: basic(id, 'x') }),
  'a Basic header that is none': () => ({ authorization: 'Basic !' }),
  'a bearer token': (id) => ({ authorization: 'Bearer x', form: { client_id: id } }),
  'Basic and a secret in the form': (id) => ({
    authorization: basic(id, SECRET),
    form: { client_id: id, client_secret: SECRET },
  }),
  'an assertion': () => ({ assertion: true }),
  'an assertion and its secret': (id) => ({
    assertion: true,
    form: { client_id: id, client_secret: SECRET },
  }),
};

/** The ways that a kind of client is accepted by; all others are refused. */
interface Kind {
  readonly client: Record<string, unknown>;
  readonly accepted: readonly string[];
  /** Whether it gets tokens for itself. */
  readonly proved: boolean;
}

const BY_SECRET = [
  'its secret in the form',
  'its secret in Basic alone',
  'its secret in Basic, not encoded',
  'its secret in Basic, its id in the form',
];
const BY_ID = ['its id', 'its id and an empty secret'];
const keys = { jwks: withKeys.jwks };

const KINDS: Record<string, Kind> = {
  'a public client': {
    client: { token_endpoint_auth_method: 'none' },
    accepted: BY_ID,
    proved: false,
  },
  'a client without method and secret': { client: {}, accepted: BY_ID, proved: false },
  'a secret client': { client: { client_secret: SECRET }, accepted: BY_SECRET, proved: true },
  'a client_secret_basic client': {
    client: { client_secret: SECRET, token_endpoint_auth_method: 'client_secret_basic' },
    accepted: BY_SECRET,
    proved: true,
  },
  'a client_secret_post client': {
    client: { client_secret: SECRET, token_endpoint_auth_method: 'client_secret_post' },
    accepted: BY_SECRET,
    proved: true,
  },
  'a client whose secret has ended': {
    client: { client_secret: SECRET, client_secret_expires_at: 1 },
    accepted: [],
    proved: true,
  },
  'a key client': {
    client: { ...keys, token_endpoint_auth_method: 'private_key_jwt' },
    accepted: ['an assertion'],
    proved: true,
  },
  'a key client that has a secret besides': {
    client: { ...keys, client_secret: SECRET },
    accepted: ['an assertion'],
    proved: true,
  },
  'a client of a certificate': {
    client: { token_endpoint_auth_method: 'tls_client_auth' },
    accepted: [],
    proved: false,
  },
  'a public metadata-document client': {
    client: { document: { token_endpoint_auth_method: 'none' } },
    accepted: BY_ID,
    proved: false,
  },
  'a metadata-document client with a key': {
    client: { document: { ...keys, token_endpoint_auth_method: 'private_key_jwt' } },
    accepted: ['an assertion'],
    proved: true,
  },
};

async function start(t: TestContext, { client }: Kind) {
  const { document, ...registered } = client;
  const options = { grantTypes: GRANTS, rateLimit: false } as const;
  const metadata = { grant_types: GRANTS, redirect_uris: [REDIRECT_URI], client_name: 'Example' };
  if (document === undefined) {
    const id = 'client';
    const server = await mcpAuthorizationServer(
      t,
      [{ ...metadata, ...registered, client_id: id }],
      options,
    );
    return { id, server };
  }
  const host = await remoteHost((request, response) =>
    json(() => ({ ...metadata, ...(document as object), client_id: `${host.origin}/client.json` }))(
      request,
      response,
    ),
  );
  t.after(() => host.close());
  const clientMetadataDocuments = await remoteOptions();
  const server = await mcpAuthorizationServer(t, [], { ...options, clientMetadataDocuments });
  return { id: `${host.origin}/client.json`, server };
}

async function send(
  server: McpAuthorizationServer,
  path: string,
  id: string,
  { form = {}, authorization, assertion = false }: Shown,
  more: Record<string, string>,
) {
  const body = { ...form, ...more };
  return answerOf(
    server.request(path, {
      method: 'POST',
      headers: authorization === undefined ? {} : { authorization },
      body: assertion
        ? await proved(body, { clientId: id, header: { kid: '1' } })
        : new URLSearchParams(body),
    }),
  );
}

for (const [kind, row] of Object.entries(KINDS)) {
  test(`${kind} is accepted only by ${row.accepted.join(', ') || 'nothing'}`, async (t) => {
    const { id, server } = await start(t, row);
    for (const [way, show] of Object.entries(WAYS)) {
      const isAccepted = row.accepted.includes(way);
      const code = { ...(await server.code(id)) };
      const sent = server.events.length;
      const redeemed = await send(server, '/token', id, show(id), code);
      const refusal = way.includes(' and ') && !way.includes('empty') ? 400 : 401;
      assert.equal(redeemed.status, isAccepted ? 200 : refusal, way);
      if (!isAccepted) {
        assert.equal(redeemed.headers.get('cache-control'), 'no-store');
        const challenge = redeemed.headers.get('www-authenticate');
        assert.equal(challenge !== null, show(id).authorization !== undefined && refusal === 401);
      }
      assert.equal(server.events.length, sent + 1, 'one event each');
      assert.equal(server.events.at(-1)?.outcome, isAccepted ? 'success' : 'failure');

      const revoked = await send(server, '/revoke', id, show(id), { token: 'x' });
      assert.equal(revoked.status, isAccepted ? 200 : refusal, way);

      const own = await send(server, '/token', id, show(id), CLIENT_CREDENTIALS);
      const expected = isAccepted && !row.proved ? 400 : isAccepted ? 200 : refusal;
      assert.equal(own.status, expected, way);
      if (isAccepted && !row.proved) assert.equal(own.body['error'], 'unauthorized_client');
    }
  });
}

test('the metadata advertise exactly what the table accepts (RFC 8414 §2)', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  const { body } = await answerOf(server.request('/.well-known/oauth-authorization-server'));
  assert.equal(body['issuer'], MCP_ISSUER);
  for (const endpoint of ['token', 'revocation']) {
    const methods = body[`${endpoint}_endpoint_auth_methods_supported`] as string[];
    assert.deepEqual(methods.toSorted(), [
      'client_secret_basic',
      'client_secret_post',
      'none',
      'private_key_jwt',
    ]);
  }
});

const SECRET_CLIENT = { client_id: 'client', client_secret: SECRET, redirect_uris: [REDIRECT_URI] };
const PINNED = { ...SECRET_CLIENT, token_endpoint_auth_method: 'client_secret_post' };
const PUBLIC = { client_id: 'client', redirect_uris: [REDIRECT_URI] };
const KEY_CLIENT = { ...PUBLIC, ...keys, token_endpoint_auth_method: 'private_key_jwt' };
const OF_A_CERTIFICATE = { ...PUBLIC, token_endpoint_auth_method: 'tls_client_auth' };
const NEVER = basic('client', 'x');

/** A request without an assertion, and what the operator learns of it. */
const EVENTS: readonly (readonly [string, object, Shown, object])[] = [
  [
    'a wrong secret in Basic',
    SECRET_CLIENT,
    { authorization: NEVER },
    {
      reason: 'client_secret_invalid',
      expected: undefined,
      actual: 'client_secret_basic',
      clientId: 'client',
    },
  ],
  [
    'a wrong secret in the form',
    PINNED,
    { form: { client_id: 'client', client_secret: 'x' } },
    {
      reason: 'client_secret_invalid',
      expected: 'client_secret_post',
      actual: 'client_secret_post',
      clientId: 'client',
    },
  ],
  [
    'no secret',
    SECRET_CLIENT,
    { form: { client_id: 'client' } },
    { reason: 'client_secret_invalid', actual: 'none', clientId: 'client' },
  ],
  [
    'a secret of a public client',
    PUBLIC,
    { form: { client_id: 'client', client_secret: 'x' } },
    {
      reason: 'client_method_mismatch',
      expected: 'none',
      actual: 'client_secret_post',
      clientId: 'client',
    },
  ],
  [
    'a secret of a client with a certificate',
    OF_A_CERTIFICATE,
    { authorization: NEVER },
    {
      reason: 'client_method_mismatch',
      expected: 'tls_client_auth',
      actual: 'client_secret_basic',
      clientId: 'client',
    },
  ],
  [
    "a key client's id alone",
    KEY_CLIENT,
    { form: { client_id: 'client' } },
    {
      reason: 'assertion_required',
      expected: ['client_assertion'],
      actual: [],
      clientId: 'client',
    },
  ],
  [
    'a secret of a key client',
    KEY_CLIENT,
    { form: { client_id: 'client', client_secret: 'x' } },
    { reason: 'assertion_required', actual: ['client_secret'], clientId: 'client' },
  ],
  [
    'a Basic header without an id',
    SECRET_CLIENT,
    { authorization: basic('', SECRET) },
    { reason: 'client_assertion_absent' },
  ],
  [
    'a Basic header without a colon',
    SECRET_CLIENT,
    { authorization: `Basic ${Buffer.from('client').toString('base64')}` },
    { reason: 'client_assertion_absent' },
  ],
  [
    'a scheme that ends in Basic',
    SECRET_CLIENT,
    { authorization: `x${basic('client', SECRET)}` },
    { reason: 'client_assertion_absent' },
  ],
  [
    'a Basic header with more behind it',
    SECRET_CLIENT,
    { authorization: `${basic('client', SECRET)} x` },
    { reason: 'client_assertion_absent' },
  ],
  [
    'an unknown id that is a URL',
    SECRET_CLIENT,
    { form: { client_id: 'HTTP://client.example/x' } },
    { reason: 'unknown_client', clientId: 'HTTP://client.example/x' },
  ],
  [
    'an unknown id that has a URL in it',
    SECRET_CLIENT,
    { form: { client_id: 'x https://client.example/' } },
    { reason: 'unknown_client', clientId: undefined },
  ],
];

for (const [what, client, shown, expected] of EVENTS) {
  test(`the event of ${what} says what was expected and sent`, async (t) => {
    const server = await mcpAuthorizationServer(t, [client as never]);
    const { status, body } = await send(server, '/token', 'client', shown, CLIENT_CREDENTIALS);
    assert.deepEqual([status, body['error']], [401, 'invalid_client']);
    const event: Record<string, unknown> = { ...server.events.at(-1) };
    const seen = Object.fromEntries(Object.keys(expected).map((name) => [name, event[name]]));
    assert.deepEqual(seen, expected);
    assert.equal(event['endpoint'], `${MCP_ISSUER}token`);
  });
}

for (const [what, id, secret, header] of [
  ['a colon', 'client', 'a:b', basic('client', 'a:b')],
  ['a plus for a space', 'client', 'a b', basic('client', 'a+b')],
  ['a percent sign that encodes nothing', 'client', '100%', basic('client', '100%')],
  ['an id of one character', 'c', 'x', basic('c', 'x')],
  ['an id with a percent sign that encodes nothing', '100%', 'x', basic('100%', 'x')],
  ['a space in its id', 'a client', 'x', basic('a+client', 'x')],
  ['spaces around it', 'client', 'x', `basic   ${basic('client', 'x').slice(6)} `],
] as const) {
  test(`Basic may have ${what} (RFC 6749 §2.3.1)`, async (t) => {
    const client = { ...SECRET_CLIENT, client_id: id, client_secret: secret };
    const server = await mcpAuthorizationServer(t, [client]);
    const { status } = await send(server, '/revoke', id, { authorization: header }, { token: 'x' });
    assert.equal(status, 200);
    assert.equal(server.events.at(-1)?.clientId, id);
    assert.equal(server.events.at(-1)?.method, 'client_secret_basic');
  });
}

for (const [what, seconds, status] of [
  ['never expires (0)', undefined, 200],
  ['expires in a second', 1, 200],
  ['expires now', 0, 401],
  ['expired a second ago', -1, 401],
] as const) {
  test(`a secret that ${what}: ${status} (RFC 7591 §3.2.1)`, async (t) => {
    const { now, restore } = fakeClock();
    t.after(restore);
    const client_secret_expires_at = seconds === undefined ? 0 : now() + seconds;
    const server = await mcpAuthorizationServer(t, [
      { ...SECRET_CLIENT, client_secret_expires_at },
    ]);
    const form = { client_id: 'client', client_secret: SECRET };
    assert.equal((await send(server, '/revoke', '', { form }, { token: 'x' })).status, status);
  });
}

test('a form without a client is invalid_request, an empty one invalid_client (RFC 6749 §5.2)', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  for (const [form, status, error, description] of [
    [CLIENT_CREDENTIALS, 400, 'invalid_request', 'The parameter client_id is missing.'],
    [{ client_id: '' }, 400, 'invalid_request', 'The parameter client_id is missing.'],
    [{}, 401, 'invalid_client', 'Client authentication failed.'],
  ] as const) {
    const answer = await answerOf(server.post('/token', form));
    assert.deepEqual(
      [answer.status, answer.body],
      [status, { error, error_description: description }],
    );
    assert.equal(server.events.at(-1)?.reason, 'client_assertion_absent');
    assert.equal(server.events.at(-1)?.endpoint, `${MCP_ISSUER}token`);
  }
});

test('an empty client_id beside Basic counts as absent', async (t) => {
  const server = await mcpAuthorizationServer(t, [SECRET_CLIENT]);
  const shown = { authorization: basic('client', SECRET), form: { client_id: '' } };
  assert.equal((await send(server, '/revoke', '', shown, { token: 'x' })).status, 200);
});

test('an empty Authorization header counts as absent', async (t) => {
  const server = await mcpAuthorizationServer(t, [SECRET_CLIENT]);
  const shown = { authorization: ' ', form: { client_id: 'client', client_secret: SECRET } };
  assert.equal((await send(server, '/revoke', '', shown, { token: 'x' })).status, 200);
  assert.equal(server.events.at(-1)?.method, 'client_secret_post');
});
