import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { test } from 'node:test';
import { MemoryReplayStore, ReplayStoreFullError } from '../../../lib/index.js';
import { fakeClock } from '../../support/fake-clock.js';
import { replayEntry } from '../../support/replay-entry.js';

/** A store on a fake clock, and a way to insert what lives for so many seconds. */
function memoryStore(maxEntries?: number) {
  const time = fakeClock();
  const store = new MemoryReplayStore({ maxEntries });
  const insert = (clientId = 'client', lifetime = 60, jti?: string, issuer?: string) =>
    store.insert(replayEntry(lifetime, { clientId, jti, issuer }));
  const fill = (clientId: string, issuer?: string) => {
    for (let held = 0; ; held += 1) {
      try {
        insert(clientId, 60, undefined, issuer);
      } catch (error) {
        assert.ok(error instanceof ReplayStoreFullError);
        return { held, code: error.code, message: error.message };
      }
    }
  };
  return { ...time, store, insert, fill };
}

test('an expired entry is dropped, and its key is free again', () => {
  const { store, insert, advance } = memoryStore();
  assert.equal(insert('client', 10, 'once'), true);
  advance(9);
  assert.equal(insert('client', 10, 'once'), false);
  advance(7);
  assert.equal(store.size, 0);
  assert.equal(insert('client', 10, 'once'), true);
});

test('8,000 entries of mixed lifetimes stay until they expire, and are dropped then', () => {
  const { store, insert, advance } = memoryStore();
  const lifetimes = [20, 60, 300];
  const all = Array.from({ length: 8000 }, (_, number) => number);
  const insertAll = () =>
    all.filter((number) => insert('client', lifetimes[number % 3], `jti ${number}`));
  assert.equal(insertAll().length, all.length);
  assert.deepEqual(insertAll(), []);
  assert.equal(store.size, all.length);
  advance(24);
  assert.deepEqual(
    insertAll(),
    all.filter((number) => number % 3 === 0),
  );
  advance(304);
  assert.equal(store.size, 0);
});

test('one client may hold half of the entries, and leaves the other half to others', () => {
  const { store, insert, fill } = memoryStore(1000);
  assert.deepEqual(fill('hostile'), {
    held: 500,
    code: 'replay_client_share_full',
    message: 'The client holds 500 entries of the replay store, and 500 are free.',
  });
  assert.equal(insert('honest'), true);
  assert.equal(store.size, 501);
});

test('a client that has used up its share waits until its entries expire, and not longer', () => {
  const { store, fill, advance } = memoryStore(1000);
  assert.equal(fill('client').held, 500);
  advance(56);
  assert.equal(fill('client').held, 0);
  assert.equal(store.size, 500);
  advance(4);
  assert.equal(store.size, 0);
  assert.equal(fill('client').held, 500);
});

test('after a long pause, the entries of many clients are released in more than one call', () => {
  const { store, now, advance } = memoryStore();
  const groups = [
    { clients: 8000, lifetime: 20 },
    { clients: 8000, lifetime: 24 },
    { clients: 8000, lifetime: 28 },
    { clients: 1, lifetime: 32 },
  ];
  for (const { clients, lifetime } of groups) {
    for (let client = 0; client < clients; client += 1) {
      const key = `${lifetime}${client}`.padEnd(6, '_').repeat(2).padEnd(43, 'A');
      const clientId = `client ${client}`;
      store.insert({ key, issuer: 'https://as.example', clientId, expiresAt: now() + lifetime });
    }
  }
  assert.equal(store.size, 24_001);
  advance(100);
  assert.deepEqual([store.size, store.size], [1, 0]);
});

test('a client of one issuer does not use up the share of the same client id at another', () => {
  const { insert, fill } = memoryStore(1000);
  const other = 'https://other.example';
  assert.equal(fill('client').held, 500);
  assert.equal(insert('client', 60, 'once', other), true);
  assert.equal(insert('client', 60, 'once', other), false);
  assert.ok(fill('client', other).held >= 240);
});

test('nine hostile clients together leave a tenth of the store to a tenth client', () => {
  const { insert, fill } = memoryStore(1000);
  for (let round = 0; round < 200; round += 1) {
    for (let client = 0; client < 9; client += 1) {
      try {
        insert(`hostile ${client}`);
      } catch (error) {
        assert.ok(error instanceof ReplayStoreFullError);
      }
    }
  }
  assert.ok(fill('honest').held >= 50);
});

test('for a client that has used up its share, replays are still reported as replays', () => {
  const { insert, fill } = memoryStore(100);
  assert.equal(insert('client', 60, 'once'), true);
  fill('client');
  assert.equal(insert('client', 60, 'once'), false);
});

test('a full store refuses every client, and accepts entries again once others expire', () => {
  const { store, insert, fill, advance } = memoryStore(200);
  for (let client = 0; store.size < 200; client += 1) fill(`client ${client}`);
  assert.deepEqual(fill('new'), {
    held: 0,
    code: 'replay_store_full',
    message: 'The replay store is full: it holds maxEntries (200).',
  });
  advance(64);
  assert.equal(insert('new'), true);
  assert.equal(store.size, 1);
});

