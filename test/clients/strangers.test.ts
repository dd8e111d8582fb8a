import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ClientMetadataDocumentOptions } from '../../lib/clients/metadata-document.js';
import {
  type AssertionClient,
  assertClientSecrets,
  clientMetadataDocuments,
  type MetadataDocumentClient,
  type Secret,
  validateRequestObject,
} from '../../lib/index.js';
import type { JwksUriOptions } from '../../lib/keys/jwks-uri.js';
import { KeyCache } from '../../lib/keys/key-cache.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { ISSUER, signAssertion } from '../support/assertion.js';
import { clientAt, jwksHost, namedKey, signNamed, statusOf } from '../support/jwks-host.js';
import { newKeyPair } from '../support/keys.js';
import { type RemoteHost, remoteHost, remoteOptions } from '../support/remote-host.js';
import { tokenEndpoint } from '../support/token-endpoint.js';

const pair = namedKey('1');

/** Where the registered clients' servers are, and no stranger's may be. */
const INNER = { name: 'inner.example', address: '127.0.1.2' };

/** A server with as many clients as somebody likes to make up. */
interface Strangers extends RemoteHost {
  clientId(name: string): string;
  /** How many sets of keys were asked for. */
  readonly sets: number;
}

/** Serves a document at any path, and a set of keys at any path that begins with /keys. */
async function strangers(
  t: TestContext,
  setUp: {
    readonly metadata?: (clientId: string) => object;
    /** What the sets have; undefined where they never come. */
    readonly keys?: readonly JsonWebKey[] | undefined;
  } = {},
): Promise<Strangers> {
  const count = { sets: 0 };
  const host = await remoteHost((request, response) => {
    const path = request.url ?? '';
    const isSet = path.startsWith('/keys');
    if (isSet) count.sets += 1;
    if (isSet && setUp.keys === undefined) return;
    const client_id = `${host.origin}${path}`;
    const metadata = {
      client_id,
      token_endpoint_auth_method: 'private_key_jwt',
      ...(setUp.metadata?.(client_id) ?? { jwks_uri: `${host.origin}/keys${path}` }),
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isSet ? { keys: setUp.keys } : metadata));
  });
  t.after(() => host.close());
  // Assigned, not spread: the counters are getters.
  return Object.defineProperty(
    Object.assign(host, { clientId: (name: string) => `${host.origin}/${name}`, sets: 0 }),
    'sets',
    { get: () => count.sets },
  );
}

async function endpointOf(
  t: TestContext,
  registered: readonly AssertionClient[],
  {
    jwksUri = {},
    documents = {},
  }: {
    readonly jwksUri?: JwksUriOptions;
    readonly documents?: ClientMetadataDocumentOptions;
  } = {},
) {
  const remote = await remoteOptions();
  const findClient = clientMetadataDocuments({ ...remote, ...documents }, (clientId) =>
    registered.find((client) => client.clientId === clientId),
  );
  const endpoint = await tokenEndpoint(findClient, { jwksUri: { ...remote, ...jwksUri } });
  t.after(() => endpoint.close());
  return endpoint;
}

const reasons = (endpoint: { readonly events: readonly { reason?: unknown }[] }) =>
  new Set(endpoint.events.map(({ reason }) => reason));

test('clients that introduce themselves do not evict the keys of a registered client from the cache', async (t) => {
  const host = await jwksHost(t, [pair.publicJwk]);
  const others = await strangers(t, { keys: [pair.publicJwk] });
  const endpoint = await endpointOf(t, [clientAt(host.uri)], { jwksUri: { maxEntries: 1 } });
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  for (const name of ['a', 'b', 'c']) {
    assert.equal(await statusOf(endpoint, signNamed(pair, others.clientId(name))), 200);
  }
  assert.equal(others.sets, 3);
  await host.close();
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200, 'from the cache');
});

test('clients whose servers never answer do not delay a registered client', async (t) => {
  // Each at a site of its own, so that they get all places of their lane, which has 100.
  const sites = Array.from({ length: 110 }, (_, i) => `https://stranger-${i}.example`);
  const hanging: (() => void)[] = [];
  const fetch = (url: string): Promise<Response> => {
    if (url === 'https://client.example/keys') {
      return Promise.resolve(Response.json({ keys: [pair.publicJwk] }));
    }
    if (url.endsWith('/keys')) {
      return new Promise((_resolve, reject) => hanging.push(() => reject(new Error('it ended'))));
    }
    return Promise.resolve(
      Response.json({
        client_id: url,
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: new URL('/keys', url).href,
      }),
    );
  };
  const endpoint = await endpointOf(t, [clientAt('https://client.example/keys')], {
    jwksUri: { fetch, timeout: 600 },
    documents: { fetch, timeout: 600 },
  });
  const pending = sites.map((site) => statusOf(endpoint, signNamed(pair, `${site}/client`)));
  while (hanging.length < 100) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  const end = setInterval(() => {
    for (const give of hanging.splice(0)) give();
  }, 10);
  assert.deepEqual(new Set(await Promise.all(pending)), new Set([401]));
  clearInterval(end);
});

