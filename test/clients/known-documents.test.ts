import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkClientMetadataDocument,
  checkForUsers,
  parseClientIdUrl,
} from '../../lib/clients/document-rules.js';
import { clientFromMetadata, grantTypesOf } from '../../lib/clients/metadata.js';
import {
  type AssertionClient,
  ClientAssertionValidator,
  ClientAuthenticationError,
  clientMetadataDocuments,
} from '../../lib/index.js';
import { signAssertion } from '../support/assertion.js';
import { fakeClock } from '../support/fake-clock.js';
import { newKeyPair } from '../support/keys.js';
import { outcome } from '../support/validator.js';

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
    if (changes.length === 3) throw new Error('onChange does not work');
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
  assert.match(String(await warned), /onChange failed: Error: onChange does not work/);
  t.diagnostic('the lookup went on');
});

const URL_OF_CLIENT = DOCUMENT.client_id;
const { publicJwk } = newKeyPair('ES256');
const FOR_ENCRYPTION = { ...publicJwk, use: 'enc' };
const OF_ANOTHER_CURVE = { ...publicJwk, crv: 'P-1' };

/** What is wrong with a document, and what the operator reads. */
const BROKEN: readonly (readonly [string, unknown, string | RegExp])[] = [
  ['null', null, 'it is not a JSON object'],
  ['a list', [], 'it is not a JSON object'],
  ['a text', 'client', 'it is not a JSON object'],
  ['a number', 5, 'it is not a JSON object'],
  ['without client_id', { client_id: undefined }, 'its client_id is not its URL'],
  ['with another client_id', { client_id: `${URL_OF_CLIENT}/` }, 'its client_id is not its URL'],
  ['with a client_secret', { client_secret: '' }, 'it has client_secret, which anyone can read'],
  [
    'with client_secret_expires_at',
    { client_secret_expires_at: 0 },
    'it has client_secret_expires_at, which anyone can read',
  ],
  [
    'with several methods in the member for one',
    { token_endpoint_auth_method: ['none'] },
    'its token_endpoint_auth_method is not a string',
  ],
  ...['none', [5], ['none', null], {}].map(
    (several) =>
      [
        `with the methods ${JSON.stringify(several)}`,
        { token_endpoint_auth_methods_supported: several },
        'its token_endpoint_auth_methods_supported is not an array of strings',
      ] as const,
  ),
  [
    'with a method for a shared secret',
    { token_endpoint_auth_methods_supported: ['none', 'client_secret_jwt'] },
    'it offers client_secret_jwt, which needs a shared secret',
  ],
  [
    'with one redirect URI instead of a list',
    { redirect_uris: 'https://client.example/' },
    'redirect_uris is not an array',
  ],
  ...['callback', '/callback', '', 5, null, ['https://client.example/']].map(
    (uri) =>
      [
        `with the redirect URI ${JSON.stringify(uri)}`,
        { redirect_uris: ['https://client.example/', uri] },
        'redirect_uris has a value that is not an absolute URI',
      ] as const,
  ),
  ...[
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://client.example/x',
    'about:blank',
    'https://client.example/#x',
  ].map(
    (uri) =>
      [
        `with the redirect URI ${uri} (RFC 6749 §3.1.2)`,
        { redirect_uris: [uri] },
        'redirect_uris has a URI that must not receive codes',
      ] as const,
  ),
  ...['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'].flatMap((name) =>
    [
      ['logo.png', `${name} has a value that is not an absolute URI`],
      [['https://client.example/'], `${name} has a value that is not an absolute URI`],
      ['javascript:alert(1)', `${name} is not a web address`],
      ['ftp://client.example/', `${name} is not a web address`],
    ].map(([uri, message]) => [`with ${name} ${uri}`, { [name]: uri }, String(message)] as const),
  ),
  [
    'with jwks and jwks_uri (RFC 7591 §2)',
    { jwks: { keys: [publicJwk] }, jwks_uri: 'https://client.example/jwks.json' },
    'it has both jwks and jwks_uri',
  ],
  ['with an http jwks_uri', { jwks_uri: 'http://client.example/jwks.json' }, /not https/],
  ['with a jwks_uri that is no URL', { jwks_uri: 'jwks.json' }, /not an absolute URL/],
  [
    'with private_key_jwt and no keys',
    { token_endpoint_auth_method: 'private_key_jwt' },
    'it has private_key_jwt, but neither jwks nor jwks_uri',
  ],
  [
    'with private_key_jwt and an empty set',
    { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } },
    'its jwks has no key for signatures',
  ],
  [
    'with private_key_jwt and a key for encryption',
    { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [FOR_ENCRYPTION] } },
    'its jwks has no key for signatures',
  ],
  [
    'with private_key_jwt and a key of an unknown curve',
    { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [OF_ANOTHER_CURVE] } },
    /^its jwks has no key for signatures: \S/,
  ],
];

