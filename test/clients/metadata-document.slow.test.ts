import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { ClientMetadataDocumentOptions } from '../../lib/clients/metadata-document.js';
import {
  type AssertionClient,
  ClientAuthenticationError,
  clientMetadataDocuments,
  type FetchError,
  type FindClient,
  type MetadataDocumentClient,
} from '../../lib/index.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { fakeClock } from '../support/fake-clock.js';
import { namedKey, signNamed, statusOf } from '../support/jwks-host.js';
import { keyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { json, type RemoteHost, remoteHost, remoteOptions } from '../support/remote-host.js';
import { tokenEndpoint } from '../support/token-endpoint.js';

const pair = namedKey('1');
const JWKS = { keys: [pair.publicJwk] };

/** A client's web server whose document is at `clientId`. */
interface DocumentHost extends RemoteHost {
  readonly clientId: string;
}

type Document = Record<string, unknown>;

async function documentHost(
  t: TestContext,
  document: (clientId: string) => unknown,
  headers: Record<string, string> = {},
): Promise<DocumentHost> {
  let clientId = '';
  const host = await remoteHost((request, response) => {
    const path = request.url ?? '';
    const serves = path === '/jwks.json' ? JWKS : document(clientId);
    json(() => serves, headers)(request, response);
  });
  t.after(() => host.close());
  clientId = `${host.origin}/client.json`;
  return Object.assign(host, { clientId });
}

const confidential =
  (more: Document = {}) =>
  (client_id: string): Document => ({
    client_id,
    client_name: 'Example',
    redirect_uris: ['https://client.example/callback'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: JWKS,
    ...more,
  });

async function lookup(
  options: ClientMetadataDocumentOptions = {},
): Promise<(clientId: string) => Promise<MetadataDocumentClient>> {
  const findClient = clientMetadataDocuments({ ...(await remoteOptions()), ...options });
  return async (clientId) => (await findClient(clientId, undefined)) as MetadataDocumentClient;
}

const refused = (code: string, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ClientAuthenticationError);
  assert.equal(error.reason, 'client_metadata_document_failed');
  assert.equal(error.status, 401);
  assert.equal(error.actual, code, (error.cause as Error).message);
  assert.equal((error.cause as FetchError).code, code);
  if (message !== undefined) assert.match((error.cause as FetchError).message, message);
  return true;
};

const endpointWith = async (t: TestContext, findClient: FindClient<AssertionClient>) => {
  const endpoint = await tokenEndpoint(findClient, { jwksUri: await remoteOptions() });
  t.after(() => endpoint.close());
  return endpoint;
};

test('a client authenticates by the keys of its document (draft §8.2)', async (t) => {
  const { clientId } = await documentHost(t, confidential());
  const endpoint = await endpointWith(t, clientMetadataDocuments(await remoteOptions()));
  const response = await endpoint.post(assertionForm(await signNamed(pair, clientId)));
  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as { clientId: string }).clientId, clientId);
});

test('a client authenticates by the jwks_uri of its document (draft §8.2)', async (t) => {
  const host = await documentHost(t, (clientId) =>
    confidential({ jwks: undefined, jwks_uri: new URL('/jwks.json', clientId).href })(clientId),
  );
  const endpoint = await endpointWith(t, clientMetadataDocuments(await remoteOptions()));
  assert.equal(await statusOf(endpoint, signNamed(pair, host.clientId)), 200);
  assert.equal(await statusOf(endpoint, signNamed(pair, host.clientId)), 200);
  assert.equal(host.requests, 2, 'one for the document, one for the keys');
});

test('a key that is not in the document is refused', async (t) => {
  const { clientId } = await documentHost(t, confidential());
  const endpoint = await endpointWith(t, clientMetadataDocuments(await remoteOptions()));
  const assertion = signAssertion(clientId, { pair: keyPair('ES256') });
  assert.equal(await statusOf(endpoint, assertion), 401);
});

test('the lookup returns the metadata, for the authorization endpoint', async (t) => {
  const { clientId } = await documentHost(
    t,
    confidential({ token_endpoint_auth_signing_alg: 'ES256' }),
  );
  const find = await lookup();
  const client = await find(clientId);
  assert.equal(client.clientId, clientId);
  assert.equal(client.tokenEndpointAuthSigningAlg, 'ES256');
  assert.equal(client.metadata['client_name'], 'Example');
  assert.deepEqual(client.metadata.redirect_uris, ['https://client.example/callback']);
});

