import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../support/fake-clock.js';
import {
  clientAt,
  fetchingEndpoint,
  jwksHost,
  namedKey,
  signNamed,
  statusOf,
} from '../../support/jwks-host.js';

for (const [cacheControl, options, freshFor] of [
  ['max-age=600', {}, 600],
  ['max-age=600', { maxAge: 300 }, 300],
  ['max-age=31536000', {}, 3600],
  ['max-age=1', {}, 60],
  ['no-store', {}, 60],
  ['no-cache', {}, 60],
  ['max-age=1', { maxAge: 5 }, 5],
  ['public', {}, 300],
  ['public', { maxAge: 200 }, 200],
] as const) {
  const name = `${cacheControl} with ${JSON.stringify(options)}`;
  test(`a set is fresh for ${freshFor} s: ${name} (RFC 9111)`, async (t) => {
    const { advance } = fakeClock();
    const pair = namedKey('1');
    const host = await jwksHost(t, [pair.publicJwk], { 'cache-control': cacheControl });
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)], options);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
    advance(freshFor * 0.79);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
    assert.equal(host.requests, 1, 'fresh');
    advance(freshFor * 0.22);
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
    assert.equal(host.requests, 2, 'no longer fresh');
  });
}

test('a set in use is fetched in the background shortly before it is stale', async (t) => {
  const { advance } = fakeClock();
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk], { 'cache-control': 'max-age=100' });
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)], { timeout: 60 });
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  const asked = new Promise((resolve) => host.behave(resolve));
  advance(90);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  await asked;
  assert.equal(host.requests, 2);
});

test('the cache is bounded: the least recently used set is dropped first', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const clients = ['a', 'b', 'c'].map((id) => clientAt(`${host.origin}/${id}`, id));
  const endpoint = await fetchingEndpoint(t, clients, { maxEntries: 2 });
  const counts: number[] = [];
  for (const id of ['a', 'b', 'a', 'c', 'a', 'b']) {
    assert.equal(await statusOf(endpoint, signNamed(pair, id)), 200);
    counts.push(host.requests);
  }
  assert.deepEqual(counts, [1, 2, 2, 3, 3, 4]);
});

const DAY = 86_400;

test('a clock that was ahead for a while does not keep a set fresh longer', async (t) => {
  const { advance } = fakeClock();
  const [old, next] = [namedKey('old'), namedKey('new')];
  const host = await jwksHost(t, [old.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  advance(DAY);
  assert.equal(await statusOf(endpoint, signNamed(old)), 200);
  host.publish(next.publicJwk);
  advance(-DAY);
  assert.equal(await statusOf(endpoint, signNamed(old)), 401, 'a key that was taken away');
  assert.equal(host.requests, 2);
});

test('a clock that was ahead for a while does not delay the next fetch of a failing URL', async (t) => {
  const { advance } = fakeClock();
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  advance(DAY);
  host.behave((_request, response) => response.writeHead(503).end());
  assert.equal(await statusOf(endpoint, signNamed(pair)), 401);
  host.behave();
  advance(-DAY);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
});

test('a clock that was ahead for a while does not delay the fetch for a new key', async (t) => {
  const { advance } = fakeClock();
  const [old, next] = [namedKey('old'), namedKey('new')];
  const host = await jwksHost(t, [old.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signNamed(old)), 200);
  advance(200);
  assert.equal(await statusOf(endpoint, signNamed(namedKey('made up'))), 401);
  advance(-190);
  host.publish(next.publicJwk);
  assert.equal(await statusOf(endpoint, signNamed(next)), 200);
});

for (const [name, options] of Object.entries({
  'a negative age': { maxAge: -1 },
  'a cache without room': { maxEntries: 0 },
  'a timeout in words': { timeout: '5s' },
  'a wrong network': { allowedNetworks: ['intranet'] },
})) {
  test(`an invalid option is refused at once: ${name}`, async (t) => {
    await assert.rejects(fetchingEndpoint(t, [], options as never), TypeError);
  });
}
