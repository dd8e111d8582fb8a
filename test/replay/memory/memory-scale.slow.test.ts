import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { MemoryReplayStore } from '../../../lib/index.js';
import { fakeClock } from '../../support/fake-clock.js';
import { usedBytes } from '../../support/garbage.js';

const ENTRIES = 300_000;

function filler(maxEntries = 4 * ENTRIES) {
  const time = fakeClock();
  const store = new MemoryReplayStore({ maxEntries });
  /** @returns the processor time of each insertion in milliseconds */
  const fill = (entries: number): Float32Array => {
    const costs = new Float32Array(entries);
    for (let number = 0; number < entries; number += 1) {
      const entry = {
        key: randomBytes(32).toString('base64url'),
        issuer: 'https://as.example',
        clientId: `client ${number % 50}`,
        expiresAt: time.now() + 60 + (number % 60),
      };
      const before = process.cpuUsage();
      store.insert(entry);
      const { user, system } = process.cpuUsage(before);
      costs[number] = (user + system) / 1000;
    }
    return costs;
  };
  return { ...time, store, fill };
}

test('an entry takes less than 100 bytes, and gives them back when traffic falls', async () => {
  const { store, fill, advance } = filler();
  const empty = await usedBytes();
  fill(ENTRIES);
  const full = await usedBytes();
  assert.equal(store.size, ENTRIES);
  assert.ok((full - empty) / ENTRIES < 100, `${(full - empty) / ENTRIES} bytes an entry`);

  for (let minute = 0; minute < 4; minute += 1) {
    advance(64);
    fill(2000);
  }
  const later = await usedBytes();
  assert.ok(later - empty < (full - empty) / 5, `${later - empty} of ${full - empty} bytes`);
});

test('no insertion pauses the process for 10 ms, neither while entries grow nor as they expire', () => {
  // What the store itself does meets the same insertion in each round, the garbage collector another.
  const least = new Float32Array(ENTRIES + 1000).fill(Number.POSITIVE_INFINITY);
  for (let round = 0; round < 4; round += 1) {
    const { fill, advance } = filler();
    const growing = fill(ENTRIES);
    advance(200);
    for (const [index, cost] of [...growing, ...fill(1000)].entries()) {
      least[index] = Math.min(least[index] as number, cost);
    }
  }
  const dearest = least.reduce((most, cost) => Math.max(most, cost), 0);
  assert.ok(dearest < 10, `${dearest} ms`);
});