test('ids that are not URLs go to the other lookup, with the context', async (t) => {
  const { clientId } = await documentHost(t, confidential());
  const asked: unknown[] = [];
  const registered = { clientId: 'registered', secrets: [] };
  const find = clientMetadataDocuments(await remoteOptions(), (id, context) => {
    asked.push([id, context]);
    return id === 'registered' ? registered : undefined;
  });
  assert.equal(await find('registered', 'request'), registered);
  assert.equal(await find('http://client.example/client.json', 'request'), undefined);
  assert.equal((await find(clientId, 'request'))?.clientId, clientId);
  assert.deepEqual(asked, [
    ['registered', 'request'],
    ['http://client.example/client.json', 'request'],
  ]);
});

test('without another lookup, an id that is not a URL is unknown', async () => {
  const find = await lookup();
  for (const id of ['registered', 'https', 'https:\\\\client.example\\client.json']) {
    assert.equal(await find(id), undefined);
  }
});

for (const suffix of [
  '',
  '#fragment',
  '/client.json#',
  '/a/../client.json',
  '/./client.json',
  '/a/%2e%2e/client.json',
  '/client.json\t',
  '/client json',
  '/clïent.json',
]) {
  test(`https://client.example${suffix} is not a client identifier URL (draft §3)`, async () => {
    await assert.rejects(
      (await lookup())(`https://client.example${suffix}`),
      refused('url_invalid'),
    );
  });
}

for (const id of [
  'https://user@client.example/client.json',
  'https://user:password@client.example/client.json',
  'https://@client.example/client.json',
  'https://client.example:443/client.json',
  'https://client.example./client.json',
  'https://client.example.:8443/client.json',
  'https://CLIENT.example/client.json',
  'HTTPS://client.example/client.json',
  'https://client.example\\@other.example/client.json',
  `https://client.example/${'x'.repeat(2048)}`,
]) {
  test(`${id.slice(0, 60)} is not a client identifier URL (draft §3)`, async () => {
    await assert.rejects((await lookup())(id), refused('url_invalid'));
  });
}

test('a client identifier URL may have a port and a query (draft §3)', async (t) => {
  const host = await documentHost(t, (clientId) => ({ client_id: `${clientId}?tenant=1` }));
  const client = await (await lookup())(`${host.clientId}?tenant=1`);
  assert.equal(client.clientId, `${host.clientId}?tenant=1`);
});

const WRONG_DOCUMENTS: Record<string, readonly [(clientId: string) => unknown, RegExp]> = {
  'is a list': [() => [], /not a JSON object/],
  'is null': [() => null, /not a JSON object/],
  'has no client_id': [() => ({}), /client_id is not its URL/],
  'has the client_id of another': [
    () => ({ client_id: 'https://other.example/client.json' }),
    /client_id is not its URL/,
  ],
  'has its client_id in capitals': [
    (id) => ({ client_id: id.toUpperCase() }),
    /client_id is not its URL/,
  ],
  'has its client_id with a slash more': [
    (id) => ({ client_id: `${id}/` }),
    /client_id is not its URL/,
  ],
  'has its client_id in a list': [(id) => ({ client_id: [id] }), /client_id is not its URL/],
  'has a client_secret': [
    confidential({ client_secret: 'x' }),
    /client_secret, which anyone can read/,
  ],
  'has an empty client_secret': [confidential({ client_secret: '' }), /client_secret/],
  'has client_secret_expires_at': [confidential({ client_secret_expires_at: 0 }), /client_secret_/],
  'has client_secret_post': [
    confidential({ token_endpoint_auth_method: 'client_secret_post' }),
    /needs a shared secret/,
  ],
  'has client_secret_basic': [
    confidential({ token_endpoint_auth_method: 'client_secret_basic' }),
    /needs a shared secret/,
  ],
  'has client_secret_jwt': [
    confidential({ token_endpoint_auth_method: 'client_secret_jwt' }),
    /needs a shared secret/,
  ],
  'has several methods': [
    confidential({ token_endpoint_auth_method: ['private_key_jwt'] }),
    /token_endpoint_auth_method is not a string/,
  ],
  'has private_key_jwt and no keys': [confidential({ jwks: undefined }), /neither jwks nor/],
  'has both jwks and jwks_uri': [
    confidential({ jwks_uri: 'https://client.example/jwks.json' }),
    /both jwks and jwks_uri/,
  ],
  'has a symmetric key': [
    confidential({ jwks: { keys: [{ kty: 'oct', k: 'A'.repeat(43) }] } }),
    /symmetric key/,
  ],
  'has a private key': [
    confidential({ jwks: { keys: [pair.privateKey.export({ format: 'jwk' })] } }),
    /private key/,
  ],
  'has a private key that is for encryption': [
    confidential({
      jwks: {
        keys: [pair.publicJwk, { ...pair.privateKey.export({ format: 'jwk' }), use: 'enc' }],
      },
    }),
    /private key \(member d\): publish the public half, and replace this key/,
  ],
  'has a symmetric key that is for encryption': [
    confidential({
      jwks: { keys: [pair.publicJwk, { kty: 'oct', k: 'A'.repeat(43), use: 'enc' }] },
    }),
    /a symmetric key is published \(member k\)/,
  ],
  'has private_key_jwt and keys for other purposes alone': [
    confidential({ jwks: { keys: [null, 'text', { ...pair.publicJwk, use: 'enc' }] } }),
    /its jwks has no key for signatures/,
  ],
  'has no JWK Set in jwks': [confidential({ jwks: 'keys' }), /not JSON/],
  'has an http jwks_uri': [
    confidential({ jwks: undefined, jwks_uri: 'http://client.example/jwks.json' }),
    /not https/,
  ],
  'has a script among redirect_uris': [
    confidential({ redirect_uris: ['https://client.example/', 'javascript:alert(1)'] }),
    /must not receive codes/,
  ],
  'has a redirect URI with a fragment': [
    confidential({ redirect_uris: ['https://client.example/#a'] }),
    /must not receive codes/,
  ],
  'has a relative redirect URI': [confidential({ redirect_uris: ['/callback'] }), /absolute URI/],
  'has one redirect URI outside of a list': [
    confidential({ redirect_uris: 'https://client.example/' }),
    /redirect_uris is not an array/,
  ],
  'has a script as logo': [confidential({ logo_uri: 'javascript:alert(1)' }), /not a web address/],
  'has data as terms of service': [confidential({ tos_uri: 'data:text/html,hi' }), /not a web/],
};