for (const [what, members, message] of BROKEN) {
  test(`a document ${what} says what is wrong with it (draft -03 §4, §4.1)`, () => {
    const isObject = typeof members === 'object' && members !== null && !Array.isArray(members);
    const document = isObject ? { ...DOCUMENT, ...members } : members;
    assert.throws(() => checkClientMetadataDocument(document, URL_OF_CLIENT), { message });
  });
}

for (const members of [
  { client_uri: '', logo_uri: 'http://client.example/logo.png' },
  { redirect_uris: [], policy_uri: 'https://client.example/policy' },
  { redirect_uris: ['com.example.app:/callback', 'http://127.0.0.1/'] },
  { jwks: { keys: [FOR_ENCRYPTION] } },
  { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [FOR_ENCRYPTION, publicJwk] } },
]) {
  test(`a document with ${JSON.stringify(members).slice(0, 80)} is accepted`, () => {
    const document = { ...DOCUMENT, ...members };
    const checked = checkClientMetadataDocument(document, URL_OF_CLIENT);
    assert.deepEqual(checked.document, document);
    const hasKey = 'jwks' in members && members.jwks.keys.includes(publicJwk as never);
    assert.equal(checked.imported.keys.length, hasKey ? 1 : 0);
  });
}

const NOT_CANONICAL = 'the client_id has no path, or is not written in its canonical form';

for (const [clientId, message] of [
  ['https://client.example', NOT_CANONICAL],
  ['https://Client.example/', NOT_CANONICAL],
  ['https://client.example:443/', NOT_CANONICAL],
  ['https://client.example/a/../b', NOT_CANONICAL],
  ['https://client.example./', 'the host of the client_id ends in a dot'],
] as const) {
  test(`the client_id ${clientId} is refused: it could be a second spelling (draft -03 §3)`, () => {
    assert.throws(() => parseClientIdUrl(clientId), { code: 'url_invalid', message });
  });
}

const NO_NAME = 'it has no client_name to show to users';
const NO_REDIRECT = 'it has authorization_code, but no redirect_uris';

for (const [members, message] of [
  [{ redirect_uris: ['https://client.example/'] }, NO_NAME],
  [{ redirect_uris: ['https://client.example/'], client_name: '\t ' }, NO_NAME],
  [{ redirect_uris: ['https://client.example/'], client_name: 5 }, NO_NAME],
  [{ client_name: 'Example' }, NO_REDIRECT],
  [{ client_name: 'Example', redirect_uris: [] }, NO_REDIRECT],
] as const) {
  test(`a document for users is refused with ${JSON.stringify(members)}: ${message}`, () => {
    assert.throws(() => checkForUsers({ ...DOCUMENT, ...members }), { message });
  });
}

test('a document with a name and a redirect URI can be shown to users', () => {
  const members = { client_name: 'Example', redirect_uris: ['https://client.example/'] };
  assert.equal(checkForUsers({ ...DOCUMENT, ...members }), undefined);
});

