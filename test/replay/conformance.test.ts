import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryReplayStore, type ReplayEntry, type ReplayStore } from '../../lib/index.js';
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

test('a plain Map that never forgets passes the suite', async () => {
  const found = await failures(() => {
    const keys = new Set<string>();
    return { store: { insert: ({ key }) => keys.size < keys.add(key).size } };
  });
  assert.deepEqual(found, []);
});

const SAME = 'an existing key is not inserted again';
const ONLY_KEY = 'only the key counts: another expiry, client or issuer does not make an entry new';
const COPIES = 'of simultaneous copies exactly one is inserted';
const TWO_PROCESSES =
  'of copies that arrive at two processes at the same time exactly one is inserted';
const OTHER_PROCESS = 'a key that one process has inserted is not inserted by another';
const DIFFERENT = 'different keys do not affect each other';
const CASE = 'keys that differ in the case of one letter are different';
const FRACTION = 'an entry whose time has a fraction of a second is inserted once';
const DAY = 'an entry that lives for a day is inserted once';
const FORGOTTEN = 'an entry is not forgotten before it expires';
const EXPIRED = 'an expired entry is not inserted twice';
const CENTURIES = 'an entry that expires in centuries is not inserted twice';
const SHORTENED = 'a refused copy does not shorten the life of an entry';

/** A store that knows entries by what a function makes of them. */
const knownBy =
  (nameOf: (entry: ReplayEntry) => unknown) => (): { readonly store: ReplayStore } => {
    const known = new Set<unknown>();
    return { store: { insert: (entry) => known.size < known.add(nameOf(entry)).size } };
  };

/** A store that keeps each key until a time that a function makes of its entry. */
const keptUntil =
  (endOf: (entry: ReplayEntry, now: number) => number) =>
  (now: () => number): { readonly store: ReplayStore } => {
    const ends = new Map<string, number>();
    const insert = (entry: ReplayEntry) => {
      if ((ends.get(entry.key) ?? Number.NEGATIVE_INFINITY) > now()) return false;
      ends.set(entry.key, endOf(entry, now()));
      return true;
    };
    return { store: { insert } };
  };

/** A store that takes an entry whose key it knows, if a function says so. */
const overwritten =
  (isNew: (entry: ReplayEntry, known: ReplayEntry, now: number) => boolean) =>
  (now: () => number): { readonly store: ReplayStore } => {
    const entries = new Map<string, ReplayEntry>();
    const insert = (entry: ReplayEntry) => {
      const known = entries.get(entry.key);
      if (known !== undefined && !isNew(entry, known, now())) return false;
      entries.set(entry.key, entry);
      return true;
    };
    return { store: { insert } };
  };

