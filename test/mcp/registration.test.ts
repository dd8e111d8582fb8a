import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameRedirectUri, newClient, readRegistration } from '../../lib/mcp/clients.js';
import { fakeClock } from '../support/fake-clock.js';
import { newKeyPair } from '../support/keys.js';
import {
  answerOf,
  CLIENT_CREDENTIALS,
  mcpAuthorizationServer,
  proved,
  REDIRECT_URI,
  withKeys,
} from '../support/mcp-authorization-server.js';

const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials'];

test('a client that registers keys gets no secret, and authenticates by them (RFC 7591)', async (t) => {
  const server = await mcpAuthorizationServer(t, [], { grantTypes });
  const { client_id, ...metadata } = withKeys;
  const registration = await answerOf(server.register(metadata));
  assert.equal(registration.status, 201);
  assert.ok(!('client_secret' in registration.body));
  const clientId = String(registration.body['client_id']);
  const form = await proved(CLIENT_CREDENTIALS, { clientId });
  assert.equal((await server.post('/token', form)).status, 200);
});

for (const [what, differences] of Object.entries({
  'no keys': { jwks: undefined },
  'a private key': { jwks: { keys: [newKeyPair('ES256').privateKey.export({ format: 'jwk' })] } },
  'both jwks and jwks_uri': { jwks_uri: 'https://client.example/jwks.json' },
  'more than 10 keys': {
    jwks: { keys: Array.from({ length: 11 }, () => newKeyPair('ES256').publicJwk) },
  },
  'more than 10 keys, and no method': {
    token_endpoint_auth_method: undefined,
    jwks: { keys: Array.from({ length: 11 }, () => newKeyPair('ES256').publicJwk) },
  },
  'an http jwks_uri': { jwks: undefined, jwks_uri: 'http://client.example/jwks.json' },
})) {
  test(`a registration with ${what} is refused (RFC 7591 §3.2.2)`, async (t) => {
    const server = await mcpAuthorizationServer(t, []);
    const { status, body } = await answerOf(server.register({ ...withKeys, ...differences }));
    assert.deepEqual([status, body['error']], [400, 'invalid_client_metadata']);
  });
}

test('a client that registers without keys gets a secret, as with the SDK', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  const { body } = await answerOf(server.register({ redirect_uris: [REDIRECT_URI] }));
  assert.equal(typeof body['client_secret'], 'string');
  assert.equal(body['token_endpoint_auth_method'], 'client_secret_basic');
});

test('a client that registers itself gets no grant without a user, unless the operator allows it', async (t) => {
  const { client_id, ...metadata } = withKeys;
  for (const [options, granted, status] of [
    [{}, ['authorization_code', 'refresh_token'], 400],
    [{ grantTypes }, withKeys.grant_types, 200],
  ] as const) {
    const server = await mcpAuthorizationServer(t, [], options);
    const { body } = await answerOf(server.register(metadata));
    assert.deepEqual(body['grant_types'], granted);
    const form = await proved(CLIENT_CREDENTIALS, { clientId: String(body['client_id']) });
    assert.equal((await server.post('/token', form)).status, status);
  }
});

for (const grant_types of [['client_credentials'], [], ['urn:example:grant']]) {
  test(`a registration for ${JSON.stringify(grant_types)} alone is refused (RFC 7591 §3.2.2)`, async (t) => {
    const server = await mcpAuthorizationServer(t, []);
    const { status, body } = await answerOf(server.register({ ...withKeys, grant_types }));
    assert.deepEqual([status, body['error']], [400, 'invalid_client_metadata']);
  });
}

const NOT_JSON = 'The request is not a JSON object: send application/json.';
const notAllowed = (name: string) => `${name} has a value that is not allowed.`;

const TEXTS = [
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'client_name',
  'scope',
  'jwks_uri',
  'software_id',
  'software_version',
  'software_statement',
  'application_type',
];
const LISTS = ['redirect_uris', 'grant_types', 'response_types', 'contacts'];
const ADDRESSES = ['client_uri', 'logo_uri', 'tos_uri', 'policy_uri'];