for (const [asked, message] of [
  ['authorization_code', 'its grant_types is not an array of strings'],
  [['authorization_code', 5], 'its grant_types is not an array of strings'],
  [{}, 'its grant_types is not an array of strings'],
  [
    ['password'],
    'none of its grants is allowed for clients that describe themselves (a, b): the option grantTypes can allow more',
  ],
] as const) {
  test(`grant_types ${JSON.stringify(asked)}: ${message} (RFC 7591 §2)`, () => {
    assert.throws(() => grantTypesOf(asked, ['a', 'b']), { message });
  });
}

test('a client whose metadata disable it is disabled; otherwise it has no such member', () => {
  const metadata = { client_id: 'client' };
  assert.equal(clientFromMetadata({ ...metadata, disabled: true }).disabled, true);
  assert.equal(clientFromMetadata({ ...metadata, disabled: 1 as never }).disabled, true);
  for (const disabled of [false, undefined]) {
    assert.equal('disabled' in clientFromMetadata({ ...metadata, disabled }), false);
  }
});

/** A fetch that counts, and answers with what `serve` says. */
function served(document: Document) {
  const state = { document: document as object, fetched: [] as string[] };
  const fetch = async (url: unknown) => {
    state.fetched.push(String(url));
    return new Response(JSON.stringify(state.document), {
      headers: { 'content-type': 'application/json' },
    });
  };
  return { state, fetch: fetch as typeof globalThis.fetch };
}

test('allowHost is asked for the host on every use, before any fetch; only true allows it', async () => {
  const clientId = 'https://client.example:8443/client.json';
  const { state, fetch } = served({ client_id: clientId });
  const hosts: string[] = [];
  let allowed: unknown = true;
  const allowHost = (host: string) => {
    hosts.push(host);
    return allowed as boolean;
  };
  const find = clientMetadataDocuments({ fetch, allowHost });
  for (const answer of [false, undefined, 1, 'yes', Promise.resolve(false)]) {
    allowed = answer;
    await assert.rejects(find(clientId), (error: unknown) => {
      assert.ok(error instanceof ClientAuthenticationError);
      assert.deepEqual(
        [error.reason, error.actual, (error.cause as Error).message],
        [
          'client_metadata_document_failed',
          'host_not_allowed',
          'allowHost does not allow client.example:8443',
        ],
      );
      return true;
    });
  }
  assert.deepEqual(state.fetched, []);
  allowed = Promise.resolve(true);
  assert.equal((await find(clientId))?.clientId, clientId);
  assert.deepEqual([...new Set(hosts)], ['client.example:8443']);
});

test('a refused method is named, and so is what the server accepts', async () => {
  const find = lookupOf(
    { ...DOCUMENT, token_endpoint_auth_methods_supported: ['a', 'b'] },
    { methods: ['none'] },
  );
  await assert.rejects(find(), { expected: ['none'], actual: ['a', 'b'] });
});

for (const [id, allowedNetworks, expected] of [
  ['http://client.example/client.json', [], 'other'],
  ['HTTPS://client.example/client.json', [], 'client_metadata_document_failed'],
  ['see https://client.example/', [], 'other'],
  ['https:client', [], 'other'],
  ['ftp://client.example/', ['localhost'], 'other'],
  ['http://client.example/client.json', ['localhost'], 'client_metadata_document_failed'],
  ['httpss://client.example/', ['localhost'], 'other'],
  ['see http://localhost/', ['localhost'], 'other'],
] as const) {
  test(`the id ${id} with ${JSON.stringify(allowedNetworks)} goes to: ${expected}`, async () => {
    const other = { clientId: id, secrets: [] };
    const context = {};
    const asked: unknown[] = [];
    const find = clientMetadataDocuments<AssertionClient>({ allowedNetworks }, (...args) => {
      asked.push(args.slice(0, 2));
      return other;
    });
    if (expected === 'other') {
      assert.equal(await find(id, context), other);
      assert.deepEqual(asked, [[id, context]]);
    } else {
      await assert.rejects(find(id, context), { reason: expected });
      assert.deepEqual(asked, []);
    }
  });
}