/** Each broken store, and the tests that it fails. */
const BROKEN: readonly [string, Parameters<typeof failures>[0], readonly string[]][] = [
  [
    'asks first and adds later',
    () => {
      const keys = new Set<string>();
      const store: ReplayStore = {
        async insert({ key }) {
          const isNew = !keys.has(key);
          await new Promise(setImmediate);
          keys.add(key);
          return isNew;
        },
      };
      return { store, peer: store };
    },
    [COPIES, TWO_PROCESSES, EXPIRED, CENTURIES],
  ],
  [
    'asks first and adds later, one insertion at a time in each process',
    () => {
      const keys = new Set<string>();
      const process = (): ReplayStore => {
        let last: Promise<unknown> = Promise.resolve();
        return {
          insert({ key }) {
            const answer = last.then(async () => {
              const isNew = !keys.has(key);
              await Promise.resolve();
              keys.add(key);
              return isNew;
            });
            last = answer;
            return answer;
          },
        };
      };
      return { store: process(), peer: process() };
    },
    [TWO_PROCESSES],
  ],
  [
    'keeps its entries to one process',
    () => {
      const process = knownBy(({ key }) => key);
      return { store: process().store, peer: process().store };
    },
    [TWO_PROCESSES, OTHER_PROCESS],
  ],
  [
    'forgets too early',
    keptUntil(({ expiresAt }) => expiresAt - 2),
    [FORGOTTEN, EXPIRED, SHORTENED],
  ],
  [
    'takes a time of milliseconds for one of seconds',
    keptUntil(({ expiresAt }, now) => now + (expiresAt - now) / 1000),
    [FORGOTTEN, EXPIRED, SHORTENED],
  ],
  [
    'lets a copy set the time anew',
    (now) => {
      const entries = new Map<string, number>();
      const insert = ({ key, expiresAt }: ReplayEntry) => {
        const isNew = (entries.get(key) ?? 0) <= now();
        entries.set(key, expiresAt);
        return isNew;
      };
      return { store: { insert } };
    },
    [EXPIRED, SHORTENED],
  ],
  [
    'counts the expiry into the key',
    knownBy(({ key, expiresAt }) => key + expiresAt),
    [ONLY_KEY, SHORTENED],
  ],
  ['counts the client into the key', knownBy(({ key, clientId }) => key + clientId), [ONLY_KEY]],
  ['counts the issuer into the key', knownBy(({ key, issuer }) => key + issuer), [ONLY_KEY]],
  [
    'takes an entry that lives longer',
    overwritten((entry, known) => entry.expiresAt > known.expiresAt),
    [ONLY_KEY],
  ],
  [
    'takes an entry that lives shorter',
    overwritten((entry, known) => entry.expiresAt < known.expiresAt),
    [ONLY_KEY, SHORTENED],
  ],
  ['knows entries by their identity', knownBy((entry) => entry), [SAME, ONLY_KEY, SHORTENED]],
  ['ignores case, as some databases do', knownBy(({ key }) => key.toLowerCase()), [CASE]],
  ['has one key for all', knownBy(() => 'key'), [COPIES, TWO_PROCESSES, DIFFERENT, CASE]],
  [
    'does not keep a time with a fraction',
    keptUntil(({ expiresAt }) => (Number.isInteger(expiresAt) ? 2 ** 40 : 0)),
    [FRACTION],
  ],
  [
    'keeps nothing that lives longer than an hour',
    keptUntil(({ expiresAt }, now) => (expiresAt > now + 3600 ? 0 : 2 ** 40)),
    [DAY, CENTURIES],
  ],
  ['keeps times in 32 bits', keptUntil(({ expiresAt }) => (expiresAt % 2 ** 32) + 2), [CENTURIES]],
  ['keeps times in 34 bits', keptUntil(({ expiresAt }) => (expiresAt % 2 ** 34) + 2), [CENTURIES]],
  ['keeps nothing that has expired', keptUntil(({ expiresAt }) => expiresAt), [EXPIRED]],
  [
    'says yes to everything',
    () => ({ store: { insert: () => true } }),
    [
      SAME,
      ONLY_KEY,
      COPIES,
      TWO_PROCESSES,
      OTHER_PROCESS,
      DIFFERENT,
      FRACTION,
      DAY,
      FORGOTTEN,
      EXPIRED,
      CENTURIES,
      SHORTENED,
    ],
  ],
  [
    'says no to everything',
    () => ({ store: { insert: () => false } }),
    [
      'an absent key is inserted',
      SAME,
      COPIES,
      TWO_PROCESSES,
      OTHER_PROCESS,
      DIFFERENT,
      CASE,
      FRACTION,
      DAY,
      FORGOTTEN,
      SHORTENED,
    ],
  ],
  [
    'answers with 1 and 0',
    () => {
      const { store } = knownBy(({ key }) => key)();
      const insert = (entry: ReplayEntry) => Number(store.insert(entry)) as unknown as boolean;
      return { store: { insert } };
    },
    [
      'an absent key is inserted',
      SAME,
      ONLY_KEY,
      COPIES,
      TWO_PROCESSES,
      OTHER_PROCESS,
      DIFFERENT,
      CASE,
      FRACTION,
      DAY,
      FORGOTTEN,
      SHORTENED,
    ],
  ],
];

for (const [flaw, make, expected] of BROKEN) {
  test(`a store that ${flaw} fails the tests about it, and no other`, async () => {
    assert.deepEqual(await failures(make), expected);
  });
}

test('without a clock of its own, a store has the time of the system, and is closed after each test', async () => {
  let closed = 0;
  const tests = replayStoreConformance(async () => ({
    store: new MemoryReplayStore(),
    close: async () => {
      await new Promise(setImmediate);
      closed += 1;
    },
  }));
  const waiting = [FORGOTTEN, SHORTENED];
  const quick = tests.filter(({ name }) => !waiting.includes(name));
  for (const { run } of quick) await run();
  assert.equal(closed, quick.length);

  const [first] = replayStoreConformance(() => ({
    store: { insert: () => false },
    close: () => {
      closed = 0;
    },
  }));
  await assert.rejects(async () => first?.run(), assert.AssertionError);
  assert.equal(closed, 0);
});
