import { replayStoreConformance } from '../../../lib/replay/conformance.js';
import { RedisReplayStore } from '../../../lib/replay/redis.js';
import { CLIENTS } from '../../support/redis-clients.js';
import { isInstalled, RedisServer, testWith } from '../../support/redis-server.js';

// Not every system has a package of Valkey: it takes part where it is installed.
const PROGRAMS = ['redis-server', 'valkey-server'].filter(
  (program) => program === 'redis-server' || isInstalled(program),
);

for (const program of PROGRAMS) {
  for (const { name, connect } of CLIENTS) {
    testWith(program, `${name} on ${program} keeps the contract of ReplayStore`, async (t) => {
      const server = await RedisServer.start(t, [], program);
      const store = new RedisReplayStore(await connect(t, server.url), { timeout: 5 });
      const peer = new RedisReplayStore(await connect(t, server.url), { timeout: 5 });
      const tests = replayStoreConformance(() => ({ store, peer }));
      for (const conformanceTest of tests) await t.test(conformanceTest.name, conformanceTest.run);
    });
  }
}
