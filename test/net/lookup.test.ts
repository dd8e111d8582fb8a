import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { type TestContext, test } from 'node:test';
import { dnsLookup } from '../../lib/net/lookup.js';
import { nameServer } from '../support/name-server.js';

async function resolve(t: TestContext, hostname: string, addresses?: readonly string[]) {
  const server = await nameServer(addresses);
  t.after(() => server.close());
  return new Promise<readonly LookupAddress[]>((resolve, reject) => {
    dnsLookup(server.resolver)(hostname, { all: true }, (error, found) =>
      error ? reject(error) : resolve(found as LookupAddress[]),
    );
  });
}

test('a name has the addresses of both families that DNS knows', async (t) => {
  assert.deepEqual(await resolve(t, 'client.example', ['8.8.8.8', '0:0:0:0:0:0:0:1', '9.9.9.9']), [
    { address: '8.8.8.8', family: 4 },
    { address: '9.9.9.9', family: 4 },
    { address: '::1', family: 6 },
  ]);
});

test('addresses of one family are enough', async (t) => {
  assert.deepEqual(await resolve(t, 'client.example', ['0:0:0:0:0:0:0:1']), [
    { address: '::1', family: 6 },
  ]);
});

test('a name without addresses is an error', async (t) => {
  await assert.rejects(resolve(t, 'client.example', []), { code: 'ENODATA' });
});

test('a name server that does not answer causes an error after a while', async (t) => {
  await assert.rejects(resolve(t, 'client.example'), { code: 'ETIMEOUT' });
});

test('localhost is this machine, and no name server is asked (RFC 6761 §6.3)', async (t) => {
  assert.deepEqual(await resolve(t, 'localhost', ['8.8.8.8']), [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]);
});

test('a name without a dot is looked up in DNS too, and occupies no thread', async (t) => {
  assert.deepEqual(await resolve(t, 'keycloak', ['8.8.8.8']), [{ address: '8.8.8.8', family: 4 }]);
});

test('a lookup without an answer does not delay other lookups', async (t) => {
  const silent = await nameServer();
  const quick = await nameServer(['8.8.8.8']);
  t.after(() => Promise.all([silent.close(), quick.close()]));
  const ask = (resolver: Parameters<typeof dnsLookup>[0], name: string) =>
    new Promise((done) => dnsLookup(resolver)(name, { all: true }, done));
  const slow = Array.from({ length: 50 }, (_, i) => ask(silent.resolver, `slow-${i}`));
  const started = performance.now();
  for (let count = 0; count < 20; count += 1) await ask(quick.resolver, 'client.example');
  assert.ok(performance.now() - started < 1000);
  await Promise.all(slow);
});
