import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { Configuration, customFetch } from 'openid-client';
import {
  AssertionService,
  clientAssertion,
  MemoryTokenStore,
  UserTokenManager,
} from '../../../lib/client/index.js';
import { lockConformance, tokenStoreConformance } from '../../../lib/client/tokens/conformance.js';
import { RedisLock, RedisTokenStore } from '../../../lib/client/tokens/redis.js';
import { newKeyPair } from '../../support/keys.js';
import { CLIENTS } from '../../support/redis-clients.js';
import { RedisServer, redisTest } from '../../support/redis-server.js';
import { waitUntil } from '../../support/wait-until.js';

const memory = new MemoryTokenStore();
for (const { name, run } of tokenStoreConformance(() => ({ store: memory, peer: memory }))) {
  test(`the memory store: ${name}`, run);
}

for (const { name, connect } of CLIENTS) {
  redisTest(`${name}: the token store and the lock pass their conformance tests`, async (t) => {
    const { url } = await RedisServer.start(t);
    const [one, two] = [await connect(t, url), await connect(t, url)];
    const stores = () => ({ store: new RedisTokenStore(one), peer: new RedisTokenStore(two) });
    const locks = () => ({ lock: new RedisLock(one), peer: new RedisLock(two) });
    for (const each of [...tokenStoreConformance(stores), ...lockConformance(locks)]) {
      await t.test(each.name, each.run);
    }
  });
}

redisTest(
  'a lock is acquired within its deadline or not at all, and is free after its owner has died',
  async (t) => {
    const server = await RedisServer.start(t);
    const connect = CLIENTS[0]?.connect ?? assert.fail();
    const client = await connect(t, server.url);
    const lock = new RedisLock(client, { timeout: 0.2 });
    await server.command(
      'SET',
      'private-key-jwt:lock:session',
      'a process that has died',
      'PX',
      '600',
    );
    await assert.rejects(lock.acquire('session'), {
      name: 'DeadlineError',
      message: 'The lock was not free within 0.2 s.',
    });
    const patient = new RedisLock(client, { timeout: 5 });
    const owner = await patient.acquire('session');
    assert.equal(await server.command('GET', 'private-key-jwt:lock:session'), owner);
    await patient.release('session', owner);
    assert.equal(await server.command('EXISTS', 'private-key-jwt:lock:session'), '0');
  },
);

redisTest('a Redis that does not answer causes an error before the deadline', async (t) => {
  const server = await RedisServer.start(t);
  const client = await (CLIENTS[0]?.connect ?? assert.fail())(t, server.url);
  const store = new RedisTokenStore(client, { timeout: 0.1 });
  server.pause();
  t.after(() => server.resume());
  await assert.rejects(async () => store.get('x'), { name: 'DeadlineError' });
  await assert.rejects(new RedisLock(client).acquire('x'), { name: 'DeadlineError' });
});

for (const { name, connect } of CLIENTS) {
  redisTest(`${name}: no error of the store or the lock prints a token (CWE-532)`, async (t) => {
    const server = await RedisServer.start(t);
    const client = await connect(t, server.url);
    const [store, lock] = [new RedisTokenStore(client), new RedisLock(client)];
    const secrets = ['SECRET-AT', 'SECRET-RT', 'SECRET-OLD'];
    const entry = (accessToken: string) => ({
      accessToken,
      refreshToken: 'SECRET-RT',
      tokenType: 'bearer',
      expiresAt: 1,
      renewAt: 1,
    });
    const key = 'private-key-jwt:tokens:session';
    const fails = async (what: string, run: () => unknown, message: RegExp) => {
      const error = await Promise.resolve()
        .then(run)
        .then(
          () => assert.fail(what),
          (thrown: unknown) => thrown,
        );
      assert.ok(error instanceof Error, what);
      assert.match(error.message, message, what);
      const printed =
        inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }) +
        JSON.stringify({ ...error });
      for (const secret of secrets) assert.ok(!printed.includes(secret), `${what}: ${printed}`);
    };

    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    const replace = () => store.replace('session', entry('SECRET-OLD'), entry('SECRET-AT'), 60);
    const first = () => store.replace('session', undefined, entry('SECRET-AT'), 60);
    await fails('Redis is full', first, /^OOM command not allowed/);
    await fails('a lock in a full Redis', () => lock.acquire('session'), /^OOM/);
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    for (const text of ['SECRET-AT', '{"accessToken":"SECRET-AT", refreshToken', '"SECRET-AT']) {
      await server.command('SET', key, text);
      await fails(`the entry is ${text}`, () => store.get('session'), /is not JSON: delete it$/);
    }
    await server.command('DEL', key);
    await server.command('LPUSH', key, 'SECRET-AT');
    await fails('the entry is a list', () => store.get('session'), /^WRONGTYPE/);
    await fails('a list is replaced', replace, /WRONGTYPE/);
  });
}