for (const [what, [document, message]] of Object.entries(WRONG_DOCUMENTS)) {
  test(`a document that ${what} is refused, and not kept (draft §4, §4.1, §5.2)`, async (t) => {
    const { advance } = fakeClock();
    let wrong = true;
    const good = confidential();
    const host = await documentHost(t, (id) => (wrong ? document(id) : good(id)));
    const find = await lookup();
    await assert.rejects(find(host.clientId), refused('document_invalid', message));
    wrong = false;
    advance(1);
    assert.equal((await find(host.clientId)).clientId, host.clientId);
  });
}

for (const [what, more] of Object.entries({
  'is public': { token_endpoint_auth_method: 'none', jwks: undefined },
  'authenticates by a certificate of its own': {
    token_endpoint_auth_method: 'self_signed_tls_client_auth',
  },
  'authenticates by TLS': { token_endpoint_auth_method: 'tls_client_auth', jwks: undefined },
  'names no method and has no keys': { token_endpoint_auth_method: undefined, jwks: undefined },
  'has an app of its own at redirect_uris': { redirect_uris: ['com.example.app:/callback'] },
  'has no redirect_uris': { redirect_uris: undefined },
})) {
  test(`a document of a client that ${what} is accepted`, async (t) => {
    const host = await documentHost(t, confidential(more));
    const methods = ['private_key_jwt', 'none', 'self_signed_tls_client_auth', 'tls_client_auth'];
    const { secrets } = await (await lookup({ methods }))(host.clientId);
    const hasKeys = !('jwks' in more);
    assert.equal(secrets.length, hasKeys ? 1 : 0);
  });
}

const BAD_ANSWERS: Record<string, readonly [RequestListener, string]> = {
  'is not there': [(_request, response) => response.writeHead(404).end(), 'status_not_ok'],
  'is somewhere else': [
    (_request, response) => response.writeHead(302, { location: '/other.json' }).end(),
    'redirect_refused',
  ],
  'has more than 5 KB': [json(() => ({ client_name: 'x'.repeat(5120) })), 'body_too_large'],
  'is a web page': [json(() => ({}), { 'content-type': 'text/html' }), 'content_type_not_json'],
  'never ends': [
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    },
    'timeout',
  ],
};