test('an id that no lookup knows is undefined, however the other lookup says so', async () => {
  for (const none of [undefined, null, false]) {
    const find = clientMetadataDocuments({}, () => none as undefined);
    assert.equal(await find('client'), undefined);
  }
  assert.equal(await clientMetadataDocuments({})('client'), undefined);
});

test('an error of the other lookup stays as it is', async () => {
  const gone = new RangeError('the database is gone');
  const find = clientMetadataDocuments({}, () => Promise.reject(gone));
  await assert.rejects(find('client'), (error) => error === gone);
});

test('each lookup returns a client of its own, because applications change req.user', async () => {
  const find = lookupOf(DOCUMENT);
  const [one, other] = [await find(), await find()];
  assert.notEqual(one, other);
  assert.deepEqual(one, other);
});

test('a client is kept for a day if its document says nothing, and forget drops it at once', async (t) => {
  const { advance, restore } = fakeClock();
  t.after(restore);
  const { state, fetch } = served(DOCUMENT);
  const find = clientMetadataDocuments({ fetch, maxAge: 100 });
  await find(URL_OF_CLIENT);
  advance(40);
  await find(URL_OF_CLIENT);
  assert.equal(state.fetched.length, 1);
  find.forget('https://client.example/other.json');
  await find(URL_OF_CLIENT);
  assert.equal(state.fetched.length, 1);
  find.forget(URL_OF_CLIENT);
  await find(URL_OF_CLIENT);
  assert.deepEqual(state.fetched, [URL_OF_CLIENT, URL_OF_CLIENT]);
});

test('each watched member is reported if it changes, appears or goes (draft -03 §5.2)', async () => {
  const { state, fetch } = served(DOCUMENT);
  const changes: unknown[] = [];
  const find = clientMetadataDocuments({ fetch, onChange: (change) => changes.push(change) });
  const after = async (members: object) => {
    state.document = { ...DOCUMENT, ...members };
    find.forget(URL_OF_CLIENT);
    await find(URL_OF_CLIENT);
    return changes.splice(0);
  };
  await find(URL_OF_CLIENT);
  for (const [name, one, other] of [
    ['jwks', { keys: [publicJwk] }, { keys: [newKeyPair('ES256').publicJwk] }],
    ['jwks_uri', 'https://client.example/a', 'https://client.example/b'],
    ['redirect_uris', ['https://client.example/a'], ['https://client.example/b']],
    ['token_endpoint_auth_methods_supported', ['none'], ['none', 'x']],
  ] as const) {
    const expected = [{ clientId: URL_OF_CLIENT, members: [name] }];
    assert.deepEqual(await after({ [name]: one }), expected, `${name} appears`);
    assert.deepEqual(await after({ [name]: one }), [], `${name} stays`);
    assert.deepEqual(await after({ [name]: other }), expected, `${name} changes`);
    assert.deepEqual(await after({}), expected, `${name} goes`);
  }
});

const notWorking = new Error('onChange does not work');

for (const [how, onChange] of Object.entries<() => unknown>({
  rejects: () => Promise.reject(notWorking),
  'rejects with a promise of another library': () => ({
    // biome-ignore lint/suspicious/noThenProperty: this is what such a promise has.
    then: (_resolve: unknown, reject: (error: Error) => void) => reject(notWorking),
  }),
})) {
  test(`an onChange that ${how} is a warning`, async (t) => {
    const { state, fetch } = served(DOCUMENT);
    const find = clientMetadataDocuments({ fetch, onChange });
    await find(URL_OF_CLIENT);
    state.document = { ...DOCUMENT, redirect_uris: ['https://client.example/'] };
    find.forget(URL_OF_CLIENT);
    const warnings = t.mock.method(process, 'emitWarning', () => undefined);
    assert.equal((await find(URL_OF_CLIENT))?.clientId, URL_OF_CLIENT);
    const [message, type] = warnings.mock.calls[0]?.arguments ?? [];
    assert.equal(type, 'PrivateKeyJwtWarning');
    assert.match(String(message), /^onChange failed: Error: onChange does not work/);
  });
}

