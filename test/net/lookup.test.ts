import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { type TestContext, test } from 'node:test';
import { networkList } from '../../lib/net/addresses.js';
import { guardedFetch } from '../../lib/net/guarded-fetch.js';
import { checkHost, dnsLookup, guardedLookup } from '../../lib/net/lookup.js';
import { documentCacheOptions } from '../../lib/net/options.js';
import { readOptions } from '../../lib/shared/options.js';
import { nameServer } from '../support/name-server.js';

const OPTIONS = documentCacheOptions({ maxBytes: 65_536, maxAge: 3600, maxStale: 900 });

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

test('without a lookup of its own, a fetch asks the name servers of the system', async (t) => {
  const asked: unknown[] = [];
  t.mock.method(Resolver.prototype, 'resolve4', async (name: string) => {
    asked.push(name);
    return ['10.0.0.1'];
  });
  t.mock.method(Resolver.prototype, 'resolve6', async () => []);
  const get = guardedFetch(readOptions('test', {}, OPTIONS), 'application/json');
  await assert.rejects(get('https://client.example/'), {
    code: 'address_not_allowed',
    message: /: client\.example has the address 10\.0\.0\.1, which is not public/,
  });
  assert.deepEqual(asked, ['client.example']);
});

const [PUBLIC, PRIVATE]: LookupAddress[] = [
  { address: '8.8.8.8', family: 4 },
  { address: '10.0.0.1', family: 4 },
];

type Answer = [error: unknown, result: unknown, family?: number];

/** What a guarded lookup of a.example calls back with, when DNS answers this. */
function guarded(answer: Answer, options: object = { all: true }, list: readonly string[] = []) {
  const rules = { allowedNetworks: networkList('allowedNetworks', list) };
  const asked: unknown[] = [];
  const resolve = (hostname: string, given: unknown, callback: (...all: Answer) => void) => {
    asked.push(hostname, given);
    callback(...answer);
  };
  const called: unknown[] = [];
  guardedLookup(new URL('https://a.example/'), rules, resolve as never)(
    'a.example',
    options as never,
    (...all: unknown[]) => called.push(...all),
  );
  return { called, asked };
}

test('a lookup asks for all addresses, and gives as many as are wanted', () => {
  const { called, asked } = guarded([null, [PUBLIC]], { family: 4 });
  assert.deepEqual(asked, ['a.example', { family: 4, all: true }]);
  assert.deepEqual(called, [null, '8.8.8.8', 4]);
  assert.deepEqual(guarded([null, [PUBLIC, PUBLIC]]).called, [null, [PUBLIC, PUBLIC]]);
  assert.deepEqual(guarded([undefined, '8.8.8.8', 4]).called, [null, [PUBLIC]]);
  assert.deepEqual(guarded([null, '8.8.8.8']).called, [null, [PUBLIC]]);
});

const REFUSED: readonly (readonly [Answer, string, string])[] = [
  [
    [Object.assign(new Error(), { code: 'ENOTFOUND' }), []],
    'name_not_resolved',
    'a.example has no address (ENOTFOUND)',
  ],
  [[new Error('x'), undefined], 'name_not_resolved', 'a.example has no address (lookup failed)'],
  [[null, []], 'name_not_resolved', 'a.example has no address'],
  [[null, undefined], 'name_not_resolved', 'a.example has no address'],
  ...[[PRIVATE], [PUBLIC, PRIVATE]].map(
    (found) =>
      [
        [null, found] as Answer,
        'address_not_allowed',
        'a.example has the address 10.0.0.1, which is not public: allowedNetworks can allow it',
      ] as const,
  ),
];

for (const [answer, code, message] of REFUSED) {
  test(`a lookup that finds ${JSON.stringify(answer[1])} is refused: ${message}`, () => {
    const [error, found] = guarded(answer).called as [Error & { code: string }, unknown];
    assert.deepEqual([error.name, error.code, error.message], ['FetchError', code, message]);
    assert.deepEqual(found, []);
  });
}

const HOSTS: readonly (readonly [string, readonly string[], boolean])[] = [
  ['https://8.8.8.8/', [], true],
  ['https://10.0.0.1/', [], false],
  ['https://10.0.0.1/', ['10.0.0.0/8'], true],
  ['https://11.0.0.1/', ['12.0.0.0/8'], true],
  ['https://127.0.0.1/', ['localhost'], true],
  ['https://127.0.0.1/', [], false],
  ['https://[::1]/', ['localhost'], true],
  ['https://[::1]/', [], false],
  ['http://127.0.0.1/', ['localhost'], true],
  ['http://127.0.0.1/', [], false],
  ['http://127.0.0.1/', ['127.0.0.0/8'], false],
  ['http://10.0.0.1/', ['localhost', '10.0.0.0/8'], false],
  ['http://8.8.8.8/', ['localhost'], false],
  ['https://a.example/', [], true],
];

for (const [url, list, isAllowed] of HOSTS) {
  test(`${url} is ${isAllowed ? 'allowed' : 'refused'} with the networks ${list}`, () => {
    const check = () => checkHost(new URL(url), { allowedNetworks: networkList('networks', list) });
    if (isAllowed) assert.doesNotThrow(check);
    else assert.throws(check, { name: 'FetchError', code: 'address_not_allowed' });
  });
}