/** A body, and why it is refused. */
const WRONG_BODIES: readonly (readonly [unknown, string])[] = [
  ...[undefined, null, [], 'client', 5].map((body) => [body, NOT_JSON] as const),
  ...TEXTS.flatMap((name) =>
    [5, true, ['a'], {}].map((value) => [{ [name]: value }, notAllowed(name)] as const),
  ),
  ...LISTS.flatMap((name) =>
    ['a', 5, {}, [5], ['https://a.example', null]].map(
      (value) => [{ [name]: value }, notAllowed(name)] as const,
    ),
  ),
  ...ADDRESSES.flatMap((name) =>
    [5, ['https://a.example'], 'logo.png', 'javascript:x', 'ftp://a.example', 'xhttps://a'].map(
      (value) => [{ [name]: value }, notAllowed(name)] as const,
    ),
  ),
];

test('a registration with a member of another type is refused (RFC 7591 §3.2.2)', () => {
  for (const [body, message] of WRONG_BODIES) {
    const expected = { error: 'invalid_client_metadata', message, status: 400 };
    assert.throws(() => readRegistration(body), expected, JSON.stringify(body));
  }
});

const ALL = {
  redirect_uris: [REDIRECT_URI],
  ...Object.fromEntries(TEXTS.map((name) => [name, `a ${name}`])),
  ...Object.fromEntries(LISTS.slice(1).map((name) => [name, ['a']])),
  ...Object.fromEntries(ADDRESSES.map((name) => [name, 'https://a.example/'])),
  client_uri: 'http://a.example/',
  jwks: { keys: [] },
};

test('a registration keeps the members of RFC 7591 §2, and drops all others', () => {
  const others = { client_id: 'x', client_secret: 'x', disabled: true, toString: 'x' };
  assert.deepEqual(readRegistration({ ...others, ...ALL }), { ...ALL, client_id: '' });
});

test('members that are null, empty or inherited count as absent', () => {
  for (const nothing of [null, undefined, '']) {
    const body = Object.fromEntries(Object.keys(ALL).map((name) => [name, nothing]));
    assert.deepEqual(readRegistration(body), { redirect_uris: [], client_id: '' });
  }
  assert.deepEqual(readRegistration(Object.create(ALL)), { redirect_uris: [], client_id: '' });
});

for (const [uri, message] of [
  ['callback', 'redirect_uris has a value that is not an absolute URI'],
  ['javascript:alert(1)', 'redirect_uris has a URI that must not receive codes'],
] as const) {
  test(`a registration with the redirect URI ${uri} is invalid_redirect_uri (RFC 7591 §3.2.2)`, () => {
    const expected = { error: 'invalid_redirect_uri', message, status: 400 };
    assert.throws(() => readRegistration({ redirect_uris: [uri] }), expected);
  });
}

const CODES = ['authorization_code', 'refresh_token'];
const asked = (members: object) => ({
  ...readRegistration({ redirect_uris: [REDIRECT_URI] }),
  ...members,
});

for (const [method, hasSecret] of [
  ['private_key_jwt', false],
  ['none', false],
  ['client_secret_basic', true],
  ['client_secret_post', true],
  [undefined, true],
] as const) {
  test(`a client that registers ${method} gets ${hasSecret ? 'a' : 'no'} secret (RFC 7591 §3.2.1)`, (t) => {
    const { now, restore } = fakeClock();
    t.after(restore);
    const metadata = asked({ token_endpoint_auth_method: method, jwks: withKeys.jwks });
    const { client_id, client_secret = '', ...client } = newClient(metadata, CODES);
    const { client_id: _, ...kept } = metadata;
    assert.deepEqual(client, {
      ...kept,
      client_id_issued_at: now(),
      token_endpoint_auth_method: method ?? 'client_secret_basic',
      grant_types: ['authorization_code'],
      ...(hasSecret && { client_secret_expires_at: now() + 2_592_000 }),
    });
    assert.match(client_id, /^[\da-f-]{36}$/);
    assert.match(client_secret, hasSecret ? /^[\da-f]{64}$/ : /^$/);
  });
}

