import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { ClientAssertionValidator, clientMetadataDocuments } from '../../../lib/index.js';
import { fakeClock } from '../../support/fake-clock.js';
import {
  clientAt,
  fetchingEndpoint,
  jwksHost,
  namedKey,
  signNamed,
  statusOf,
} from '../../support/jwks-host.js';
import { json } from '../../support/remote-host.js';
import { outcome } from '../../support/validator.js';
import { waitUntil } from '../../support/wait-until.js';

// A client's keys are withdrawn at its jwks_uri, and the token endpoint is asked over HTTP. An outage
// is no withdrawal: the last good set serves for maxStale (900 s) and no longer.

const pair = namedKey('1');
const OTHER = namedKey('2').publicJwk;
const status =
  (code: number): RequestListener =>
  (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json' }).end('{}');
  };
const set = (...keys: readonly unknown[]) => json(() => ({ keys }));

const WITHDRAWN: Readonly<Record<string, RequestListener>> = {
  'an empty set': set(),
  'another key': set(OTHER),
  'a set without a usable key': set({ kty: 'EC', crv: 'secp256k1', x: 'a', y: 'b' }),
  'a set whose one key is private': set({ ...pair.publicJwk, d: 'a'.repeat(43) }),
  'a 404': status(404),
  'a 410': status(410),
  'a 403': status(403),
  'a redirect': (_request, response) => response.writeHead(302, { location: '/' }).end(),
  HTML: (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(),
  'no JSON Web Key Set': json(() => ['keys']),
};

for (const [what, listener] of Object.entries(WITHDRAWN)) {
  test(`${what} at the jwks_uri ends the key: 401 at the token endpoint`, async (t) => {
    const { advance } = fakeClock();
    const host = await jwksHost(t, [pair.publicJwk], { 'cache-control': 'max-age=60' });
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
    host.behave(listener);
    advance(61);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 401);
    advance(61);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 401, 'and it stays so');
    host.behave();
    advance(61);
    await waitUntil(async () => (await statusOf(endpoint, signNamed(pair))) === 200);
  });
}

for (const code of [500, 503, 429]) {
  test(`a ${code} at the jwks_uri is an outage: the key works for maxStale, and no longer`, async (t) => {
    const { advance } = fakeClock();
    const host = await jwksHost(t, [pair.publicJwk], { 'cache-control': 'max-age=60' });
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
    host.behave(status(code));
    advance(61);
    assert.equal(await statusOf(endpoint, signNamed(namedKey('2'))), 401);
    assert.equal(endpoint.events.at(-1)?.reason, 'signature_invalid');
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
    advance(890);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
    advance(20);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 401);
    const failed = `${host.uri}: its status is ${code}, not 200`;
    const stale = `${failed}; the last good keys are still used`;
    assert.deepEqual(
      endpoint.events.map(({ warnings }) => warnings.map(({ message }) => message)),
      [[], [stale], [stale], [stale], [failed]],
    );
  });
}

test('forget drops the keys of a document although the document itself is stale', async () => {
  const { advance, restore } = fakeClock();
  const calls: string[] = [];
  const id = 'https://client.example/id';
  const uri = 'https://client.example/keys';
  const find = clientMetadataDocuments({
    fetch: async (url) => {
      calls.push(url);
      const jwks = { keys: [pair.publicJwk] };
      const metadata = {
        client_id: id,
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: uri,
      };
      const maxAge = url === id ? 60 : 86_400;
      const headers = { 'cache-control': `max-age=${maxAge}` };
      return Response.json(url === id ? metadata : jwks, { headers });
    },
  });
  const validator = new ClientAssertionValidator({}, find);
  const accepted = async () => outcome(validator, await signNamed(pair, id));
  assert.equal(await accepted(), undefined);
  assert.deepEqual(calls, [id, uri]);
  advance(61);
  find.forget(id);
  assert.equal(await accepted(), undefined);
  assert.deepEqual(calls, [id, uri, id, uri]);
  restore();
});
