/**
 * Tests for replay stores: the contract of `ReplayStore`.
 * @module
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplayEntry, ReplayStore } from './store.js';

/** The store under test and its environment. */
export interface ReplayStoreUnderTest {
  /** May contain other entries: the tests choose random keys. */
  readonly store: ReplayStore;
  /** The same entries as another process sees them; for stores that processes share. */
  readonly peer?: ReplayStore | undefined;
  /** The time of the store's clock, in seconds since the epoch. Default: the system time. */
  now?(): number;
  /** Advances the store's time, in seconds. Default: waits. */
  advance?(seconds: number): void | Promise<void>;
  /** Called after each test. */
  close?(): void | Promise<void>;
}

/** One test, for any test runner. */
export interface ConformanceTest {
  readonly name: string;
  /** Rejects if the store does not behave as the test's name says. */
  run(): Promise<void>;
}

interface Bench {
  readonly store: ReplayStore;
  readonly peer: ReplayStore;
  now(): number;
  advance(seconds: number): Promise<void>;
  entry(differences?: Partial<ReplayEntry>): ReplayEntry;
}

const LIFETIME = 60;
const COPIES = 100;

const changeCase = (letter: string): string =>
  letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();

const insertAll = (stores: readonly ReplayStore[], entry: ReplayEntry): Promise<boolean[]> =>
  Promise.all(stores.map(async (store) => store.insert(entry)));

const countTrue = (answers: readonly boolean[]): number =>
  answers.filter((answer) => answer === true).length;

async function countAccepted(store: ReplayStore, entry: ReplayEntry): Promise<number> {
  const settled = await Promise.allSettled([1, 2].map(async () => store.insert(entry)));
  return countTrue(settled.map((result) => result.status === 'fulfilled' && result.value));
}

const TESTS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  'an absent key is inserted': async ({ store, entry }) => {
    equal(await store.insert(entry()), true);
  },
  'an existing key is not inserted again': async ({ store, entry }) => {
    const once = entry();
    equal(await store.insert(once), true);
    equal(await store.insert(once), false);
    equal(await store.insert({ ...once }), false);
  },
  'only the key counts: another expiry, client or issuer does not make an entry new': async (
    bench,
  ) => {
    const { store, entry } = bench;
    const once = entry();
    await store.insert(once);
    equal(await store.insert({ ...once, expiresAt: once.expiresAt + LIFETIME }), false);
    equal(await store.insert({ ...once, expiresAt: once.expiresAt - LIFETIME / 2 }), false);
    equal(await store.insert({ ...once, clientId: 'another' }), false);
    equal(await store.insert({ ...once, issuer: 'https://another.example' }), false);
  },
  'of simultaneous copies exactly one is inserted': async ({ store, entry }) => {
    for (let round = 0; round < 10; round += 1) {
      const answers = await insertAll(new Array<ReplayStore>(COPIES).fill(store), entry());
      equal(countTrue(answers), 1);
    }
  },
  'of copies that arrive at two processes at the same time exactly one is inserted': async ({
    store,
    peer,
    entry,
  }) => {
    for (let round = 0; round < 50; round += 1) {
      equal(countTrue(await insertAll([store, peer, store, peer], entry())), 1);
    }
  },
  'a key that one process has inserted is not inserted by another': async ({
    store,
    peer,
    entry,
  }) => {
    const once = entry();
    equal(await store.insert(once), true);
    equal(await peer.insert(once), false);
  },
  'different keys do not affect each other': async ({ store, entry }) => {
    const entries = Array.from({ length: 1000 }, () => entry());
    const insertions = () => Promise.all(entries.map(async (each) => store.insert(each)));
    deepEqual(new Set(await insertions()), new Set([true]));
    deepEqual(new Set(await insertions()), new Set([false]));
  },
  'keys that differ in the case of one letter are different': async ({ store, entry }) => {
    const once = entry();
    const other = once.key.replace(/[a-z]/i, changeCase);
    equal(await store.insert(once), true);
    equal(await store.insert({ ...once, key: other }), true);
  },
  'an entry whose time has a fraction of a second is inserted once': async ({
    store,
    now,
    entry,
  }) => {
    const once = entry({ expiresAt: Math.floor(now()) + LIFETIME + 0.0625 });
    equal(await store.insert(once), true);
    equal(await store.insert(once), false);
  },
  'an entry that lives for a day is inserted once': async ({ store, now, entry }) => {
    const once = entry({ expiresAt: now() + 86_400 });
    equal(await store.insert(once), true);
    equal(await store.insert(once), false);
  },
  'an entry is not forgotten before it expires': async ({ store, now, advance, entry }) => {
    const once = entry({ expiresAt: now() + 3 });
    equal(await store.insert(once), true);
    await advance(2);
    equal(await store.insert(once), false);
  },
  'an expired entry is not inserted twice': async ({ store, now, entry }) => {
    const late = entry({ expiresAt: now() - 1 });
    const accepted = await countAccepted(store, late);
    ok(accepted < 2, 'it was inserted twice');
  },
  'an entry that expires in centuries is not inserted twice': async ({ store, entry }) => {
    for (const expiresAt of [2 ** 32 + LIFETIME, 2 ** 34 + LIFETIME]) {
      const distant = entry({ expiresAt });
      const accepted = await countAccepted(store, distant);
      ok(accepted < 2, 'it was inserted twice');
    }
  },
  'a refused copy does not shorten the life of an entry': async (bench) => {
    const { store, now, advance, entry } = bench;
    const once = entry({ expiresAt: now() + 4 });
    equal(await store.insert(once), true);
    equal(await store.insert({ ...once, expiresAt: now() + 1 }), false);
    await advance(3);
    equal(await store.insert(once), false);
  },
};

/**
 * The tests of a store, for any test runner.
 * @param create called for each test; without a `peer`, tests about several processes use one store
 * @example
 * ```ts
 * import { test } from 'node:test';
 * const tests = replayStoreConformance(() => ({ store: new PostgresReplayStore(pool) }));
 * for (const { name, run } of tests) test(name, run);
 * ```
 */
export function replayStoreConformance(
  create: () => ReplayStoreUnderTest | Promise<ReplayStoreUnderTest>,
): readonly ConformanceTest[] {
  return Object.entries(TESTS).map(([name, check]) => ({
    name,
    async run() {
      const subject = await create();
      const now = () => subject.now?.() ?? Date.now() / 1000;
      try {
        await check({
          store: subject.store,
          peer: subject.peer ?? subject.store,
          now,
          advance: async (seconds) =>
            subject.advance ? subject.advance(seconds) : sleep(seconds * 1000),
          entry: (differences) => ({
            key: randomBytes(32).toString('base64url'),
            issuer: 'https://as.example',
            clientId: 'client',
            expiresAt: now() + LIFETIME,
            ...differences,
          }),
        });
      } finally {
        await subject.close?.();
      }
    },
  }));
}
