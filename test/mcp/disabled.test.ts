import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  answerOf,
  CLIENT_CREDENTIALS,
  MCP_RESOURCE,
  mcpAuthorizationServer,
  proved,
  REDIRECT_URI,
  withKeys,
  withSecret,
} from '../support/mcp-authorization-server.js';
import { Clients, Provider } from '../support/mcp-provider.js';
import { json, remoteHost, remoteOptions } from '../support/remote-host.js';

const GRANTS = ['authorization_code', 'refresh_token', 'client_credentials'];

type Form = Record<string, string> | URLSearchParams;

interface Kind {
  readonly client: Record<string, unknown>;
  /** Adds what the client shows itself by. */
  readonly shown: (form: Record<string, string>, clientId: string) => Form | Promise<Form>;
  readonly hasDocument?: boolean;
}

const byAssertion: Kind['shown'] = (form, clientId) => proved(form, { clientId });
const byId: Kind['shown'] = (form, client_id) => ({ ...form, client_id });

const KINDS: Readonly<Record<string, Kind>> = {
  'a client with keys': { client: { ...withKeys }, shown: byAssertion },
  'a client with a secret': {
    client: { ...withSecret, client_id: 'client' },
    shown: (form, client_id) => ({
      ...form,
      client_id,
      client_secret: String(withSecret.client_secret),
    }),
  },
  'a public client': { client: { token_endpoint_auth_method: 'none' }, shown: byId },
  'a client with a metadata document and keys': {
    client: { token_endpoint_auth_method: 'private_key_jwt', jwks: withKeys.jwks },
    shown: byAssertion,
    hasDocument: true,
  },
  'a public client with a metadata document': {
    client: { token_endpoint_auth_method: 'none' },
    shown: byId,
    hasDocument: true,
  },
};

async function start(t: TestContext, { client, hasDocument = false }: Kind) {
  const metadata = {
    redirect_uris: [REDIRECT_URI],
    client_name: 'Example',
    ...client,
    grant_types: GRANTS,
  };
  const record: Record<string, unknown> = { client_id: 'client', ...metadata };
  const clients = new Clients();
  const find = clients.getClient.bind(clients);
  if (hasDocument) {
    const host = await remoteHost((request, response) =>
      json(() => ({ ...metadata, client_id: record['client_id'] }))(request, response),
    );
    t.after(() => host.close());
    record['client_id'] = `${host.origin}/client.json`;
  }
  let isDisabled: unknown;
  clients.getClient = (clientId) => {
    if (clientId !== record['client_id'] || (hasDocument && isDisabled === undefined)) {
      return find(clientId);
    }
    return { ...record, disabled: isDisabled } as unknown as typeof withKeys;
  };
  const provider = new Provider(clients, MCP_RESOURCE, ['tools']);
  const calls: string[] = [];
  for (const name of [
    'authorize',
    'challengeForAuthorizationCode',
    'exchangeAuthorizationCode',
    'exchangeRefreshToken',
    'exchangeClientCredentials',
    'revokeToken',
  ] as const) {
    const method = (provider[name] as () => unknown).bind(provider);
    Object.assign(provider, {
      [name]: (...args: []) => {
        calls.push(name);
        return method(...args);
      },
    });
  }
  const server = await mcpAuthorizationServer(t, [], {
    provider,
    grantTypes: GRANTS,
    rateLimit: false,
    ...(hasDocument && { clientMetadataDocuments: await remoteOptions() }),
  });
  const disable = (value: unknown) => {
    isDisabled = value;
    calls.length = 0;
  };
  return { id: String(record['client_id']), server, calls, disable };
}

