import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { Configuration, customFetch } from 'openid-client';
import {
  AssertionService,
  clientAssertion,
  MemoryTokenStore,
  type TokenLock,
  type TokenSet,
  type TokenStore,
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

type Tests = ReturnType<typeof tokenStoreConformance>;

const LIFETIME = 'an entry stays for its lifetime, and then expires';

/** The names of the tests that fail; they run at the same time. */
async function failing(tests: Tests, isChosen: (name: string) => boolean): Promise<string[]> {
  const names = tests
    .filter(({ name }) => isChosen(name))
    .map(({ name, run }) =>
      run().then(
        () => [],
        () => [name],
      ),
    );
  return (await Promise.all(names)).flat();
}

type Replace = Parameters<TokenStore['replace']>;

/** A store in memory with a flaw. */
function flawed(flaw: (memory: MemoryTokenStore) => Partial<TokenStore>): TokenStore {
  const memory = new MemoryTokenStore();
  return {
    get: (key) => memory.get(key),
    replace: (...parameters) => memory.replace(...parameters),
    ...flaw(memory),
  };
}

/** Replaces without a look at what is expected. */
const force = (memory: MemoryTokenStore, [key, , tokens, lifetime]: Replace) =>
  memory.replace(key, memory.get(key), tokens, lifetime);

const AS_STORED = 'every process gets an entry back as it was stored';
const REPLACED = 'an entry is replaced only if it is the expected entry';
const AS_READ = 'replace accepts what get returned as the expected entry';
const DELETED = 'an entry is deleted only if it is the expected entry';
const ONE_REPLACED = 'of many simultaneous replacements of one entry, exactly one succeeds';
const ONE_FIRST = 'of many simultaneous first entries, exactly one is stored';

const STORES: readonly (readonly [string, Parameters<typeof flawed>[0], readonly string[]])[] = [
  ['returns null for no entry', (memory) => ({ get: (key) => memory.get(key) ?? null }), []],
  [
    'returns an entry that was never stored',
    (memory) => ({ get: (key) => memory.get(key) ?? ({} as TokenSet) }),
    [AS_STORED, REPLACED, DELETED],
  ],
  [
    'drops a member',
    (memory) => ({
      get: (key) => {
        const { refreshing: _refreshing, ...entry } = memory.get(key) ?? ({} as TokenSet);
        return 'accessToken' in entry ? entry : undefined;
      },
    }),
    [AS_STORED, REPLACED, AS_READ, DELETED, ONE_REPLACED],
  ],
  [
    'compares nothing',
    (memory) => ({ replace: (...all) => force(memory, all) }),
    [REPLACED, DELETED, ONE_REPLACED, ONE_FIRST],
  ],
  [
    'replaces an absent entry',
    (memory) => ({
      replace: (...all) =>
        memory.get(all[0]) === undefined ? force(memory, all) : memory.replace(...all),
    }),
    [REPLACED],
  ],
  [
    'takes no expected entry for any entry',
    (memory) => ({
      replace: (...all) => (all[1] === undefined ? force(memory, all) : memory.replace(...all)),
    }),
    [REPLACED, ONE_FIRST],
  ],
  [
    'takes any expected entry for the present one',
    (memory) => ({
      replace: (...all) =>
        all[1] !== undefined && memory.get(all[0]) !== undefined
          ? force(memory, all)
          : memory.replace(...all),
    }),
    [REPLACED, DELETED, ONE_REPLACED],
  ],
  [
    'deletes without comparing',
    (memory) => ({
      replace: (...all) => (all[2] === undefined ? force(memory, all) : memory.replace(...all)),
    }),
    [DELETED],
  ],
  [
    'does not delete',
    (memory) => ({
      replace: (key, expected, tokens, lifetime) =>
        memory.replace(key, expected, tokens ?? expected, lifetime),
    }),
    [DELETED],
  ],
  [
    'says nothing about a replacement',
    (memory) => ({ replace: (...all) => memory.replace(...all) && false }),
    [AS_STORED, REPLACED, AS_READ, DELETED, ONE_REPLACED, ONE_FIRST],
  ],
  [
    'stores nothing',
    () => ({ replace: () => true }),
    [AS_STORED, REPLACED, DELETED, ONE_REPLACED, ONE_FIRST],
  ],
  [
    'compares objects instead of their members',
    (memory) => ({
      replace: (...all) => memory.get(all[0]) === all[1] && memory.replace(...all),
    }),
    [REPLACED, DELETED, ONE_REPLACED],
  ],
  [
    'reads first and writes later',
    (memory) => ({
      replace: async (...all) => {
        const isExpected = JSON.stringify(memory.get(all[0])) === JSON.stringify(all[1]);
        await sleep(1);
        return isExpected && force(memory, all);
      },
    }),
    [ONE_REPLACED, ONE_FIRST],
  ],
  [
    'says that one succeeded, but keeps another',
    (memory) => {
      let times = 0;
      return {
        replace: (...all) => {
          times += 1;
          const [key, expected, tokens, lifetime] = all;
          const kept = expected && tokens && { ...tokens, accessToken: '51' };
          return times > 1 && times < 53 && expected?.accessToken === '0'
            ? memory.replace(key, expected, kept, lifetime)
            : memory.replace(...all);
        },
      };
    },
    [ONE_REPLACED],
  ],
];

for (const [what, flaw, expected] of STORES) {
  test(`the tests of a token store find one that ${what}`, async () => {
    const found = await failing(
      tokenStoreConformance(() => {
        const store = flawed(flaw);
        return { store, peer: store };
      }),
      (name) => name !== LIFETIME,
    );
    assert.deepEqual(found, expected);
  });
}

test('the tests of a token store find one that keeps its entries to one process', async () => {
  const found = await failing(
    tokenStoreConformance(() => ({
      store: new MemoryTokenStore(),
      peer: new MemoryTokenStore(),
    })),
    (name) => name !== LIFETIME,
  );
  assert.deepEqual(found, [AS_STORED, REPLACED, AS_READ, DELETED, ONE_FIRST]);
});

test('the tests of a token store find one that keeps entries too long or not long enough', async () => {
  const lasting = (change: (lifetime: number) => number) =>
    flawed((memory) => ({
      replace: (key, expected, tokens, lifetime) =>
        memory.replace(key, expected, tokens, change(lifetime)),
    }));
  const found = await Promise.all(
    [
      lasting((lifetime) => lifetime),
      lasting((lifetime) => lifetime / 4),
      lasting((lifetime) => lifetime * 2),
      lasting(() => 2.2),
      flawed((memory) => {
        const seen = new Set<string>();
        return {
          replace: (...all) =>
            !seen.has(all[0]) && memory.replace(...all) && seen.add(all[0]).size > 0,
        };
      }),
    ].map((store) =>
      failing(
        tokenStoreConformance(() => ({ store, peer: store })),
        (name) => name === LIFETIME,
      ),
    ),
  );
  assert.deepEqual(found, [[], [LIFETIME], [LIFETIME], [], [LIFETIME]]);
});

/** A lock in memory, which waits at most a second. */
function memoryLock({ isChecked = true, keyOf = (key: string) => key } = {}): TokenLock {
  const owners = new Map<string, string>();
  let count = 0;
  return {
    async acquire(name) {
      const key = keyOf(name);
      for (let times = 0; owners.has(key); times += 1) {
        if (times > 100) throw new Error('the lock is not free');
        await sleep(10);
      }
      count += 1;
      owners.set(key, `owner ${count}`);
      return `owner ${count}`;
    },
    release(name, owner) {
      const key = keyOf(name);
      if (!isChecked || owners.get(key) === owner) owners.delete(key);
    },
  };
}

const ONE_OWNER = 'a lock has one owner at a time, across all processes';
const KEYS = 'locks of different keys do not wait for each other';
const OWN = 'only its owner can release a lock';
const TWICE = 'releasing a lock twice does not take it from its next owner';

const LOCKS: readonly (readonly [string, () => readonly [TokenLock, TokenLock?], string[]])[] = [
  ['is right', () => [memoryLock()], []],
  [
    'locks nothing',
    () => [{ acquire: async () => 'me', release: () => undefined }],
    [ONE_OWNER, OWN, TWICE],
  ],
  ['is of one process', () => [memoryLock(), memoryLock()], [ONE_OWNER, OWN, TWICE]],
  ['is one for all keys', () => [memoryLock({ keyOf: () => 'all' })], [KEYS]],
  ['can be released by anyone', () => [memoryLock({ isChecked: false })], [OWN, TWICE]],
  [
    'is never released',
    () => [{ ...memoryLock(), release: () => undefined }],
    [ONE_OWNER, OWN, TWICE],
  ],
];

for (const [what, make, expected] of LOCKS) {
  test(`the tests of a lock find what is wrong with one that ${what}`, async () => {
    const tests = lockConformance(() => {
      const [lock, peer = lock] = make();
      return { lock, peer };
    });
    assert.deepEqual(await failing(tests, () => true), expected);
  });
}

type RedisClient = ConstructorParameters<typeof RedisLock>[0];

/** A client of node-redis that gives the same answer to each command, and what it was sent. */
function answering(answer: () => unknown) {
  const sent: unknown[][] = [];
  const command =
    (name: string) =>
    async (...all: unknown[]) => {
      sent.push([name, ...all]);
      return answer();
    };
  const client = { isOpen: true, get: command('GET'), set: command('SET'), eval: command('EVAL') };
  return { sent, client: client as unknown as RedisClient };
}

test('a client that rejects with nothing causes an error', async () => {
  const { client } = answering(() => Promise.reject());
  const failed = { name: 'Error', message: 'Redis failed without an error.' };
  await assert.rejects(new RedisTokenStore(client).get('x'), failed);
  await assert.rejects(new RedisLock(client).acquire('x'), failed);
});

for (const nothing of [null, undefined]) {
  test(`the answer ${nothing} to GET means that there is no entry`, async () => {
    const { client, sent } = answering(() => nothing);
    assert.equal(await new RedisTokenStore(client).get('a'), undefined);
    assert.equal(await new RedisTokenStore(client, { prefix: 'own:' }).get('b'), undefined);
    assert.deepEqual(sent, [
      ['GET', 'private-key-jwt:tokens:a'],
      ['GET', 'own:b'],
    ]);
  });
}

for (const [lifetime, seconds] of [
  [0, '1'],
  [0.2, '1'],
  [1.5, '2'],
  [86_400, '86400'],
] as const) {
  test(`an entry with a lifetime of ${lifetime} s expires after ${seconds} s`, async () => {
    const { client, sent } = answering(() => 1);
    const entry = { accessToken: 'at', tokenType: 'bearer', expiresAt: 2, renewAt: 1 };
    assert.equal(await new RedisTokenStore(client).replace('a', undefined, entry, lifetime), true);
    assert.deepEqual((sent[0]?.[2] as { arguments?: string[] } | undefined)?.arguments, [
      '',
      JSON.stringify(entry),
      seconds,
    ]);
  });
}

for (const [timeout, limit] of [
  [0, /timeout must be .*60/],
  [61, /timeout must be .*60/],
] as const) {
  test(`a timeout of ${timeout} s is refused`, () => {
    const { client } = answering(() => 1);
    assert.throws(() => new RedisTokenStore(client, { timeout }), limit);
    assert.throws(() => new RedisLock(client, { timeout }), limit);
  });
}

test('a lock whose SET was repeated after a lost connection belongs to its owner', async () => {
  let owner: unknown;
  const { client } = answering(() => null);
  Object.assign(client, {
    set: async (_key: string, value: string) => {
      owner = value;
      return null;
    },
    get: async () => Buffer.from(String(owner)),
  });
  const lock = new RedisLock(client);
  assert.equal(await lock.acquire('x'), owner);
  await lock.release('x', String(owner));
});

test('a held lock is extended every three seconds until it is released, and for two minutes', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const { client, sent } = answering(() => 1);
    const lock = new RedisLock(client);
    const key = 'private-key-jwt:lock:x';
    const extensions = (owner: string) =>
      sent.filter(([name, script, words]) => {
        const { keys, arguments: [by, time] = [] } = (words ?? {}) as Record<string, string[]>;
        const isExtension = name === 'EVAL' && String(script).includes('PEXPIRE');
        return isExtension && keys?.[0] === key && by === owner && time === '10000';
      }).length;
    const owner = await lock.acquire('x');
    mock.timers.tick(3330);
    assert.equal(extensions(owner), 0);
    mock.timers.tick(3340);
    assert.equal(extensions(owner), 2);
    await lock.release('x', owner);
    mock.timers.tick(20_000);
    assert.equal(extensions(owner), 2);

    const forgotten = await lock.acquire('x');
    now = 120_000;
    mock.timers.tick(3334);
    assert.equal(extensions(forgotten), 1);
    now = 120_001;
    mock.timers.tick(20_000);
    assert.equal(extensions(forgotten), 1);
  } finally {
    mock.timers.reset();
  }
});

redisTest('a lock whose extension fails once is extended again', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  const server = await RedisServer.start(t);
  const client = await (CLIENTS[0]?.connect ?? assert.fail())(t, server.url);
  const lock = new RedisLock(client);
  const owner = await lock.acquire('x');
  const key = 'private-key-jwt:lock:x';
  t.mock.method(client as never, 'eval', () => Promise.reject(new Error('Redis is away')), {
    times: 1,
  });
  mock.timers.tick(3334);
  await server.command('PEXPIRE', key, '5000');
  mock.timers.tick(3334);
  await waitUntil(async () => Number(await server.command('PTTL', key)) > 5000);
  await lock.release('x', owner);
});
