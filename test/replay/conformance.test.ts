import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryReplayStore, type ReplayStore } from '../../lib/index.js';
import { type ConformanceTest, replayStoreConformance } from '../../lib/replay/conformance.js';
import { fakeClock } from '../support/fake-clock.js';

const memoryTests = replayStoreConformance(() => {
  const { now, advance } = fakeClock();
  return { store: new MemoryReplayStore(), now, advance };
});
for (const { name, run } of memoryTests) test(`memory: ${name}`, run);

/** The names of the tests that a store fails, run by a clock that needs no waiting. */
async function failures(
  make: (now: () => number) => { store: ReplayStore; peer?: ReplayStore },
): Promise<string[]> {
  const tests: readonly ConformanceTest[] = replayStoreConformance(() => {
    const { now, advance } = fakeClock();
    return { ...make(now), now, advance };
  });
  const names: string[] = [];
  for (const { name, run } of tests) {
    await run().catch((error: unknown) => {
      assert.ok(error instanceof assert.AssertionError, String(error));
      names.push(name);
    });
  }
  return names;
}

const keeping = () => new Map<string, number>();

test('a plain Map that never forgets passes the suite', async () => {
  const found = await failures(() => {
    const keys = new Set<string>();
    return { store: { insert: ({ key }) => keys.size < keys.add(key).size } };
  });
  assert.deepEqual(found, []);
});

const BROKEN: readonly [string, Parameters<typeof failures>[0], readonly string[]][] = [
  [
    'asks first and adds later',
    () => {
      const keys = new Set<string>();
      return {
        store: {
          async insert({ key }) {
            const isNew = !keys.has(key);
            await new Promise(setImmediate);
            keys.add(key);
            return isNew;
          },
        },
      };
    },
    ['of simultaneous copies exactly one is inserted'],
  ],
  [
    'keeps its entries to one process',
    () => {
      const store = () => {
        const keys = new Set<string>();
        return { insert: ({ key }: { key: string }) => keys.size < keys.add(key).size };
      };
      return { store: store(), peer: store() };
    },
    ['a key that one process has inserted is not inserted by another'],
  ],
  [
    'forgets too early',
    (now) => {
      const entries = keeping();
      return {
        store: {
          insert({ key, expiresAt }) {
            if ((entries.get(key) ?? 0) > now()) return false;
            entries.set(key, expiresAt - 2);
            return true;
          },
        },
      };
    },
    ['an entry is not forgotten before it expires'],
  ],
  [
    'lets a copy set the time anew',
    (now) => {
      const entries = keeping();
      return {
        store: {
          insert({ key, expiresAt }) {
            const isNew = (entries.get(key) ?? 0) <= now();
            entries.set(key, expiresAt);
            return isNew;
          },
        },
      };
    },
    ['a refused copy does not shorten the life of an entry'],
  ],
  [
    'counts the expiry into the key',
    () => {
      const keys = new Set<string>();
      return {
        store: { insert: (entry) => keys.size < keys.add(entry.key + entry.expiresAt).size },
      };
    },
    ['only the key counts: another expiry, client or issuer does not make an entry new'],
  ],
  [
    'ignores case, as some databases do',
    () => {
      const keys = new Set<string>();
      return { store: { insert: ({ key }) => keys.size < keys.add(key.toLowerCase()).size } };
    },
    ['keys that differ in the case of one letter are different'],
  ],
  [
    'keeps times in 32 bits',
    (now) => {
      const entries = keeping();
      return {
        store: {
          insert({ key, expiresAt }) {
            if ((entries.get(key) ?? 0) > now()) return false;
            entries.set(key, expiresAt % 2 ** 32);
            return true;
          },
        },
      };
    },
    ['an entry that expires in centuries is not inserted twice'],
  ],
  [
    'says yes to everything',
    () => ({ store: { insert: () => true } }),
    ['an existing key is not inserted again', 'an expired entry is not inserted twice'],
  ],
  [
    'says no to everything',
    () => ({ store: { insert: () => false } }),
    ['an absent key is inserted', 'different keys do not affect each other'],
  ],
];

for (const [flaw, make, expected] of BROKEN) {
  test(`the suite catches a store that ${flaw}`, async () => {
    const found = await failures(make);
    for (const name of expected) assert.ok(found.includes(name), `${name}\n${found.join('\n')}`);
  });
}
