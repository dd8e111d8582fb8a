import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
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
