import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisReplayStore } from '../../../lib/replay/redis.js';
import { assertionForm, signAssertion } from '../../support/assertion.js';
import { usedBytes } from '../../support/garbage.js';
import { CLIENTS, type Connect } from '../../support/redis-clients.js';
import { RedisServer, redisTest } from '../../support/redis-server.js';
import { replayEntry } from '../../support/replay-entry.js';
import { replayEndpoint, survive } from '../../support/survive.js';
import { waitUntil } from '../../support/wait-until.js';

/** A token endpoint with a Redis of its own. */
async function start(t: TestContext, connect: Connect) {
  const server = await RedisServer.start(t);
  return { server, endpoint: await replayEndpoint(t, await connect(t, server.url)) };
}

for (const { name, connect } of CLIENTS) {
  redisTest(
    `${name}: Redis is killed under load and comes back: nothing is accepted twice`,
    async (t) => {
      const { server, endpoint } = await start(t, connect);
      await survive(
        endpoint,
        () => server.kill(),
        () => server.start(),
      );
    },
  );

  redisTest(`${name}: Redis is paused under load: requests fail in time, then go on`, async (t) => {
    const { server, endpoint } = await start(t, connect);
    const load = await survive(
      endpoint,
      async () => server.pause(),
      () => server.resume(),
    );
    assert.ok(load.slowest() < 5000, `${load.slowest()} ms`);
  });

  redisTest(`${name}: connections to Redis are refused for a while: nothing hangs`, async (t) => {
    const { server, endpoint } = await start(t, connect);
    const load = await survive(
      endpoint,
      async () => {
        await server.kill();
        await sleep(2000);
      },
      () => server.start(),
    );
    assert.ok(load.slowest() < 5000, `${load.slowest()} ms`);
  });

  redisTest(
    `${name}: an insertion that Redis executes too late uses the assertion up`,
    async (t) => {
      const { server, endpoint } = await start(t, connect);
      assert.equal((await endpoint.post(assertionForm(await signAssertion()))).status, 200);

      await server.command('CLIENT', 'PAUSE', '600', 'WRITE');
      const form = assertionForm(await signAssertion());
      const late = await endpoint.post(form);
      assert.equal(late.status, 503);
      assert.equal(((await late.json()) as { error: string }).error, 'temporarily_unavailable');
      assert.equal(endpoint.events.at(-1)?.reason, 'replay_store_failed');
      assert.match(String(endpoint.events.at(-1)?.cause), /Redis took longer than 0.25 s/);

      await sleep(800);
      assert.equal((await endpoint.post(form)).status, 401);
      assert.equal(endpoint.events.at(-1)?.reason, 'replayed');
      assert.equal((await endpoint.post(assertionForm(await signAssertion()))).status, 200);
    },
  );

  redisTest(`${name}: while Redis is away at most 10,000 commands wait for it`, async (t) => {
    const server = await RedisServer.start(t);
    const replay = new RedisReplayStore(await connect(t, server.url), { timeout: 0.5 });
    // So that no check runs beside the insertions, and nothing of it is left when they are counted.
    await replay.check();
    await server.command('FLUSHDB');
    const insert = () => replay.insert(replayEntry(60, { clientId: randomUUID() }));
    const insertMany = (count: number) => Promise.allSettled(Array.from({ length: count }, insert));
    const isRefused = (outcome: PromiseSettledResult<boolean>) =>
      outcome.status === 'rejected' && /not answered 10000 insertions yet/.test(outcome.reason);
    assert.equal(await insert(), true);

    server.pause();
    assert.equal((await insertMany(11_000)).filter(isRefused).length, 1000);
    const before = await usedBytes();
    for (let round = 0; round < 50; round += 1) {
      assert.ok((await insertMany(1000)).every(({ status }) => status === 'rejected'));
    }
    const growth = (await usedBytes()) - before;
    assert.ok(growth < 2_000_000, `${growth} bytes`);

    server.resume();
    // Those that the client had sent. It took back the others when their time was over.
    assert.ok(Number(await server.command('DBSIZE')) <= 10_001);
    await waitUntil(async () =>
      (await insertMany(100)).some(({ status }) => status === 'fulfilled'),
    );
  });

  redisTest(
    `${name}: while Redis is away one client leaves half of the queue to others`,
    async (t) => {
      const server = await RedisServer.start(t);
      const replay = new RedisReplayStore(await connect(t, server.url), { timeout: 0.5 });
      await replay.check();
      const insert = async (clientId: string) => {
        try {
          return await replay.insert(replayEntry(60, { clientId }));
        } catch (error) {
          return error instanceof Error ? error.message : String(error);
        }
      };
      const isTurnedAway = (answer: unknown) => /insertions yet/.test(String(answer));

      server.pause();
      const flood = Promise.all(Array.from({ length: 12_000 }, () => insert('stranger')));
      const honest = await Promise.all(
        Array.from({ length: 500 }, (_, i) => insert(`honest ${i}`)),
      );
      assert.deepEqual(honest.filter(isTurnedAway), []);
      assert.equal((await flood).filter(isTurnedAway).length, 7000);

      server.resume();
      await waitUntil(async () => (await insert('stranger')) === true);
    },
  );
}
