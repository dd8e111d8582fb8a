import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryReplayStore } from '../../lib/index.js';
import { replayKey } from '../../lib/replay/replay-key.js';
import { fakeClock } from '../support/fake-clock.js';

const step = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({ jti: fc.nat(40), lifetime: fc.integer({ min: 5, max: 90 }) }),
  },
  { weight: 1, arbitrary: fc.record({ seconds: fc.nat(30) }) },
);

test('whatever is inserted in whatever order, no live key is ever inserted again', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 400 }), (steps) => {
      const { clock, now, advance } = fakeClock();
      const store = new MemoryReplayStore({ clock });
      const live = new Map<number, number>();
      for (const each of steps) {
        if ('seconds' in each) {
          advance(each.seconds);
          continue;
        }
        const expiresAt = now() + each.lifetime;
        const key = replayKey('client', String(each.jti));
        const inserted = store.insert({ key, clientId: 'client', expiresAt });
        const isLive = (live.get(each.jti) ?? 0) > now();
        assert.ok(!(inserted && isLive), `${each.jti} was inserted twice`);
        if (inserted) live.set(each.jti, expiresAt);
      }
    }),
    { numRuns: 200 },
  );
});
