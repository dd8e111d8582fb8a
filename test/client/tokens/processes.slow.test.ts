import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { UserTokenManager } from '../../../lib/client/index.js';
import { fakeClock } from '../../support/fake-clock.js';
import { redisTest } from '../../support/redis-server.js';
import { refreshUnderFaults, tokenProcesses } from '../../support/token-processes.js';
import { userTokenKey } from '../../support/user-token-key.js';

// Processes that refresh the rotating tokens of the same users at the same time, on one Redis. A
// minute with 1,000 users is `npm run soak -- tokens`.

for (const [how, work] of [
  ['with a lock', { withLock: true, seconds: 15, userCount: 100 }],
  ['without a lock', { withLock: false, seconds: 5, userCount: 30 }],
] as const) {
  redisTest(
    `four processes refresh the same users ${how}, while Redis is paused, partitioned and restarted: no login is lost, no refresh token is used twice, a logout stays one, memory is flat`,
    async (t) => {
      const { results, wrong } = await refreshUnderFaults(t, work);
      for (const { refreshes, events, errors, growth } of results) {
        t.diagnostic(JSON.stringify({ refreshes, events, errors, growth }));
      }
      assert.deepEqual(wrong, []);
    },
  );
}

redisTest(
  'a process that is killed between rotation and save loses only its running refreshes, and an event reports each',
  async (t) => {
    const { start, store, config, ids, isReplaced } = await tokenProcesses(t, 30);
    const { program } = await start({ seconds: 30, withLock: true, dieAfter: 15 });
    assert.equal(await program.ended, 'SIGKILL');

    const entryOf = (id: string) => store.get(userTokenKey(config, id));
    const entries = await Promise.all(ids.map(entryOf));
    const lost = ids.filter((_id, number) => isReplaced(entries[number]?.refreshToken));
    const underWay = ids.filter((_id, number) => entries[number]?.refreshing !== undefined);
    t.diagnostic(`${underWay.length} refreshes under way, ${lost.length} logins lost`);
    assert.ok(lost.length > 0);
    assert.ok(underWay.length <= 10, 'the process refreshes ten users at a time');
    for (const id of lost)
      assert.ok(underWay.includes(id), `${id} is lost, and nothing tells of it`);

    const { now } = Date;
    // Another process may refresh after 40 seconds.
    fakeClock(now() / 1000 + 45);
    let interrupted = 0;
    const note = (event: unknown) => {
      if ((event as { type: string }).type === 'refresh_interrupted') interrupted += 1;
    };
    subscribe('passport-private-key-jwt:client', note);
    t.after(() => unsubscribe('passport-private-key-jwt:client', note));
    const users = new UserTokenManager({ config, store });
    const needLogin: string[] = [];
    for (const [number, sessionID] of ids.entries()) {
      const refused = entries[number]?.accessToken;
      await users.getToken({ sessionID }, refused).catch((error: Error) => {
        if (error.name !== 'LoginRequiredError') throw error;
        needLogin.push(sessionID);
      });
    }
    assert.deepEqual(needLogin, lost);
    assert.equal(interrupted, underWay.length);
  },
);