test('a summary of a document is remembered for longer than the document (draft -03 §5.2)', async () => {
  const { state, fetch } = served(DOCUMENT);
  const changes: unknown[] = [];
  const onChange = (change: unknown) => changes.push(change);
  const find = clientMetadataDocuments({ fetch, onChange, maxEntries: 1 });
  await find(URL_OF_CLIENT);
  const client_id = 'https://other.example/client.json';
  state.document = { client_id };
  await find(client_id);
  state.document = { ...DOCUMENT, redirect_uris: ['https://client.example/'] };
  await find(URL_OF_CLIENT);
  assert.deepEqual(changes, [{ clientId: URL_OF_CLIENT, members: ['redirect_uris'] }]);
});

test('a client authenticates by its jwks_uri; forget drops the document and the keys (draft -03 §8.2)', async () => {
  const pair = newKeyPair('ES256');
  const jwks_uri = 'https://client.example/jwks.json';
  const fetched: string[] = [];
  const fetch = async (url: unknown) => {
    fetched.push(String(url));
    const content =
      String(url) === jwks_uri
        ? { keys: [pair.publicJwk] }
        : { ...DOCUMENT, jwks_uri, token_endpoint_auth_method: 'private_key_jwt' };
    const headers = { 'content-type': 'application/json' };
    return new Response(JSON.stringify(content), { headers });
  };
  const find = clientMetadataDocuments({ fetch: fetch as typeof globalThis.fetch });
  const validator = new ClientAssertionValidator<AssertionClient>({}, (clientId) => find(clientId));
  const authenticate = async () => outcome(validator, await signAssertion(URL_OF_CLIENT, { pair }));
  const both = [URL_OF_CLIENT, jwks_uri];
  assert.equal(await authenticate(), undefined);
  assert.equal(await authenticate(), undefined);
  assert.deepEqual(fetched, both);
  find.forget(URL_OF_CLIENT);
  assert.equal(await authenticate(), undefined);
  assert.deepEqual(fetched, [...both, ...both]);
  const stranger = await signAssertion(URL_OF_CLIENT, { pair: newKeyPair('ES256') });
  assert.equal(await outcome(validator, stranger), 'signature_invalid');
});

test('a client authenticates by the jwks of its document', async () => {
  const pair = newKeyPair('ES256');
  const jwks = { keys: [pair.publicJwk] };
  const { fetch } = served({ ...DOCUMENT, jwks, token_endpoint_auth_method: 'private_key_jwt' });
  const find = clientMetadataDocuments({ fetch });
  const validator = new ClientAssertionValidator<AssertionClient>({}, (clientId) => find(clientId));
  const assertion = await signAssertion(URL_OF_CLIENT, { pair });
  assert.equal(await outcome(validator, assertion), undefined);
});

test('forget also drops a document that offers no usable method', async () => {
  const { state, fetch } = served({ ...DOCUMENT, token_endpoint_auth_method: 'x' });
  const find = clientMetadataDocuments({ fetch });
  await assert.rejects(find(URL_OF_CLIENT), { reason: 'client_method_unsupported' });
  state.document = DOCUMENT;
  find.forget(URL_OF_CLIENT);
  assert.equal((await find(URL_OF_CLIENT))?.clientId, URL_OF_CLIENT);
});

test('a document must be sent as JSON (draft -03 §4)', async () => {
  const fetch = async () =>
    new Response(JSON.stringify(DOCUMENT), { headers: { 'content-type': 'text/plain' } });
  await assert.rejects(clientMetadataDocuments({ fetch })(URL_OF_CLIENT), {
    actual: 'content_type_not_json',
  });
});

test('another lookup that is no function is refused at once', () => {
  assert.throws(() => clientMetadataDocuments({}, 'database' as never), {
    name: 'TypeError',
    message: 'otherClients must be a function',
  });
});
