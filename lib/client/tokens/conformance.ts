/**
 * Tests for token stores and locks: the contracts of `TokenStore` and `TokenLock`.
 * @module
 */
import { deepEqual, equal } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenLock } from './lock.js';
import type { TokenSet, TokenStore } from './token-store.js';

type Test = readonly [name: string, run: () => Promise<void>];

const asTests = (tests: readonly Test[]): { readonly name: string; run(): Promise<void> }[] =>
  tests.map(([name, run]) => ({ name, run }));

const countTrue = (answers: readonly boolean[]): number => answers.filter(Boolean).length;

const tokens = (accessToken: string): TokenSet => ({
  accessToken,
  tokenType: 'bearer',
  expiresAt: 2_000_000_000.5,
  renewAt: 1_999_999_940.25,
  refreshToken: 'the "refresh" token \u00e9',
  refreshing: { by: 'a process', until: 1 },
});

/**
 * Tests of a token store.
 * @param make creates the store, and the same store as seen by another process
 * @returns tests for any test runner. `run` rejects if the store does not behave as the test's name
 *   says. All tests together take three seconds
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { MemoryTokenStore } from 'passport-private-key-jwt/client';
 * const store = new MemoryTokenStore();
 * for (const { name, run } of tokenStoreConformance(() => ({ store, peer: store }))) test(name, run);
 * ```
 */
export function tokenStoreConformance(
  make: () => { readonly store: TokenStore; readonly peer: TokenStore },
): { readonly name: string; run(): Promise<void> }[] {
  const bench = () => ({ ...make(), key: `user-token:${randomUUID()}` });
  return asTests([
    [
      'every process gets an entry back as it was stored',
      async () => {
        const { store, peer, key } = bench();
        equal((await store.get(key)) ?? undefined, undefined);
        equal(await store.replace(key, undefined, tokens('1'), 60), true);
        deepEqual(await store.get(key), tokens('1'));
        deepEqual(await peer.get(key), tokens('1'));
      },
    ],
    [
      'an entry is replaced only if it is the expected entry',
      async () => {
        const { store, peer, key } = bench();
        equal(await store.replace(key, tokens('1'), tokens('2'), 60), false, 'there is none');
        equal((await store.get(key)) ?? undefined, undefined);
        await store.replace(key, undefined, tokens('1'), 60);
        equal(await peer.replace(key, undefined, tokens('2'), 60), false, 'there is one');
        equal(await peer.replace(key, tokens('2'), tokens('3'), 60), false, 'it is another');
        deepEqual(await store.get(key), tokens('1'));
        equal(await peer.replace(key, tokens('1'), tokens('2'), 60), true);
        deepEqual(await store.get(key), tokens('2'));
      },
    ],
    [
      'replace accepts what get returned as the expected entry',
      async () => {
        const { store, peer, key } = bench();
        await store.replace(key, undefined, tokens('1'), 60);
        const entry = (await peer.get(key)) ?? undefined;
        equal(await store.replace(key, entry, tokens('2'), 60), true);
      },
    ],
    [
      'an entry is deleted only if it is the expected entry',
      async () => {
        const { store, peer, key } = bench();
        await store.replace(key, undefined, tokens('1'), 60);
        equal(await peer.replace(key, tokens('2'), undefined, 60), false);
        deepEqual(await store.get(key), tokens('1'));
        equal(await peer.replace(key, tokens('1'), undefined, 60), true);
        equal((await store.get(key)) ?? undefined, undefined);
      },
    ],
    [
      'of many simultaneous replacements of one entry, exactly one succeeds',
      async () => {
        const { store, peer, key } = bench();
        await store.replace(key, undefined, tokens('0'), 60);
        const answers = await Promise.all(
          Array.from({ length: 50 }, async (_none, each) =>
            (each % 2 === 0 ? store : peer).replace(key, tokens('0'), tokens(`${each + 1}`), 60),
          ),
        );
        equal(countTrue(answers), 1);
        deepEqual(await store.get(key), tokens(`${answers.indexOf(true) + 1}`));
      },
    ],
    [
      'of many simultaneous first entries, exactly one is stored',
      async () => {
        const { store, peer, key } = bench();
        const answers = await Promise.all(
          Array.from({ length: 50 }, async (_none, each) =>
            (each % 2 === 0 ? store : peer).replace(key, undefined, tokens(`${each}`), 60),
          ),
        );
        equal(countTrue(answers), 1);
      },
    ],
    [
      'an entry stays for its lifetime, and then expires',
      async () => {
        const { store, key } = bench();
        await store.replace(key, undefined, tokens('1'), 2);
        await sleep(1000);
        deepEqual(await store.get(key), tokens('1'));
        await sleep(1500);
        equal((await store.get(key)) ?? undefined, undefined);
        equal(await store.replace(key, undefined, tokens('2'), 60), true);
      },
    ],
  ]);
}

/**
 * Tests of a lock.
 * @param make creates the lock, and the same lock as seen by another process
 * @returns tests for any test runner, like the tests of `tokenStoreConformance`
 */
export function lockConformance(
  make: () => { readonly lock: TokenLock; readonly peer: TokenLock },
): { readonly name: string; run(): Promise<void> }[] {
  const bench = () => ({ ...make(), key: randomUUID() });
  return asTests([
    [
      'a lock has one owner at a time, across all processes',
      async () => {
        const { lock, peer, key } = bench();
        let [inside, most, times] = [0, 0, 0];
        const enter = async (each: TokenLock) => {
          const owner = await each.acquire(key);
          inside += 1;
          most = Math.max(most, inside);
          times += 1;
          await sleep(2);
          inside -= 1;
          await each.release(key, owner);
        };
        await Promise.all(
          Array.from({ length: 20 }, (_none, each) => enter(each % 2 === 0 ? lock : peer)),
        );
        deepEqual({ most, times }, { most: 1, times: 20 });
      },
    ],
    [
      'locks of different keys do not wait for each other',
      async () => {
        const { lock, peer, key } = bench();
        const owner = await lock.acquire(key);
        const other = await peer.acquire(`${key} other`);
        await Promise.all([lock.release(key, owner), peer.release(`${key} other`, other)]);
      },
    ],
    [
      'only its owner can release a lock',
      async () => {
        const { lock, peer, key } = bench();
        const owner = await lock.acquire(key);
        await peer.release(key, 'somebody else');
        let isFree = false;
        const next = peer.acquire(key).then((name) => {
          isFree = true;
          return name;
        });
        await sleep(200);
        equal(isFree, false);
        await lock.release(key, owner);
        await peer.release(key, await next);
      },
    ],
    [
      'releasing a lock twice does not take it from its next owner',
      async () => {
        const { lock, peer, key } = bench();
        const first = await lock.acquire(key);
        await lock.release(key, first);
        const second = await peer.acquire(key);
        await lock.release(key, first);
        let isFree = false;
        const third = lock.acquire(key).then((name) => {
          isFree = true;
          return name;
        });
        await sleep(200);
        equal(isFree, false);
        await peer.release(key, second);
        await lock.release(key, await third);
      },
    ],
  ]);
}