test('the keys of a document are imported once, and never evict the keys of others', async (t) => {
  const keys = { jwks: { keys: [pair.publicJwk] } };
  const others = await strangers(t, { metadata: () => keys });
  const find = clientMetadataDocuments(await remoteOptions());
  const secretOf = async () => {
    const client = (await find(others.clientId('a'), undefined)) as MetadataDocumentClient;
    const [secret] = client.secrets;
    assert.ok(secret !== undefined);
    return secret;
  };
  const cache = new KeyCache(1);
  const registered = { type: 'JsonWebKey' as const, value: newKeyPair('ES256').publicJwk };
  const keysOfRegistered = cache.keysOf(registered);
  const keysOfStranger = cache.keysOf(await secretOf());
  assert.equal(cache.keysOf(await secretOf()), keysOfStranger);
  assert.equal(cache.keysOf(registered), keysOfRegistered);
  const { kid } = keysOfStranger.keys[0] ?? {};
  assert.equal(kid, '1');
});

test('members that an application adds to a client do not reach the next request', async (t) => {
  const others = await strangers(t, { metadata: () => ({ jwks: { keys: [pair.publicJwk] } }) });
  const find = clientMetadataDocuments(await remoteOptions());
  const client = await find(others.clientId('a'), undefined);
  Object.assign(client ?? {}, { disabled: true });
  assert.equal((await find(others.clientId('a'), undefined))?.disabled, undefined);
});

test('request objects of clients with a document are validated with their own keys too (RFC 9101 §6.2)', async (t) => {
  const others = await strangers(t, { keys: [pair.publicJwk] });
  const find = clientMetadataDocuments(await remoteOptions());
  const clientId = others.clientId('a');
  const client = await find(clientId, undefined);
  assert.ok(client !== undefined && client !== null);
  const header = { typ: 'oauth-authz-req+jwt', kid: '1' };
  const claims = { sub: undefined, client_id: clientId, response_type: 'code' };
  const request = await signAssertion(clientId, { pair, header, claims });
  // Without a jwksUri of the call's own, whose options could not reach the host of the test.
  const { parameters } = await validateRequestObject({ request, client, issuer: ISSUER });
  assert.equal(parameters['response_type'], 'code');
  assert.equal(others.sets, 1);
});

const manyKeys = (count: number): JsonWebKey[] => {
  const keys = Array.from({ length: count - 1 }, (_, i) => namedKey(`other ${i}`).publicJwk);
  return [...keys, pair.publicJwk];
};

for (const [count, status] of [
  [10, 200],
  [11, 401],
] as const) {
  test(`a document with ${count} keys: ${status}`, async (t) => {
    const others = await strangers(t, { metadata: () => ({ jwks: { keys: manyKeys(count) } }) });
    const endpoint = await endpointOf(t, [], { documents: { maxBytes: 20_000 } });
    assert.equal(await statusOf(endpoint, signNamed(pair, others.clientId('a'))), status);
    if (status === 200) return;
    assert.match(String(endpoint.events[0]?.cause), /the JWK Set has more than 10 keys/);
  });

  test(`a document whose jwks_uri has ${count} keys: ${status}`, async (t) => {
    const others = await strangers(t, { keys: manyKeys(count) });
    const endpoint = await endpointOf(t, []);
    assert.equal(await statusOf(endpoint, signNamed(pair, others.clientId('a'))), status);
    if (status === 200) return;
    assert.deepEqual(reasons(endpoint), new Set(['jwks_uri_failed']));
    assert.match(String(endpoint.events[0]?.cause), /the JWK Set has more than 10 keys/);
  });
}

for (const [count, status] of [
  [50, 200],
  [51, 401],
] as const) {
  test(`a registered client with ${count} keys at its jwks_uri: ${status}`, async (t) => {
    const host = await jwksHost(t, manyKeys(count));
    const endpoint = await endpointOf(t, [clientAt(host.uri)]);
    assert.equal(await statusOf(endpoint, signNamed(pair)), status);
  });
}

