import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { type RedisClient, RedisReplayStore } from '../../../lib/replay/redis.js';
import { assertNoneAcceptedTwice, startLoad } from '../../support/load.js';
import { RedisServer, redisTest } from '../../support/redis-server.js';
import { replayEndpoint } from '../../support/survive.js';
import { waitUntil } from '../../support/wait-until.js';

const run = promisify(execFile);
const ignore = () => undefined;

const CONNECTORS: Readonly<
  Record<string, (t: TestContext, ports: readonly number[]) => Promise<RedisClient>>
> = {
  async 'node-redis'(t, ports) {
    const rootNodes = ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }));
    const client = createCluster({ rootNodes });
    client.on('error', ignore);
    t.after(() => client.destroy());
    await client.connect();
    return client;
  },
  async ioredis(t, ports) {
    const client = new Cluster(
      ports.map((port) => ({ host: '127.0.0.1', port })),
      { lazyConnect: true },
    );
    client.on('error', ignore);
    t.after(() => client.disconnect());
    await client.connect();
    return client;
  },
};

async function startCluster(t: TestContext): Promise<RedisServer[]> {
  const node = () => RedisServer.start(t, ['--cluster-enabled', 'yes']);
  const nodes = await Promise.all([node(), node(), node()]);
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
  const isUp = async (server: RedisServer) =>
    (await server.command('CLUSTER', 'INFO')).includes('cluster_state:ok');
  await waitUntil(async () => (await Promise.all(nodes.map(isUp))).every(Boolean));
  return nodes;
}

for (const [name, connect] of Object.entries(CONNECTORS)) {
  redisTest(`${name}: slots of a cluster move under load: nothing is accepted twice`, async (t) => {
    const nodes = await startCluster(t);
    const [from, to] = nodes as [RedisServer, RedisServer, RedisServer];
    const client = await connect(t, [from.port]);
    assert.deepEqual(await new RedisReplayStore(client, { timeout: 5 }).check(), []);
    const endpoint = await replayEndpoint(t, client, 5);

    const load = startLoad(endpoint);
    await load.accepted();
    const moved = await run('redis-cli', [
      ...['--cluster', 'reshard', `127.0.0.1:${from.port}`, '--cluster-yes'],
      ...['--cluster-from', await from.command('CLUSTER', 'MYID')],
      ...['--cluster-to', await to.command('CLUSTER', 'MYID')],
      ...['--cluster-slots', '2000'],
    ]);
    assert.match(moved.stdout, /Moving slot/);
    await load.accepted();
    await load.stop();

    await assertNoneAcceptedTwice(endpoint, load.sent);
    const used = await Promise.all(nodes.map((node) => node.command('DBSIZE')));
    assert.ok(
      used.every((size) => Number(size) > 0),
      `${used}`,
    );
    const reasons = new Set(endpoint.events.map(({ reason }) => reason));
    assert.deepEqual(reasons, new Set([undefined, 'replayed']));
  });
}
