import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signAssertion } from '../../support/assertion.js';
import { fakeClock } from '../../support/fake-clock.js';
import {
  clientAt,
  fetchingEndpoint,
  jwksHost,
  namedKey,
  signNamed,
  statusOf,
} from '../../support/jwks-host.js';
import { newKeyPair } from '../../support/keys.js';

test('a client changes its key without a failed request: old key, both keys, new key', async (t) => {
  const [old, next] = [namedKey('old'), namedKey('new')];
  const host = await jwksHost(t, [old.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  const statuses: number[] = [];
  const several = async (...pairs: readonly (typeof old)[]) => {
    const sent = Array.from({ length: 20 }, (_, index) => pairs[index % pairs.length] ?? old);
    statuses.push(...(await Promise.all(sent.map((pair) => statusOf(endpoint, signNamed(pair))))));
  };

  await several(old);
  host.publish(old.publicJwk, next.publicJwk);
  await several(old, next);
  host.publish(next.publicJwk);
  await several(next);

  assert.equal(statuses.length, 60);
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal(host.requests, 2, 'one fetch at first, one for the new key');
});

test('a new key without a kid is found too', async (t) => {
  const [old, next] = [newKeyPair('ES256'), newKeyPair('ES256')];
  const host = await jwksHost(t, [old.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signAssertion('client', { pair: old })), 200);
  host.publish(next.publicJwk);
  assert.equal(await statusOf(endpoint, signAssertion('client', { pair: next })), 200);
  assert.equal(host.requests, 2);
});

test('a removed key is refused once its set is no longer fresh', async (t) => {
  const { advance } = fakeClock();
  const [old, next] = [namedKey('old'), namedKey('new')];
  const host = await jwksHost(t, [old.publicJwk, next.publicJwk], {
    'cache-control': 'max-age=300',
  });
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signNamed(old)), 200);
  host.publish(next.publicJwk);
  advance(301);
  assert.equal(await statusOf(endpoint, signNamed(old)), 401);
  assert.equal(endpoint.events[1]?.reason, 'signature_invalid');
  assert.equal(await statusOf(endpoint, signNamed(next)), 200);
});

test('any number of made-up key ids cause one fetch in each cooldown', async (t) => {
  const { advance } = fakeClock();
  const [pair, stranger] = [namedKey('1'), newKeyPair('ES256')];
  const host = await jwksHost(t, [pair.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);

  const attack = async () => {
    const junk = Array.from({ length: 50 }, (_, index) =>
      signAssertion('client', { pair: stranger, header: { kid: `junk ${index}` } }),
    );
    const statuses = await Promise.all(junk.map((assertion) => statusOf(endpoint, assertion)));
    assert.deepEqual(new Set(statuses), new Set([401]));
  };
  await attack();
  assert.equal(host.requests, 2);
  advance(29);
  await attack();
  assert.equal(host.requests, 2);
  advance(1);
  await attack();
  assert.equal(host.requests, 3);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
});

test('forged signatures under a known kid cause one fetch in each cooldown', async (t) => {
  const [pair, stranger] = [namedKey('1'), newKeyPair('ES256')];
  const host = await jwksHost(t, [pair.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  const forged = () => signAssertion('client', { pair: stranger, header: { kid: '1' } });
  for (let count = 0; count < 3; count += 1) {
    assert.equal(await statusOf(endpoint, forged()), 401);
  }
  assert.equal(endpoint.events[0]?.reason, 'signature_invalid');
  assert.equal(host.requests, 2);
});

test('200 simultaneous requests with a new key cause one more fetch', async (t) => {
  const [old, next] = [namedKey('old'), namedKey('new')];
  const host = await jwksHost(t, [old.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signNamed(old)), 200);
  host.publish(next.publicJwk);
  const assertions = await Promise.all(Array.from({ length: 200 }, () => signNamed(next)));
  const statuses = await Promise.all(assertions.map((assertion) => statusOf(endpoint, assertion)));
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal(host.requests, 2);
});

test('a failed fetch for an unknown key does not affect the known keys', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  host.behave((_request, response) => response.writeHead(500).end());
  assert.equal(await statusOf(endpoint, signNamed(namedKey('unknown'))), 401);
  assert.equal(endpoint.events[1]?.reason, 'signature_invalid');
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  assert.equal(host.requests, 2);
});
