import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Configuration } from 'openid-client';
import {
  ClientTokenManager,
  MemoryTokenStore,
  type TokenSet,
  UserTokenManager,
} from '../../../lib/client/index.js';
import { fakeClock } from '../../support/fake-clock.js';

const set = (store: MemoryTokenStore, key: string, value: TokenSet) =>
  assert.equal(store.replace(key, store.get(key), value, 60), true);

const tokens = (accessToken: string): TokenSet => ({
  accessToken,
  tokenType: 'bearer',
  expiresAt: 0,
  renewAt: 0,
});

test('the memory store forgets when the lifetime is over', () => {
  const time = fakeClock();
  const store = new MemoryTokenStore();
  set(store, 'a', tokens('1'));
  time.advance(59);
  assert.deepEqual(store.get('a'), tokens('1'));
  time.advance(1);
  assert.equal(store.get('a'), undefined);
});

test('the memory store is bounded: the oldest entry is dropped first', () => {
  const store = new MemoryTokenStore();
  set(store, 'a', tokens('1'));
  set(store, 'b', tokens('2'));
  for (let each = 0; each < 9998; each += 1) set(store, String(each), tokens('x'));
  set(store, 'a', tokens('3'));
  set(store, 'c', tokens('4'));
  assert.equal(store.get('b'), undefined);
  assert.deepEqual([store.get('a'), store.get('c')], [tokens('3'), tokens('4')]);
  assert.equal(store.replace('a', tokens('3'), undefined, 60), true);
  assert.equal(store.get('a'), undefined);
});

const config = new Configuration({ issuer: 'https://as.example' }, 'client');

const wrong: readonly [string, () => unknown, RegExp][] = [
  [
    'a negative renewBefore',
    () => new ClientTokenManager({ config, renewBefore: -1 }),
    /renewBefore must be a number of seconds, at least 0/,
  ],
  [
    'a negative renewBefore for users',
    () => new UserTokenManager({ config, renewBefore: -1 }),
    /renewBefore must be a number of seconds, at least 0/,
  ],
  [
    'no time to keep tokens for',
    () => new UserTokenManager({ config, keepFor: 0 }),
    /keepFor must be a number of seconds, at least 1/,
  ],
  [
    'a day in milliseconds',
    () => new UserTokenManager({ config, keepFor: 86_400_000 }),
    /keepFor.*at most 31536000/,
  ],
  [
    'a minute in milliseconds',
    () => new ClientTokenManager({ config, renewBefore: 60_000 }),
    /renewBefore.*at most 3600/,
  ],
  [
    'a minute in milliseconds for users',
    () => new UserTokenManager({ config, renewBefore: 60_000 }),
    /renewBefore.*at most 3600/,
  ],
  [
    'a handle for all users',
    () => new UserTokenManager({ config, DPoP: {} as never }),
    /DPoP must/,
  ],
  ...[undefined, {}, { config: Promise.resolve(config) }].flatMap(
    (options): [string, () => unknown, RegExp][] => [
      [
        `a client token manager of ${inspect(options)}`,
        () => new ClientTokenManager(options as never),
        /config must be a Configuration of openid-client: await the result of discovery/,
      ],
      [
        `a user token manager of ${inspect(options)}`,
        () => new UserTokenManager(options as never),
        /config must be a Configuration of openid-client/,
      ],
    ],
  ),
];

for (const [what, make, message] of wrong) {
  test(`${what} is refused when it is configured`, () => {
    assert.throws(make, { name: 'TypeError', message });
  });
}
