import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientAuthenticationError, clientMetadataDocuments } from '../../lib/index.js';

// Documents as these clients published them in 2026. The keys behind their jwks_uri are not asked.

const CODE_AND_REFRESH = ['authorization_code', 'refresh_token'];

const CHATGPT = {
  client_id: 'https://chatgpt.com/oauth/IbUR3zxyNQ16/client.json',
  client_uri: 'https://chatgpt.com/',
  redirect_uris: ['https://chatgpt.com/connector/oauth/IbUR3zxyNQ16'],
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
  grant_types: CODE_AND_REFRESH,
  response_types: ['code'],
  client_name: 'ChatGPT',
  token_endpoint_auth_signing_alg: 'RS256',
  jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
};

const VS_CODE = {
  client_name: 'Visual Studio Code',
  logo_uri: 'https://code.visualstudio.com/assets/branding/code-stable.png',
  grant_types: [...CODE_AND_REFRESH, 'urn:ietf:params:oauth:grant-type:device_code'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  application_type: 'native',
  client_id: 'https://vscode.dev/oauth/client-metadata.json',
  client_uri: 'https://vscode.dev/product',
  redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
};

const CLAUDE_CODE = {
  client_id: 'https://claude.ai/oauth/claude-code-client-metadata',
  client_name: 'Claude Code',
  client_uri: 'https://claude.ai',
  redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
  grant_types: CODE_AND_REFRESH,
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};

/** The example of the MCP authorization specification. */
const MCP_EXAMPLE = {
  client_id: 'https://app.example.com/oauth/client-metadata.json',
  client_name: 'Example MCP Client',
  client_uri: 'https://app.example.com',
  logo_uri: 'https://app.example.com/logo.png',
  redirect_uris: ['http://127.0.0.1:3000/callback', 'http://localhost:3000/callback'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};

type Document = Readonly<Record<string, unknown>> & { readonly client_id: string };

/** A lookup whose documents come from here. */
const lookupOf = (document: Document, options: object = {}) => {
  const fetch = async () =>
    new Response(JSON.stringify(document), { headers: { 'content-type': 'application/json' } });
  const find = clientMetadataDocuments({ fetch, ...options });
  return () => find(document.client_id);
};

const reasonOf = (pending: Promise<unknown>) =>
  pending.then(
    () => undefined,
    (error: unknown) => {
      assert.ok(error instanceof ClientAuthenticationError);
      return [error.status, error.error, error.reason];
    },
  );

for (const [document, method, grants] of [
  [CHATGPT, 'private_key_jwt', CODE_AND_REFRESH],
  [VS_CODE, 'none', CODE_AND_REFRESH],
  [CLAUDE_CODE, 'none', CODE_AND_REFRESH],
  [MCP_EXAMPLE, 'none', ['authorization_code']],
] as const) {
  test(`${document.client_name} is accepted with ${method} and ${grants}`, async () => {
    const client = await lookupOf(document)();
    assert.equal(client?.tokenEndpointAuthMethod, method);
    assert.deepEqual(client?.metadata, {
      ...document,
      token_endpoint_auth_method: method,
      grant_types: grants,
    });
    assert.equal(client?.secrets.length, method === 'none' ? 0 : 1);
  });
}

test('a server without private_key_jwt accepts ChatGPT as a public client (draft -03 §4.1)', async () => {
  const client = await lookupOf(CHATGPT, { methods: ['none'] })();
  assert.equal(client?.tokenEndpointAuthMethod, 'none');
});

const UNAUTHORIZED = [400, 'unauthorized_client', 'client_method_unsupported'];
const REFUSED = [401, 'invalid_client', 'client_metadata_document_failed'];
const MTLS = 'self_signed_tls_client_auth';

interface Offer {
  readonly one?: unknown;
  readonly several?: unknown;
  /** The server's. */
  readonly methods?: readonly string[];
  readonly keys?: boolean;
  /** The method that is chosen, or the refusal. */
  readonly chosen: string | readonly unknown[];
}

/** What a document offers, and what comes of it (draft -03 §4.1). */
const OFFERS: readonly Offer[] = [
  { chosen: 'none' },
  { one: null, several: null, chosen: 'none' },
  { one: 'none', chosen: 'none' },
  { one: 'private_key_jwt', chosen: 'private_key_jwt' },
  { one: 'private_key_jwt', keys: false, chosen: REFUSED },
  { one: 'private_key_jwt', methods: ['none'], chosen: UNAUTHORIZED },
  { one: 'none', methods: ['private_key_jwt'], chosen: UNAUTHORIZED },
  { methods: ['private_key_jwt'], chosen: UNAUTHORIZED },
  { one: MTLS, chosen: UNAUTHORIZED },
  { one: MTLS, methods: [MTLS], chosen: MTLS },
  { one: 'PRIVATE_KEY_JWT', chosen: UNAUTHORIZED },
  { several: ['private_key_jwt'], chosen: 'private_key_jwt' },
  { several: ['private_key_jwt'], methods: ['none'], chosen: UNAUTHORIZED },
  { several: ['private_key_jwt'], keys: false, chosen: REFUSED },
  { several: [MTLS, 'private_key_jwt'], chosen: 'private_key_jwt' },
  { several: [MTLS], chosen: UNAUTHORIZED },
  { several: [], chosen: UNAUTHORIZED },
  { one: 'none', several: [], chosen: UNAUTHORIZED },
  { several: ['none', 'private_key_jwt'], chosen: 'private_key_jwt' },
  { several: ['none', 'private_key_jwt'], methods: ['none', 'private_key_jwt'], chosen: 'none' },
  { several: ['none', 'private_key_jwt'], keys: false, chosen: 'none' },
  { one: 'none', several: ['private_key_jwt'], chosen: 'private_key_jwt' },
  { one: 'private_key_jwt', several: ['none'], chosen: 'none' },
  { one: 'client_secret_basic', several: ['private_key_jwt'], chosen: REFUSED },
  { one: 'private_key_jwt', several: ['none', 'client_secret_post'], chosen: REFUSED },
  { several: ['client_secret_jwt', 'private_key_jwt'], chosen: REFUSED },
  { one: ['private_key_jwt'], chosen: REFUSED },
  { several: 'private_key_jwt', chosen: REFUSED },
  { several: [null], chosen: REFUSED },
];

for (const { one, several, methods, keys = true, chosen } of OFFERS) {
  const shown = JSON.stringify({ one, several, methods, keys });
  test(`a document that offers ${shown}: ${chosen} (draft -03 §4.1)`, async () => {
    const document = {
      client_id: 'https://client.example/client.json',
      ...(one !== undefined && { token_endpoint_auth_method: one }),
      ...(several !== undefined && { token_endpoint_auth_methods_supported: several }),
      ...(keys && { jwks_uri: 'https://client.example/jwks.json' }),
    };
    const find = lookupOf(document, methods && { methods });
    if (typeof chosen !== 'string') {
      assert.deepEqual(await reasonOf(find()), chosen);
      return;
    }
    const client = await find();
    assert.equal(client?.tokenEndpointAuthMethod, chosen);
    assert.equal(client?.metadata.token_endpoint_auth_method, chosen);
  });
}

const DOCUMENT = { client_id: 'https://client.example/client.json' };

for (const [asked, options, granted] of [
  [undefined, {}, ['authorization_code']],
  [null, {}, ['authorization_code']],
  [['client_credentials'], {}, REFUSED],
  [['client_credentials', 'authorization_code'], {}, ['authorization_code']],
  [['urn:ietf:params:oauth:grant-type:jwt-bearer'], {}, REFUSED],
  [['client_credentials'], { grantTypes: ['client_credentials'] }, ['client_credentials']],
  [undefined, { grantTypes: ['client_credentials'] }, REFUSED],
  [[], {}, REFUSED],
  ['authorization_code', {}, REFUSED],
] as const) {
  const shown = JSON.stringify([asked, options]);
  test(`a document gets only the grants that the operator allows: ${shown} (RFC 7591 §2)`, async () => {
    const find = lookupOf({ ...DOCUMENT, grant_types: asked }, options);
    if (granted === REFUSED) assert.deepEqual(await reasonOf(find()), REFUSED);
    else assert.deepEqual((await find())?.metadata['grant_types'], granted);
  });
}

test('members that are null count as absent', async () => {
  const nulls = {
    client_name: null,
    client_secret: null,
    client_secret_expires_at: null,
    client_uri: null,
    grant_types: null,
    jwks: null,
    jwks_uri: null,
    logo_uri: null,
    redirect_uris: null,
    token_endpoint_auth_method: null,
    token_endpoint_auth_signing_alg: null,
  };
  const client = await lookupOf({ ...DOCUMENT, ...nulls })();
  assert.deepEqual(client?.metadata, {
    ...DOCUMENT,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
  });
});

test('a changed document is reported, with the changed members that decide who gets access', async (t) => {
  const { fetch, serve } = (() => {
    let document: object = DOCUMENT;
    const headers = { 'content-type': 'application/json' };
    return {
      fetch: async () => new Response(JSON.stringify(document), { headers }),
      serve: (next: object) => {
        document = { ...DOCUMENT, ...next };
      },
    };
  })();
  const changes: unknown[] = [];
  const onChange = (change: unknown) => {
    changes.push(change);
    if (changes.length === 3) throw new Error('nobody reads this');
  };
  const find = clientMetadataDocuments({ fetch, onChange });
  const fetchAgain = async (next: object) => {
    serve(next);
    find.forget(DOCUMENT.client_id);
    await find(DOCUMENT.client_id);
  };
  await find(DOCUMENT.client_id);
  await fetchAgain({ client_name: 'Another name' });
  assert.deepEqual(changes, []);
  await fetchAgain({ redirect_uris: ['https://client.example/callback'] });
  await fetchAgain({
    redirect_uris: ['https://client.example/callback'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: 'https://client.example/jwks.json',
  });
  const warned = new Promise((resolve) => process.once('warning', resolve));
  await fetchAgain({ redirect_uris: ['https://client.example/callback'] });
  assert.deepEqual(changes, [
    { clientId: DOCUMENT.client_id, members: ['redirect_uris'] },
    { clientId: DOCUMENT.client_id, members: ['jwks_uri', 'token_endpoint_auth_method'] },
    { clientId: DOCUMENT.client_id, members: ['jwks_uri', 'token_endpoint_auth_method'] },
  ]);
  assert.match(String(await warned), /onChange failed: Error: nobody reads this/);
  t.diagnostic('the lookup went on');
});
