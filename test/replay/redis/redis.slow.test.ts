import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { ReplayStoreFullError } from '../../../lib/index.js';
import { type RedisClient, RedisReplayStore } from '../../../lib/replay/redis.js';
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
    { get: () => 'OK', set: () => 'OK', isOpen: true, status: 'ready', call: () => 'OK' },
  ];
  for (const client of wrong) {
    assert.throws(() => new RedisReplayStore(client as unknown as RedisClient), {
      name: 'TypeError',
      message: /node-redis .* or of ioredis/,
    });
  }
});

test('wrong options are refused when the store is made', () => {
  const client = { isOpen: true, get: async () => null, set: async () => 'OK' };
  const wrong = [{ timeout: 0 }, { timeout: Number.NaN }, { prefix: 1 as unknown as string }];
  for (const options of wrong)
    assert.throws(() => new RedisReplayStore(client, options), TypeError);
});

for (const answer of [undefined, true, 1, 'QUEUED', [], {}]) {
  test(`an answer of ${JSON.stringify(answer)} to SET is an error, not an insertion`, async () => {
    const client = { isOpen: true, get: async () => null, set: async () => answer };
    await assert.rejects(
      new RedisReplayStore(client).insert(replayEntry()),
      /must answer OK or null/,
    );
  });
}
