import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { ReplayStoreFullError } from '../../../lib/index.js';
import { type RedisClient, RedisReplayStore } from '../../../lib/replay/redis.js';
import { redisCommands } from '../../../lib/shared/redis-client.js';
import { fakeClock } from '../../support/fake-clock.js';
import { CLIENTS } from '../../support/redis-clients.js';
import { RedisServer, redisTest } from '../../support/redis-server.js';
import { replayEntry } from '../../support/replay-entry.js';
import { waitUntil } from '../../support/wait-until.js';

// The deadline has tests of its own; these must also pass on a machine that is busy.
const PATIENT = { timeout: 5 };

for (const { name, connect } of CLIENTS) {
  redisTest(`${name}: an insertion is one SET with NX and PX, and nothing else`, async (t) => {
    const server = await RedisServer.start(t);
    const replay = new RedisReplayStore(await connect(t, server.url), PATIENT);
    await replay.check();
    const monitor = await server.monitor(t);
    const entry = replayEntry();
    const before = Date.now();
    await replay.insert(entry);
    const after = Date.now();
    const commands = await monitor.commands(1);
    const sent = commands.map(([command = '', ...words]) => [command.toUpperCase(), ...words]);
    const milliseconds = sent[0]?.find((word) => /^\d{2,}$/.test(word)) ?? '';
    const attempt = sent[0]?.find((word) => /^[\da-f-]{36}$/.test(word)) ?? '';
    const words = ['SET', `private-key-jwt:replay:${entry.key}`, attempt, 'PX', milliseconds, 'NX'];
    assert.deepEqual(
      sent.map((command) => new Set(command)),
      [new Set(words)],
    );
    const end = (entry.expiresAt + 60) * 1000;
    assert.ok(Number(milliseconds) >= end - after && Number(milliseconds) <= end - before);
  });

  redisTest(`${name}: an entry is kept until a minute after its expiry, no longer`, async (t) => {
    const server = await RedisServer.start(t);
    const client = await connect(t, server.url);
    const replay = new RedisReplayStore(client, {
      ...PATIENT,
      prefix: 'as:{jti}:',
    });
    const entry = replayEntry();
    const before = Date.now();
    await replay.insert(entry);
    const duration = Date.now() - before;
    const expiry = await server.command('PEXPIRETIME', `as:{jti}:${entry.key}`);
    const late = Number(expiry) - (entry.expiresAt + 60) * 1000;
    // The milliseconds of two processes may differ by one.
    assert.ok(late >= -1 && late <= duration + 1, `${late} ms`);
  });

  redisTest(`${name}: the clock of Redis does not matter, however far it is ahead`, async (t) => {
    const server = await RedisServer.start(t);
    const client = await connect(t, server.url);
    const time = Date.now;
    t.mock.method(Date, 'now', () => time() - 86_400_000);
    const replay = new RedisReplayStore(client, PATIENT);
    const entry = replayEntry();
    assert.equal(await replay.insert(entry), true);
    assert.equal(await replay.insert(entry), false);
    assert.deepEqual(await replay.check(), []);
  });

  redisTest(`${name}: an entry that has expired is refused, and Redis is not asked`, async (t) => {
    const server = await RedisServer.start(t);
    const client = await connect(t, server.url);
    const replay = new RedisReplayStore(client, PATIENT);
    assert.equal(await replay.insert(replayEntry(-50)), true);
    await assert.rejects(replay.insert(replayEntry(-61)), {
      name: 'RangeError',
      message: /expired .*clocks of this process/,
    });
  });

  redisTest(`${name}: a Redis that is out of memory is a full store`, async (t) => {
    const server = await RedisServer.start(t, ['--maxmemory-policy', 'noeviction']);
    const replay = new RedisReplayStore(await connect(t, server.url), PATIENT);
    const known = replayEntry();
    await replay.insert(known);
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    const full = (error: unknown) =>
      error instanceof ReplayStoreFullError && error.code === 'replay_store_full';
    await assert.rejects(replay.insert(replayEntry()), full);
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    assert.equal(await replay.insert(replayEntry()), true);
    assert.equal(await replay.insert(known), false);
  });

  redisTest(`${name}: check() reports no problem for a durable server`, async (t) => {
    const server = await RedisServer.start(t);
    assert.deepEqual(await new RedisReplayStore(await connect(t, server.url), PATIENT).check(), []);
  });

  redisTest(`${name}: check() reports eviction, missing persistence and replicas`, async (t) => {
    const evicting = ['--maxmemory', '64mb', '--maxmemory-policy', 'volatile-ttl'];
    const server = await RedisServer.start(t, [...evicting, '--appendonly', 'no']);
    await RedisServer.start(t, ['--replicaof', '127.0.0.1', String(server.port)]);
    await waitUntil(async () => (await server.command('INFO')).includes('connected_slaves:1'));
    const found = await new RedisReplayStore(await connect(t, server.url), PATIENT).check();
    assert.deepEqual(
      found.map(({ code }) => code),
      ['redis_eviction', 'redis_persistence', 'redis_replication'],
    );
  });

  redisTest(`${name}: the first insertion warns of what check() finds, once`, async (t) => {
    const server = await RedisServer.start(t, ['--appendonly', 'no']);
    const replay = new RedisReplayStore(await connect(t, server.url), PATIENT);
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    t.after(() => process.off('warning', note));
    const warned = once(process, 'warning');
    for (let count = 0; count < 5; count += 1)
      assert.equal(await replay.insert(replayEntry()), true);
    await warned;
    await replay.insert(replayEntry());
    assert.deepEqual(
      warnings.map((warning) => [warning.name, (warning as { code?: string }).code]),
      [['PrivateKeyJwtWarning', 'redis_persistence']],
    );
  });

  redisTest(`${name}: check() notices a server that sets a key despite NX`, async (t) => {
    const server = await RedisServer.start(t);
    const client = await connect(t, server.url);
    const forgetful = new Proxy(client, {
      get(target, name) {
        if (name === 'set') return async () => 'OK';
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const found = await new RedisReplayStore(forgetful).check();
    assert.deepEqual(
      found.map(({ code }) => code),
      ['redis_set_not_conditional'],
    );
  });

  redisTest(
    `${name}: a user who may only SET and GET the keys of the store can insert`,
    async (t) => {
      const server = await RedisServer.start(t);
      const rules = [
        'on',
        '>secret',
        '~private-key-jwt:replay:*',
        '+set',
        '+get',
        '+client',
        '+hello',
      ];
      await server.command('ACL', 'SETUSER', 'replay', ...rules);
      const url = server.url.replace('redis://', 'redis://replay:secret@');
      const replay = new RedisReplayStore(await connect(t, url), PATIENT);
      const once = replayEntry();
      assert.equal(await replay.insert(once), true);
      assert.equal(await replay.insert(once), false);
      await assert.rejects(replay.check(), /NOPERM/);
    },
  );
}

test('anything but a Redis client is refused when the store is made', () => {
  const wrong = [
    undefined,
    null,
    'redis://127.0.0.1',
    {},
    { set: () => 'OK' },
    { set: () => 'OK', isOpen: true },
    { get: () => 'OK', isOpen: true },
    { get: () => 'OK', set: () => 'OK' },
    { get: () => 'OK', set: () => 'OK', isOpen: () => true },
    { get: () => 'OK', set: () => 'OK', status: 'ready' },
    { get: () => 'OK', set: () => 'OK', call: () => 'OK' },
    { set: () => 'OK', status: 'ready', call: () => 'OK' },
    Object.assign(() => 'OK', { get: () => 'OK', set: () => 'OK', isOpen: true }),
    { get: () => 'OK', set: () => 'OK', isOpen: true, status: 'ready', call: () => 'OK' },
  ];
  for (const client of wrong) {
    assert.throws(() => new RedisReplayStore(client as unknown as RedisClient), {
      name: 'TypeError',
      message:
        'client must be a client of node-redis (createClient, createCluster, createSentinel) or of ioredis (Redis, Cluster)',
    });
  }
});

for (const [options, message] of [
  [{ timeout: 0 }, 'timeout must be a number of seconds, at least 0.001 and at most 60'],
  [{ timeout: 60.1 }, 'timeout must be a number of seconds, at least 0.001 and at most 60'],
  [{ timeout: Number.NaN }, 'timeout must be a number of seconds, at least 0.001 and at most 60'],
  [{ prefix: 1 as unknown as string }, 'prefix must be a non-empty string'],
  [{ prefix: '' }, 'prefix must be a non-empty string'],
  [{ ttl: 5 }, 'RedisReplayStore has no option ttl: there are prefix, timeout'],
] as const) {
  test(`${JSON.stringify(options)} is refused when the store is made`, () => {
    assert.throws(() => new RedisReplayStore(mapClient(), options as object), {
      name: 'TypeError',
      message,
    });
  });
}

/** A client of node-redis whose server is a Map: for what real servers do not do on demand. */
function mapClient({ info = async (): Promise<unknown> => '' } = {}) {
  const keys = new Map<string, string>();
  const sent: [key: string, value: string, ...options: unknown[]][] = [];
  const asked = { info: 0 };
  return {
    isOpen: true,
    keys,
    sent,
    asked,
    async set(key: string, value: string, ...options: unknown[]): Promise<unknown> {
      sent.push([key, value, ...options]);
      if (keys.has(key)) return null;
      keys.set(key, value);
      return 'OK';
    },
    async get(key: string): Promise<unknown> {
      return keys.get(key) ?? null;
    },
    info() {
      asked.info += 1;
      return info();
    },
  };
}

/** The same as a client of ioredis. */
const ioMapClient = (made: ReturnType<typeof mapClient>) => {
  const { isOpen, ...client } = made;
  return { ...client, status: 'ready', call: () => undefined };
};

for (const answer of [undefined, true, 1, 'QUEUED', [], {}]) {
  test(`an answer of ${JSON.stringify(answer)} to SET is an error, not an insertion`, async () => {
    const client = { ...mapClient(), set: async () => answer };
    await assert.rejects(new RedisReplayStore(client).insert(replayEntry()), {
      name: 'TypeError',
      message: `Redis must answer OK or null to SET, not ${typeof answer}.`,
    });
  });
}

test('a client that answers in bytes is understood', async () => {
  const client = mapClient();
  const { set, get } = client;
  const store = new RedisReplayStore({
    ...client,
    set: async (key: string, value: string) => {
      const answer = await set(key, value);
      return answer === null ? null : Buffer.from(String(answer));
    },
    get: async (key: string) => Buffer.from(String(await get(key))),
  });
  const once = replayEntry();
  assert.deepEqual([await store.insert(once), await store.insert(once)], [true, false]);
});

for (const [name, client, wordsOf] of [
  [
    'node-redis',
    mapClient(),
    (PX: number) => [{ condition: 'NX', expiration: { type: 'PX', value: PX }, NX: true, PX }],
  ],
  ['ioredis', ioMapClient(mapClient()), (PX: number) => ['PX', PX, 'NX']],
] as const) {
  test(`${name}: a key is set only if it is absent, until a minute after the entry expires`, async (t) => {
    const { now, restore } = fakeClock();
    t.after(restore);
    const store = new RedisReplayStore(client as unknown as RedisClient, { prefix: 'as:' });
    await store.check();
    const [[first, attempt, ...words], [second]] = client.sent as [
      [string, string, ...unknown[]],
      [string],
    ];
    assert.match(first, /^as:[\w-]{43}$/);
    assert.match(attempt, /^[\da-f-]{36}$/);
    assert.deepEqual(words, wordsOf(61_000), 'check() leaves a key for a second');
    assert.equal(second, first);

    client.sent.length = 0;
    for (const [left, milliseconds] of [
      [60, 120_000],
      [0.0001, 60_001],
      [-59.999, 1],
    ] as const) {
      const entry = { ...replayEntry(), expiresAt: now() + left };
      assert.equal(await store.insert(entry), true);
      const [key, , ...options] = client.sent.at(-1) as [string, string, ...unknown[]];
      assert.equal(key, `as:${entry.key}`);
      assert.deepEqual(options, wordsOf(milliseconds));
    }
    client.sent.length = 0;
    await assert.rejects(store.insert({ ...replayEntry(), expiresAt: now() - 60 }), {
      name: 'RangeError',
      message: `The entry expired at ${now() - 60}: do the clocks of this process and the validator agree?`,
    });
    assert.deepEqual(client.sent, []);
  });
}

for (const [name, client] of [
  ['node-redis', mapClient()],
  ['ioredis', ioMapClient(mapClient())],
] as const) {
  test(`${name}: a first use whose command was sent twice is no replay, and a copy is`, async () => {
    const store = new RedisReplayStore({
      ...client,
      async set(key: string, value: string) {
        await client.set(key, value);
        return client.set(key, value);
      },
    });
    const once = replayEntry();
    assert.deepEqual([await store.insert(once), await store.insert(once)], [true, false]);
  });
}

test('only the error of a full memory is a full store; any other error is passed on', async () => {
  const failing = (thrown: unknown) =>
    new RedisReplayStore({ ...mapClient(), set: () => Promise.reject(thrown) }).insert(
      replayEntry(),
    );
  const full = new Error('OOM command not allowed when used memory > maxmemory.');
  await assert.rejects(failing(full), (error: unknown) => {
    assert.ok(error instanceof ReplayStoreFullError);
    const { code, message, cause } = error;
    assert.deepEqual(
      { code, message, cause },
      { code: 'replay_store_full', message: 'Redis is out of memory.', cause: full },
    );
    return true;
  });
  for (const other of [new Error('ERR no OOM'), 'OOM as a text', undefined]) {
    await assert.rejects(failing(other), (error: unknown) => error === other);
  }
});

const LINES = (...lines: string[]) => ['# Server', 'redis_version:8.2.1', ...lines, ''];
const EVICTION =
  /^Redis evicts keys .*\(maxmemory-policy allkeys-lru\).*accepted again: set maxmemory-policy to noeviction\.$/;
const PERSISTENCE =
  /append-only file: a restart .* Set appendonly to yes and appendfsync to always\.$/;
const REPLICATION = /failover may lose .* Set min-replicas-to-write and min-replicas-max-lag/;

for (const [what, lines, found] of [
  ['nothing of its configuration', LINES(), []],
  [
    'what is right',
    LINES('maxmemory_policy:noeviction', 'aof_enabled:1', 'connected_slaves:0'),
    [],
  ],
  ['eviction', LINES('maxmemory_policy:allkeys-lru'), [['redis_eviction', EVICTION]]],
  ['no persistence', LINES('aof_enabled:0'), [['redis_persistence', PERSISTENCE]]],
  ['a replica', LINES('connected_slaves:1'), [['redis_replication', REPLICATION]]],
  ['a replica that it waits for', LINES('connected_slaves:1', 'min_slaves_good_slaves:1'), []],
  [
    'several mistakes',
    LINES('maxmemory_policy:allkeys-lru', 'aof_enabled:0', 'connected_slaves:2'),
    [
      ['redis_eviction', EVICTION],
      ['redis_persistence', PERSISTENCE],
      ['redis_replication', REPLICATION],
    ],
  ],
] as const) {
  test(`check() of a server that reports ${what} says what to change`, async () => {
    const clients = ['\r\n', '\n'].map((end) => mapClient({ info: async () => lines.join(end) }));
    for (const client of [...clients, ...clients.map(ioMapClient)]) {
      const store = new RedisReplayStore(client);
      const warnings = await store.check();
      assert.deepEqual(
        warnings.map(({ code }) => code),
        found.map(([code]) => code),
      );
      for (const [index, [, message]] of found.entries()) {
        assert.match(String(warnings[index]?.message), message);
      }
    }
  });
}

test('check() of a server that ignores NX says that no replay is noticed', async () => {
  const store = new RedisReplayStore({ ...mapClient(), set: async () => 'OK' });
  const warnings = await store.check();
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['redis_set_not_conditional'],
  );
  assert.match(String(warnings[0]?.message), /twice despite NX: .* No replay would be noticed\.$/);
});

const master = (line: string) => mapClient({ info: async () => LINES(line).join('\r\n') });

for (const [name, clusterOf] of [
  [
    'node-redis',
    (masters: ReturnType<typeof master>[]) => ({
      ...mapClient(),
      masters: masters.map((client) => ({ client })),
      nodeClient: async ({ client }: { client: object }) => client,
    }),
  ],
  [
    'ioredis',
    (masters: ReturnType<typeof master>[]) => ({
      ...ioMapClient(mapClient()),
      nodes: (role: string) => (role === 'master' ? masters : []),
    }),
  ],
] as const) {
  test(`${name}: check() reads every master of a cluster, and reports each problem once`, async () => {
    const masters = ['aof_enabled:0', 'aof_enabled:0', 'maxmemory_policy:allkeys-lru'].map(master);
    const store = new RedisReplayStore(clusterOf(masters) as unknown as RedisClient);
    assert.deepEqual(
      (await store.check()).map(({ code }) => code),
      ['redis_persistence', 'redis_eviction'],
    );
    assert.deepEqual(
      masters.map(({ asked }) => asked.info),
      [1, 1, 1],
    );
  });
}

test('the configuration is read once, after the first insertion or by check(), and may be hidden', async () => {
  const client = mapClient({ info: () => Promise.reject(new Error('NOPERM')) });
  const store = new RedisReplayStore(client);
  for (let count = 0; count < 3; count += 1) {
    assert.equal(await store.insert(replayEntry()), true);
    await new Promise(setImmediate);
  }
  assert.equal(client.asked.info, 1);
  await assert.rejects(store.check(), { message: 'NOPERM' });

  const checked = mapClient();
  const other = new RedisReplayStore(checked);
  await other.check();
  await other.insert(replayEntry());
  assert.equal(checked.asked.info, 1);
});

test('the first insertion warns the process of each problem, with its code', async (t) => {
  const warnings: (Error & { code?: string })[] = [];
  const note = (warning: Error) => {
    if (warning.name === 'PrivateKeyJwtWarning') warnings.push(warning);
  };
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  const store = new RedisReplayStore(mapClient({ info: async () => 'aof_enabled:0' }));
  await store.insert(replayEntry());
  await waitUntil(async () => warnings.length > 0);
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['redis_persistence'],
  );
  assert.match(String(warnings[0]?.message), PERSISTENCE);
});

test('one client may wait for half of 10,000 insertions, all clients together for as many', async () => {
  const answers: (() => void)[] = [];
  const store = new RedisReplayStore(
    {
      ...mapClient({ info: () => Promise.reject(new Error('NOPERM')) }),
      set: () => new Promise((resolve) => answers.push(() => resolve('OK'))),
    },
    { timeout: 60 },
  );
  // So that no check runs beside the insertions.
  await assert.rejects(store.check(), { message: 'NOPERM' });
  const insert = (clientId: string) => store.insert(replayEntry(60, { clientId }));
  const refused = (waiting: number) => ({
    message: `Redis has not answered ${waiting} insertions yet.`,
  });
  const waiting = Array.from({ length: 5000 }, () => insert('one'));
  await assert.rejects(insert('one'), refused(5000));
  waiting.push(...Array.from({ length: 5000 }, (_, index) => insert(`client ${index}`)));
  await assert.rejects(insert('another'), refused(10_000));

  for (const answer of answers.splice(0)) answer();
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set([true]));
  const again = Array.from({ length: 5000 }, () => insert('one'));
  await assert.rejects(insert('one'), refused(5000));
  for (const answer of answers.splice(0)) answer();
  await Promise.all(again);
});

test('without an option, Redis has a quarter of a second', async () => {
  const store = new RedisReplayStore({ ...mapClient(), set: () => new Promise(() => undefined) });
  await assert.rejects(store.insert(replayEntry()), { message: 'Redis took longer than 0.25 s.' });
});

test('a script gets its key and its words in the form of each package', async () => {
  const asked: unknown[][] = [];
  const note = async (...words: unknown[]) => asked.push(words);
  for (const client of [mapClient(), ioMapClient(mapClient())]) {
    const commands = redisCommands({ ...client, eval: note } as unknown as RedisClient);
    await commands.evaluate('return 1', 'key', 'a', 'b');
  }
  assert.deepEqual(asked, [
    ['return 1', { keys: ['key'], arguments: ['a', 'b'] }],
    ['return 1', 1, 'key', 'a', 'b'],
  ]);
});