for (const [what, [listener, code]] of Object.entries(BAD_ANSWERS)) {
  test(`a document that ${what} is not used (draft §5, §8.7)`, async (t) => {
    const host = await remoteHost(listener);
    t.after(() => host.close());
    const find = await lookup({ timeout: code === 'timeout' ? 0.3 : 30 });
    await assert.rejects(find(`${host.origin}/client.json`), refused(code));
  });
}

for (const address of ['10.0.0.1', '169.254.169.254', '127.0.0.1', '::1']) {
  test(`a document at ${address} is not fetched (draft §8.6)`, async () => {
    const find = await lookup(await remoteOptions({ 'inner.example': () => [address] }));
    await assert.rejects(find('https://inner.example/client.json'), refused('address_not_allowed'));
  });
}

test('a document is kept for as long as its headers say, within bounds (draft §5.2)', async (t) => {
  const { advance } = fakeClock();
  const headers = { 'cache-control': 'max-age=600' };
  const host = await documentHost(t, confidential(), headers);
  const find = await lookup();
  for (const [seconds, requests] of [
    [0, 1],
    [479, 1],
    [122, 2],
  ] as const) {
    advance(seconds);
    await find(host.clientId);
    assert.equal(host.requests, requests);
  }
});

test('an outage ends with the age of the document, unless maxStale says otherwise', async (t) => {
  const { advance } = fakeClock();
  const headers = { 'cache-control': 'max-age=60' };
  const host = await documentHost(t, confidential(), headers);
  const strict = await lookup();
  const patient = await lookup({ maxStale: 600 });
  await strict(host.clientId);
  await patient(host.clientId);
  await host.close();
  advance(61);
  await assert.rejects(strict(host.clientId), refused('connection_failed'));
  assert.equal((await patient(host.clientId)).clientId, host.clientId);
});

test('200 simultaneous lookups of a client cause one fetch', async (t) => {
  const host = await documentHost(t, confidential());
  const find = await lookup();
  await Promise.all(Array.from({ length: 200 }, () => find(host.clientId)));
  assert.equal(host.requests, 1);
});

test('allowHost decides before anything is fetched, and takes effect at once', async (t) => {
  const host = await documentHost(t, confidential());
  const allowed = new Set<string>();
  const find = await lookup({ allowHost: async (name) => allowed.has(name) });
  await assert.rejects(find(host.clientId), refused('host_not_allowed'));
  assert.equal(host.connections, 0);
  allowed.add(new URL(host.origin).host);
  assert.equal((await find(host.clientId)).clientId, host.clientId);
  allowed.clear();
  await assert.rejects(find(host.clientId), refused('host_not_allowed'));
});

test('a failed document gets the same answer as an unknown client', async (t) => {
  const endpoint = await endpointWith(t, clientMetadataDocuments(await remoteOptions()));
  const bodies = [];
  for (const clientId of ['https://unknown.invalid/client.json', 'nobody']) {
    const response = await endpoint.post(assertionForm(await signNamed(pair, clientId)));
    assert.equal(response.status, 401);
    bodies.push(await response.text());
  }
  assert.equal(bodies[0], bodies[1]);
  const [event] = endpoint.events;
  assert.equal(event?.reason, 'client_metadata_document_failed');
  assert.equal(event?.actual, 'name_not_resolved');
});

test('an allowHost that throws is answered with 503', async (t) => {
  const findClient = clientMetadataDocuments({
    ...(await remoteOptions()),
    allowHost: () => {
      throw new Error('the list of hosts is gone');
    },
  });
  const endpoint = await endpointWith(t, findClient);
  assert.equal(await statusOf(endpoint, signNamed(pair, 'https://client.example/c')), 503);
  assert.equal(endpoint.events[0]?.reason, 'client_lookup_failed');
});

test('if localhost is allowed, a client in development may have an http URL of this machine', async (t) => {
  let clientId = '';
  const local = await listen((request, response) => {
    json(() => confidential()(clientId))(request, response);
  });
  t.after(() => local.close());
  clientId = `${local.url}/client.json`;
  assert.equal(await (await lookup())(clientId), undefined);
  const find = await lookup({ allowedNetworks: ['localhost'] });
  assert.equal((await find(clientId)).clientId, clientId);
  await assert.rejects(find('http://client.example/client.json'), refused('url_invalid'));
});

test('an invalid option is refused at once', () => {
  for (const options of [{ allowHost: ['client.example'] }, { maxBytes: 0 }, { maxAge: -1 }]) {
    assert.throws(() => clientMetadataDocuments(options as never), TypeError);
  }
  assert.throws(() => clientMetadataDocuments({}, 'database' as never), TypeError);
});
