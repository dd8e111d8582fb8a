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

test('one family is enough', async (t) => {
  assert.deepEqual(await resolve(t, 'client.example', ['0:0:0:0:0:0:0:1']), [
    { address: '::1', family: 6 },
  ]);
});

test('a name without addresses is an error', async (t) => {
  await assert.rejects(resolve(t, 'client.example', []), { code: 'ENODATA' });
});

test('a name server that does not answer is an error after a while', async (t) => {
  await assert.rejects(resolve(t, 'client.example'), { code: 'ETIMEOUT' });
});

test('a name without a dot is looked up by the system', async (t) => {
  const found = await resolve(t, 'localhost', ['8.8.8.8']);
  assert.ok(found.some(({ address }) => address === '127.0.0.1' || address === '::1'));
  assert.ok(found.every(({ address }) => address !== '8.8.8.8'));
});