redisTest('no error of a session that ioredis stores prints a token (CWE-532)', async (t) => {
  const server = await RedisServer.start(t);
  const client = new Redis(server.url);
  t.after(() => client.disconnect());
  const config = new Configuration(
    { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' },
    'client',
    'a secret of the tests',
  );
  config[customFetch] = () => assert.fail('the refresh token would be lost');
  const users = new UserTokenManager({ config });
  const session = {
    save(done: (error?: unknown) => void) {
      const { save: _save, ...stored } = this;
      client.set('session', JSON.stringify(stored)).then(() => done(), done);
    },
  };
  const request = { session, sessionID: 'one' };
  const response = { access_token: 'SECRET-AT', token_type: 'bearer', refresh_token: 'SECRET-RT' };
  await users.save(request, response as never);
  await server.command('CONFIG', 'SET', 'maxmemory', '1');
  for (const run of [
    () => users.getToken(request, 'SECRET-AT'),
    () => users.save(request, response as never),
  ]) {
    await assert.rejects(run(), (error: Error) => {
      assert.match(error.message, /^OOM command not allowed/);
      const printed = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
      assert.ok(!printed.includes('SECRET-'), printed);
      return true;
    });
  }
});

test('anything but a Redis client is refused, and so are unknown options', () => {
  assert.throws(() => new RedisTokenStore({} as never), /client must be a client of node-redis/);
  assert.throws(() => new RedisLock({} as never), /client must be a client of node-redis/);
  assert.throws(
    () => new RedisLock({} as never, { ttl: 5 } as never),
    /RedisLock has no option ttl/,
  );
});

redisTest(
  'a stored token costs one round trip, a refresh four, and its lock two more',
  async (t) => {
    const server = await RedisServer.start(t);
    const client = await (CLIENTS[0]?.connect ?? assert.fail())(t, server.url);
    const assertions = new AssertionService({
      clientId: 'client',
      key: newKeyPair('ES256').privateKey,
    });
    const config = new Configuration(
      { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' },
      'client',
      undefined,
      clientAssertion(assertions),
    );
    let count = 0;
    const answer = () => {
      count += 1;
      return {
        access_token: `access ${count}`,
        refresh_token: `refresh ${count}`,
        token_type: 'bearer' as const,
        expires_in: 600,
      };
    };
    config[customFetch] = async () => Response.json(answer());
    const store = new RedisTokenStore(client);
    const monitor = await server.monitor(t);
    let seen = 0;
    /** The commands since the last question; a script's own are not round trips. */
    const commandsOf = async (expected: number) => {
      await waitUntil(async () => (await ofClients()).length >= seen + expected);
      await sleep(50);
      const all = await ofClients();
      const fresh = all.slice(seen);
      seen = all.length;
      return fresh;
    };
    const ofClients = async () => {
      const all = (await monitor.commands(0)).map(([name = '']) => name.toUpperCase());
      // Each script here does two commands of its own.
      return all.filter((_name, at) => all[at - 1] !== 'EVAL' && all[at - 2] !== 'EVAL');
    };

    for (const [lock, expected] of [
      [undefined, ['GET', 'GET', 'EVAL', 'EVAL']],
      [new RedisLock(client), ['GET', 'SET', 'GET', 'EVAL', 'EVAL', 'EVAL']],
    ] as const) {
      const request = { sessionID: lock === undefined ? 'without' : 'with' };
      const users = new UserTokenManager({ config, store, lock });
      await users.save(request, answer());
      await commandsOf(2);
      const { accessToken } = await users.getToken(request);
      assert.deepEqual(await commandsOf(1), ['GET'], 'a kept token');
      await users.getToken(request, accessToken);
      assert.deepEqual(await commandsOf(expected.length), expected, 'a refresh');
    }
  },
);
