import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { RedisReplayStore } from '../../../lib/replay/redis.js';
import { RedisServer, redisTest } from '../../support/redis-server.js';
import { replayEntry } from '../../support/replay-entry.js';

/** A way to Redis that cuts the connection once Redis has carried a SET out, before its answer. */
async function cuttingProxy(t: TestContext, port: number) {
  const state = { cuts: 0, sets: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect(port, '127.0.0.1');
    let cutNext = false;
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.on('data', (data) => {
      if (/\r\nset\r\n/i.test(data.toString('latin1'))) {
        state.sets += 1;
        cutNext = state.cuts > 0;
      }
      redis.write(data);
    });
    redis.on('data', (data) => {
      if (!cutNext) {
        client.write(data);
        return;
      }
      state.cuts -= 1;
      client.destroy();
      redis.destroy();
    });
    client.on('close', () => redis.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { state, port: (server.address() as AddressInfo).port };
}

redisTest(
  'ioredis repeats SET after a cut connection: the first use is not a replay',
  async (t) => {
    const server = await RedisServer.start(t);
    const proxy = await cuttingProxy(t, server.port);
    const client = new Redis(proxy.port, '127.0.0.1', { lazyConnect: true });
    client.on('error', () => undefined);
    t.after(() => client.disconnect());
    await client.connect();
    const store = new RedisReplayStore(client, { timeout: 20 });
    await store.check();

    proxy.state.sets = 0;
    proxy.state.cuts = 1;
    const once = replayEntry();
    assert.equal(await store.insert(once), true);
    assert.equal(proxy.state.sets, 2, 'it was sent twice');
    assert.equal(await store.insert(once), false);

    proxy.state.cuts = 1;
    const copied = replayEntry();
    const answers = await Promise.all(Array.from({ length: 20 }, () => store.insert(copied)));
    assert.equal(answers.filter(Boolean).length, 1, 'of the copies exactly one is new');
  },
);