test('a set that was fetched for an assertion is not fetched again for it', async (t) => {
  const others = await strangers(t, { keys: [pair.publicJwk] });
  const endpoint = await endpointOf(t, []);
  const guessed = signAssertion(others.clientId('a'), { pair: newKeyPair('ES256') });
  assert.equal(await statusOf(endpoint, guessed), 401);
  assert.equal(others.sets, 1);
  assert.deepEqual(reasons(endpoint), new Set(['signature_invalid']));
});

const asColumns = (secret: Secret): Secret => {
  const { type, value, description } = secret as Extract<Secret, { value: unknown }>;
  return { type, value, description } as Secret;
};

/** What an application may make of a client before it returns the client. */
const COPIES: Readonly<Record<string, (client: AssertionClient) => AssertionClient>> = {
  'cloned by structuredClone': (client) => structuredClone(client),
  'read from JSON': (client) => JSON.parse(JSON.stringify(client)),
  'with copied secrets': (client) => ({
    ...client,
    secrets: client.secrets.map((secret) => ({ ...secret })),
  }),
  'read from the columns of a table': ({ clientId, secrets }) => ({
    clientId,
    secrets: secrets.map(asColumns),
  }),
};

for (const [what, copyOf] of Object.entries(COPIES)) {
  for (const member of ['jwks_uri', 'jwks'] as const) {
    test(`a stranger ${what} has no keys, wherever its ${member} leads`, async (t) => {
      const inner = await jwksHost(t, [pair.publicJwk], {}, INNER);
      const keys = { jwks_uri: inner.uri, jwks: { keys: [pair.publicJwk] } };
      const others = await strangers(t, { metadata: () => ({ [member]: keys[member] }) });
      const remote = await remoteOptions({ 'inner.example': () => [INNER.address] });
      const find = clientMetadataDocuments({ ...remote, allowedNetworks: ['127.0.1.1/32'] });
      const endpoint = await tokenEndpoint(
        async (clientId) => copyOf((await find(clientId)) as AssertionClient),
        { jwksUri: remote },
      );
      t.after(() => endpoint.close());
      // Twice: the second time the copy's failure comes from a cache.
      for (const _ of [1, 2]) {
        assert.equal(await statusOf(endpoint, signNamed(pair, others.clientId('a'))), 401);
      }
      assert.equal(inner.requests, 0);
      for (const { reason, warnings } of endpoint.events) {
        assert.equal(reason, 'secret_refused');
        const [{ code, secret, message } = assert.fail()] = warnings;
        assert.deepEqual([code, secret], ['secret_refused', `MetadataDocument, "${member}"`]);
        assert.match(message, /it is a copy.*return the secrets that clientMetadataDocuments/);
      }
    });
  }
}

test('a stranger whose client was copied, but not its secrets, authenticates', async (t) => {
  for (const setUp of [
    { keys: [pair.publicJwk] },
    { metadata: () => ({ jwks: { keys: [pair.publicJwk] } }) },
  ]) {
    const others = await strangers(t, setUp);
    const find = clientMetadataDocuments(await remoteOptions());
    const endpoint = await tokenEndpoint(async (clientId) => {
      const client = (await find(clientId)) as AssertionClient;
      assertClientSecrets(client);
      return { ...client, name: 'a copy', secrets: [...client.secrets] };
    }, {});
    t.after(() => endpoint.close());
    assert.equal(await statusOf(endpoint, signNamed(pair, others.clientId('a'))), 200);
  }
});

test('assertClientSecrets refuses the secret of a document that was copied', async (t) => {
  const others = await strangers(t, { keys: [pair.publicJwk] });
  const find = clientMetadataDocuments(await remoteOptions());
  const client = structuredClone(await find(others.clientId('a'))) as AssertionClient;
  assert.throws(() => assertClientSecrets(client), {
    name: 'SecretError',
    message: /MetadataDocument, "jwks_uri"\): it is a copy/,
  });
});

test('networks that registered clients may use are closed to clients that introduce themselves', async (t) => {
  const inner = await jwksHost(t, [pair.publicJwk], {}, INNER);
  const others = await strangers(t, { metadata: () => ({ jwks_uri: inner.uri }) });
  const { lookup } = await remoteOptions({ 'inner.example': () => [INNER.address] });
  const endpoint = await endpointOf(t, [clientAt(inner.uri)], {
    jwksUri: { lookup },
    documents: { lookup, allowedNetworks: ['127.0.1.1/32'] },
  });
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  assert.equal(inner.requests, 1);
  assert.equal(await statusOf(endpoint, signNamed(pair, others.clientId('a'))), 401);
  assert.equal(endpoint.events[1]?.actual, 'address_not_allowed');
  assert.equal(inner.requests, 1);
});