const OF_ANOTHER_USE = { ...newKeyPair('ES256').publicJwk, use: 'enc' };

/** What a client asks for, and why it gets nothing. */
const NO_CLIENTS: readonly (readonly [string, object, string, string | RegExp])[] = [
  [
    'a method that the token endpoint cannot check',
    { token_endpoint_auth_method: 'tls_client_auth' },
    'invalid_client_metadata',
    'token_endpoint_auth_method must be one of private_key_jwt, client_secret_basic, client_secret_post, none',
  ],
  [
    'jwks and jwks_uri',
    { jwks: { keys: [] }, jwks_uri: 'https://client.example/jwks.json' },
    'invalid_client_metadata',
    'jwks and jwks_uri may not both be present',
  ],
  [
    'private_key_jwt without keys',
    { token_endpoint_auth_method: 'private_key_jwt' },
    'invalid_client_metadata',
    'private_key_jwt needs keys',
  ],
  [
    'private_key_jwt with a key for encryption',
    { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [OF_ANOTHER_USE] } },
    'invalid_client_metadata',
    /key/,
  ],
  [
    'an algorithm that its key cannot do',
    { ...withKeys, token_endpoint_auth_signing_alg: 'RS256' },
    'invalid_client_metadata',
    /^none of its keys can verify RS256, only ES256/,
  ],
  [
    'an algorithm of a shared secret, with keys elsewhere',
    {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: 'https://client.example/jwks.json',
      token_endpoint_auth_signing_alg: 'HS256',
    },
    'invalid_client_metadata',
    /^private_key_jwt cannot use HS256/,
  ],
  [
    'a grant that is not for such clients',
    { grant_types: ['client_credentials'] },
    'invalid_client_metadata',
    /^none of its grants is allowed/,
  ],
  [
    'codes, and no redirect URI',
    { redirect_uris: [] },
    'invalid_redirect_uri',
    'authorization_code needs redirect_uris',
  ],
];

for (const [what, members, error, message] of NO_CLIENTS) {
  test(`a registration with ${what} is ${error} (RFC 7591 §3.2.2)`, () => {
    assert.throws(() => newClient(asked(members), CODES), { error, message, status: 400 });
  });
}

for (const [what, members] of [
  [
    'private_key_jwt and keys elsewhere',
    {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: 'https://client.example/jwks.json',
      token_endpoint_auth_signing_alg: 'PS256',
    },
  ],
  [
    'another method and a key for encryption',
    { token_endpoint_auth_method: 'none', jwks: { keys: [OF_ANOTHER_USE] } },
  ],
  [
    'client_credentials and no redirect URI',
    { redirect_uris: [], grant_types: ['client_credentials'] },
  ],
] as const) {
  test(`a client may register ${what}`, () => {
    assert.ok(newClient(asked(members), ['client_credentials', ...CODES]).client_id);
  });
}

for (const [requested, registered, isSame] of [
  ['com.example.app:/callback', 'com.example.app:/callback', true],
  ['callback', 'callback', true],
  ['callback', 'http://127.0.0.1/', false],
  ['http://127.0.0.1/', 'callback', false],
  ['https://127.0.0.1:1/', 'https://127.0.0.1/', false],
  ['http://client.example:1/', 'http://client.example/', false],
  ['http://127.0.0.1:1/', 'http://127.0.0.1:2/', true],
] as const) {
  test(`${requested} ${isSame ? 'is' : 'is not'} ${registered} (RFC 8252 §7.3)`, () => {
    assert.equal(isSameRedirectUri(requested, registered), isSame);
  });
}