for (const [what, kind] of Object.entries(KINDS)) {
  test(`${what} that the store disables is refused everywhere`, async (t) => {
    const { id, server, calls, disable } = await start(t, kind);
    const code = { ...(await server.code(id)) };
    const form = async (more: Record<string, string>) => kind.shown(more, id);
    const { status, body } = await answerOf(server.post('/token', await form(code)));
    assert.equal(status, 200, JSON.stringify(body));
    const authorization = `Bearer ${body['access_token']}`;
    const refresh_token = String(body['refresh_token']);
    const use = () => server.request('/mcp', { headers: { authorization } });
    assert.equal((await use()).status, 200);
    const other = { ...(await server.code(id)) };

    // A database may have 1 instead of true.
    for (const value of [true, 1]) {
      disable(value);
      assert.match((await server.code(id)).code, /Invalid client_id/);
      for (const [path, more] of [
        ['/token', other],
        ['/token', { grant_type: 'refresh_token', refresh_token }],
        ['/token', CLIENT_CREDENTIALS],
        ['/revoke', { token: refresh_token }],
      ] as const) {
        const refused = await answerOf(server.post(path, await form(more)));
        assert.deepEqual([refused.status, refused.body['error']], [401, 'invalid_client'], path);
        const { outcome, reason, clientId } = server.events.at(-1) ?? {};
        assert.deepEqual([outcome, reason, clientId], ['failure', 'client_disabled', id]);
      }
      const response = await use();
      assert.equal(response.status, 401);
      assert.match(response.headers.get('www-authenticate') ?? '', /error="invalid_token"/);
      assert.deepEqual(calls, [], 'the provider was not asked');
    }

    disable(undefined);
    assert.equal((await use()).status, 200);
    const again = await server.post('/token', await form(other));
    assert.equal(again.status, 200);
  });
}

test('a client cannot register itself as disabled or enabled', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  for (const disabled of [true, false]) {
    const registered = await server.register({ redirect_uris: [REDIRECT_URI], disabled });
    assert.equal(registered.status, 201);
    assert.equal(Object.hasOwn((await registered.json()) as object, 'disabled'), false);
  }
});

test('if the store fails, no token is accepted', async (t) => {
  const clients = new Clients([withKeys]);
  const provider = new Provider(clients, MCP_RESOURCE, ['tools']);
  const server = await mcpAuthorizationServer(t, [], { provider });
  const { body } = await answerOf(server.post('/token', await proved(CLIENT_CREDENTIALS)));
  const headers = { authorization: `Bearer ${body['access_token']}` };
  clients.getClient = () => {
    throw new Error('the database is away');
  };
  assert.equal((await server.request('/mcp', { headers })).status, 500);
});

test('an unknown client_id does not reach the event, because it may be a secret', async (t) => {
  const server = await mcpAuthorizationServer(t, [withSecret]);
  const secret = String(withSecret.client_secret);
  const basic = `Basic ${Buffer.from(`${secret}:${withSecret.client_id}`).toString('base64')}`;
  for (const headers of [{}, { authorization: basic }]) {
    const form: Record<string, string> = { ...CLIENT_CREDENTIALS };
    if (!('authorization' in headers)) form['client_id'] = secret;
    const response = await server.request('/token', {
      method: 'POST',
      headers,
      body: new URLSearchParams(form),
    });
    assert.equal(response.status, 401);
    const event = server.events.at(-1);
    assert.equal(event?.reason, 'unknown_client');
    assert.equal(event?.clientId, undefined);
    assert.doesNotMatch(JSON.stringify(event), new RegExp(secret));
  }
});

for (const [what, client, form, method] of [
  [
    'a secret',
    { ...withSecret, grant_types: GRANTS },
    { client_id: 'secret', client_secret: String(withSecret.client_secret) },
    'client_secret_post',
  ],
  [
    'nothing',
    { client_id: 'public', redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' },
    { client_id: 'public' },
    'none',
  ],
] as const) {
  test(`a client that shows ${what} is one event, whose method is ${method}`, async (t) => {
    const server = await mcpAuthorizationServer(t, [client as typeof withSecret]);
    const { status } = await server.post('/revoke', { ...form, token: 'x' });
    assert.equal(status, 200);
    const shown = server.events.map((event) => [event.outcome, event.method, event.clientId]);
    assert.deepEqual(shown, [['success', method, client.client_id]]);
  });
}
