import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import type { FetchError } from '../../../lib/index.js';
import { assertionForm, signAssertion } from '../../support/assertion.js';
import {
  clientAt,
  fetchingEndpoint,
  jwksHost,
  namedKey,
  signNamed,
  statusOf,
} from '../../support/jwks-host.js';
import { json, lookupIn, PUBLIC_ADDRESS } from '../../support/remote-host.js';

for (const alg of ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
  test(`a client signs ${alg} with a key that it publishes at its jwks_uri (RFC 7591 §2)`, async (t) => {
    const pair = namedKey('1', alg);
    const host = await jwksHost(t, [pair.publicJwk]);
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
    assert.equal(endpoint.events[0]?.secret, 'JwksUri');
  });
}

test('the set is fetched once for many requests', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  for (let count = 0; count < 5; count += 1) {
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  }
  assert.equal(host.requests, 1);
});

test('200 simultaneous requests cause one fetch', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t);
  host.behave((request, response) => {
    setTimeout(() => json(() => ({ keys: [pair.publicJwk] }))(request, response), 300);
  });
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  const assertions = await Promise.all(Array.from({ length: 200 }, () => signNamed(pair)));
  const statuses = await Promise.all(assertions.map((assertion) => statusOf(endpoint, assertion)));
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal(host.requests, 1);
});

test('two clients with one jwks_uri share its set', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [
    clientAt(host.uri, 'one'),
    clientAt(host.uri, 'two'),
  ]);
  assert.equal(await statusOf(endpoint, signNamed(pair, 'one')), 200);
  assert.equal(await statusOf(endpoint, signNamed(pair, 'two')), 200);
  assert.equal(host.requests, 1);
});

test('nothing is fetched for an assertion that fails a cheaper check', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  for (const claims of [{ exp: 1 }, { aud: 'https://other.example' }, { jti: undefined }]) {
    assert.equal(await statusOf(endpoint, signAssertion('client', { pair, claims })), 401);
  }
  assert.equal(host.requests, 0);
});

const BAD_SERVERS: Record<string, readonly [RequestListener, string]> = {
  'sends a body a byte at a time': [
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    },
    'timeout',
  ],
  'sends 10 MB': [json(() => ({ keys: [], more: 'x'.repeat(10_485_760) })), 'body_too_large'],
  'redirects to an inner address': [
    (_request, response) => response.writeHead(302, { location: 'https://127.0.0.1/' }).end(),
    'redirect_refused',
  ],
  'has no set': [(_request, response) => response.writeHead(404).end(), 'status_not_ok'],
  'sends a web page': [
    (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    'content_type_not_json',
  ],
  'sends something else than a JWK Set': [json(() => ({ hello: 'world' })), 'document_invalid'],
  'sends a list': [json(() => []), 'document_invalid'],
  'sends null': [json(() => null), 'document_invalid'],
  'sends thousands of keys': [
    json(() => ({ keys: Array.from({ length: 1000 }, () => ({ kty: 'RSA' })) })),
    'document_invalid',
  ],
};

for (const [what, [listener, code]] of Object.entries(BAD_SERVERS)) {
  test(`a client whose server ${what} is refused, and the event has ${code}`, async (t) => {
    const host = await jwksHost(t);
    host.behave(listener);
    const options = { timeout: code === 'timeout' ? 0.3 : 30 };
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)], options);
    const response = await endpoint.post(assertionForm(await signNamed(namedKey('1'))));
    assert.equal(response.status, 401);
    assert.deepEqual(await response.json(), {
      error: 'invalid_client',
      error_description: 'Client authentication failed.',
    });
    const [event] = endpoint.events;
    assert.equal(event?.reason, 'jwks_uri_failed');
    assert.equal(event?.actual, code);
    assert.equal((event?.cause as FetchError | undefined)?.code, code);
    assert.deepEqual(
      event?.warnings.map((warning) => warning.code),
      ['jwks_uri_failed'],
    );
  });
}

test('a host whose address becomes private is not called, and the client is refused', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const answers = [[PUBLIC_ADDRESS], ['127.0.0.1']];
  const lookup = lookupIn({ 'client.example': () => answers.shift() ?? ['127.0.0.1'] });
  const options = { lookup, maxAge: 0, maxStale: 0 };
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)], options);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 401);
  assert.equal(endpoint.events[1]?.actual, 'address_not_allowed');
  assert.equal(host.requests, 1);
});

for (const [value, message] of [
  ['http://client.example/jwks.json', 'the URL is not https'],
  ['https://user@client.example/jwks.json', 'the URL has credentials'],
  ['/jwks.json', 'the value is not an absolute URL of at most 2048 characters'],
] as const) {
  test(`the jwks_uri ${value} is not fetched`, async (t) => {
    const endpoint = await fetchingEndpoint(t, [clientAt(value)]);
    assert.equal(await statusOf(endpoint, signNamed(namedKey('1'))), 401);
    assert.equal(endpoint.events[0]?.reason, 'jwks_uri_failed');
    assert.equal((endpoint.events[0]?.cause as FetchError | undefined)?.message, message);
  });
}

test('with a dead jwks_uri a client can still use its other secrets', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t);
  host.behave((_request, response) => response.writeHead(500).end());
  const { secrets } = clientAt(host.uri);
  const client = {
    clientId: 'client',
    secrets: [...secrets, { type: 'JsonWebKey' as const, value: pair.publicJwk }],
  };
  const endpoint = await fetchingEndpoint(t, [client]);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  assert.deepEqual(endpoint.events[0]?.warnings, []);
  assert.equal(host.requests, 0, 'the key at hand verifies, so nobody waits for others');
});

for (const [what, keys] of Object.entries({
  'without keys': [],
  'of other things': [1, null, 'x', {}],
})) {
  test(`if the only key of a set is a ${what}, the reason is the key, not the server`, async (t) => {
    const host = await jwksHost(t);
    host.behave(json(() => ({ keys })));
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
    assert.equal(await statusOf(endpoint, signNamed(namedKey('1'))), 401);
    assert.equal(endpoint.events[0]?.reason, 'no_matching_key');
    assert.deepEqual(endpoint.events[0]?.warnings, []);
  });
}

test('a jwks_uri that has expired as a secret is not fetched', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const client = {
    clientId: 'client',
    secrets: [{ type: 'JwksUri' as const, value: host.uri, expiration: new Date(0) }],
  };
  const endpoint = await fetchingEndpoint(t, [client]);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 401);
  assert.equal(host.requests, 0);
});