test('an expired entry is refused, because the store could not recognize it again', () => {
  const { insert } = memoryStore();
  for (const lifetime of [-10, 0]) {
    assert.throws(() => insert('client', lifetime), {
      name: 'RangeError',
      message: /clocks of the store/,
    });
  }
  assert.throws(() => insert('client', Number.NaN), { name: 'RangeError' });
});

test('if the clock goes back, only assertions whose entries may be dropped are refused', () => {
  const { store, insert, advance } = memoryStore();
  const used = replayEntry(60);
  assert.equal(store.insert(used), true);
  advance(200);
  for (let count = 0; count < 400; count += 1) insert();
  advance(-200);
  assert.throws(() => store.insert(used), { name: 'RangeError', message: /clock has gone back/ });
  assert.throws(() => insert('client', 60), { name: 'RangeError' });
  assert.equal(insert('client', 64), true);
});

test('if the clock goes back, no entry that made room for others is accepted again', () => {
  for (let round = 0; round < 30; round += 1) {
    const { store, insert, advance } = memoryStore();
    const used = Array.from({ length: 10 }, (_, number) => replayEntry(60 + 4 * number));
    assert.ok(used.every((entry) => store.insert(entry)));
    advance(200);
    for (let count = 0; count < 6; count += 1) insert();
    advance(-200);
    for (const entry of used) {
      let isNew = false;
      try {
        isNew = store.insert(entry);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
      assert.equal(isNew, false);
    }
  }
});

test('a clock that was a year ahead for a moment does not block all clients for a year', () => {
  const { insert, advance } = memoryStore();
  const YEAR = 31_536_000;
  insert('client', 60);
  advance(YEAR);
  for (let count = 0; count < 400; count += 1) insert();
  advance(-YEAR);
  assert.throws(() => insert('client', 60), { name: 'RangeError' });
  advance(4);
  assert.equal(insert('client', 60), true);
});

test('an expiry beyond the range is refused, because it would wrap to a past time', () => {
  const { insert } = memoryStore();
  for (const lifetime of [2 ** 34, 1e15, Number.POSITIVE_INFINITY]) {
    assert.throws(() => insert('client', lifetime), { name: 'RangeError', message: /too far/ });
  }
});

test('the last expiry of the range is kept', () => {
  const { store } = memoryStore();
  const last = { ...replayEntry(), expiresAt: (2 ** 32 - 1) * 4 };
  assert.deepEqual([store.insert(last), store.insert(last)], [true, false]);
  assert.throws(() => store.insert({ ...last, expiresAt: 2 ** 34 }), { name: 'RangeError' });
});

test('keys that differ in one of their first 20 characters are different', () => {
  const { store } = memoryStore();
  const base = replayEntry();
  const { key } = base;
  const others = Array.from({ length: 20 }, (_, place) => {
    const other = key[place] === 'A' ? 'B' : 'A';
    return { ...base, key: key.slice(0, place) + other + key.slice(place + 1) };
  });
  for (const entry of [base, ...others]) assert.equal(store.insert(entry), true);
  for (const entry of [base, ...others]) assert.equal(store.insert(entry), false);
});

test('a key that is not a hash is refused, because it could collide', () => {
  const { store } = memoryStore();
  const hash = 'A'.repeat(43);
  const wrong = ['=', '+', 'é', '€'].flatMap((character) =>
    Array.from({ length: 20 }, (_, place) =>
      [hash.slice(0, place), character, hash.slice(place + 1)].join(''),
    ),
  );
  for (const key of ['', 'client:jti', hash.slice(1), `${hash}A`, ...wrong]) {
    const entry = { ...replayEntry(60), key };
    assert.throws(() => store.insert(entry), { name: 'TypeError', message: /43 base64url/ });
  }
});

test('wrong options are refused', () => {
  for (const maxEntries of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => new MemoryReplayStore({ maxEntries }), {
      name: 'TypeError',
      message: 'maxEntries must be a whole number of at least 1',
    });
  }
  assert.throws(() => new MemoryReplayStore({ max: 5 } as object), {
    message: 'MemoryReplayStore has no option max: there are maxEntries',
  });
});

test('the first store in a worker of node:cluster warns of what it does not see, and says what does', async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error) => {
    if (warning.name === 'PrivateKeyJwtWarning') warnings.push(warning);
  };
  process.on('warning', note);
  t.after(() => {
    process.off('warning', note);
    Object.assign(cluster, { isWorker: false });
  });
  const make = async (isWorker: boolean) => {
    Object.assign(cluster, { isWorker });
    new MemoryReplayStore();
    await new Promise(setImmediate);
    return warnings.length;
  };
  assert.deepEqual([await make(false), await make(true), await make(true)], [0, 1, 1]);
  const { code, message } = warnings[0] as Error & { code: string };
  assert.equal(code, 'replay_memory_in_cluster');
  assert.match(message, /each worker .* accepts the same assertion once\. Use .*RedisReplayStore/);
});
