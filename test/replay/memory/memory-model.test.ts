import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryReplayStore } from '../../../lib/index.js';
import { FingerprintTable } from '../../../lib/replay/memory/fingerprint-table.js';
import { fakeClock } from '../../support/fake-clock.js';
import { replayEntry } from '../../support/replay-entry.js';

const step = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({ jti: fc.nat(40), lifetime: fc.integer({ min: 5, max: 90 }) }),
  },
  { weight: 1, arbitrary: fc.record({ seconds: fc.nat(30) }) },
);

/** What a store says: true, false, or undefined where it cannot tell. */
function insert(store: MemoryReplayStore, jti: number, expiresAt: number): boolean | undefined {
  try {
    return store.insert({ ...replayEntry(60, { jti: String(jti) }), expiresAt });
  } catch (error) {
    assert.ok(error instanceof RangeError);
    return undefined;
  }
}

test('no live key is ever inserted again, whatever the order of insertions', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 400 }), (steps) => {
      const { now, advance } = fakeClock();
      const store = new MemoryReplayStore();
      const live = new Map<number, number>();
      for (const each of steps) {
        if ('seconds' in each) {
          advance(each.seconds);
          continue;
        }
        const expiresAt = now() + each.lifetime;
        const inserted = insert(store, each.jti, expiresAt);
        assert.notEqual(inserted, undefined);
        const isLive = (live.get(each.jti) ?? 0) > now();
        assert.ok(!(inserted && isLive), `${each.jti} was inserted twice`);
        if (inserted) live.set(each.jti, expiresAt);
      }
    }),
    { numRuns: 200 },
  );
});

const stepOfBadClock = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({ jti: fc.nat(40), expiresIn: fc.integer({ min: 5, max: 90 }) }),
  },
  { weight: 1, arbitrary: fc.record({ seconds: fc.integer({ min: -200, max: 200 }) }) },
);

test('no assertion works twice, whatever the clock does', () => {
  fc.assert(
    fc.property(fc.array(stepOfBadClock, { minLength: 20, maxLength: 400 }), (steps) => {
      const { now, advance } = fakeClock();
      const store = new MemoryReplayStore();
      const expiry = new Map<number, number>();
      const used = new Set<number>();
      for (const each of steps) {
        if ('seconds' in each) {
          advance(each.seconds);
          continue;
        }
        // An assertion has its time from when it was made, whatever the clock says later.
        const expiresAt = expiry.get(each.jti) ?? now() + each.expiresIn;
        expiry.set(each.jti, expiresAt);
        // The pipeline asks the store for no assertion that has expired.
        if (now() >= expiresAt || insert(store, each.jti, expiresAt) !== true) continue;
        assert.ok(!used.has(each.jti), `${each.jti} was used twice`);
        used.add(each.jti);
      }
    }),
    { numRuns: 500 },
  );
});

test('entries whose hashes are the same stay present, however many they are', () => {
  const table = new FingerprintTable();
  const all = Array.from({ length: 5500 }, (_, number) =>
    Uint32Array.of(7, number, number, number),
  );
  const add = (now: number) => all.filter((each) => table.add(each, now + 4, now, () => {})).length;
  assert.deepEqual([add(1), add(4), add(5)], [all.length, 0, all.length]);
});
