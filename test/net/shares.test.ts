import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lane, SharedMap } from '../../lib/net/shares.js';

const turnedAway = () => new Error('turned away');
const forever = () => new Promise<void>(() => undefined);
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('one share gets at most half of a lane, and leaves the other half to others', async () => {
  const lane = new Lane(100, 1);
  let running = 0;
  for (let count = 0; count < 300; count += 1) {
    lane
      .run(
        'stranger',
        () => {
          running += 1;
          return forever();
        },
        turnedAway,
      )
      .catch(() => undefined);
  }
  await settled();
  assert.equal(running, 50);
  const honest = Array.from({ length: 12 }, (_, i) =>
    lane.run(`honest ${i}`, async () => i, turnedAway),
  );
  assert.equal((await Promise.all(honest)).length, 12);
});

test('in a lane of one, shares take turns', async () => {
  const lane = new Lane(1, 60);
  const order: string[] = [];
  const task = (share: string) => lane.run(share, async () => order.push(share), turnedAway);
  await Promise.all(['a', 'a', 'a', 'b', 'c', 'b'].map(task));
  assert.deepEqual(order, ['a', 'a', 'b', 'c', 'a', 'b']);
});

test('a task whose turn does not come in time is turned away', async () => {
  const lane = new Lane(1, 0.05);
  lane.run('a', forever, turnedAway);
  await assert.rejects(lane.run('b', forever, turnedAway), /turned away/);
});

test('a full map drops what the largest share has not used for longest', () => {
  const map = new SharedMap<number>(3);
  map.set('a1', 'a', 1);
  map.set('a2', 'a', 2);
  map.set('b1', 'b', 3);
  assert.equal(map.get('a1'), 1);
  map.set('c1', 'c', 4);
  assert.deepEqual(
    ['a1', 'a2', 'b1', 'c1', 'd1'].map((key) => map.get(key)),
    [1, undefined, 3, 4, undefined],
  );
});

test('among equal shares the one that was not used for longest loses its entry', () => {
  const map = new SharedMap<number>(2);
  map.set('a1', 'a', 1);
  map.set('b1', 'b', 2);
  map.get('a1');
  map.set('c1', 'c', 3);
  assert.deepEqual(
    ['a1', 'b1', 'c1'].map((key) => map.get(key)),
    [1, undefined, 3],
  );
});

test('an entry that is set again, even under another share, stays one entry', () => {
  const map = new SharedMap<number>(2);
  map.set('x', 'a', 1);
  map.set('x', 'b', 2);
  map.set('y', 'a', 3);
  assert.deepEqual([map.get('x'), map.get('y')], [2, 3]);
  map.delete('x');
  map.delete('x');
  map.delete('unknown');
  map.set('z', 'b', 4);
  assert.deepEqual(
    ['x', 'y', 'z'].map((key) => map.get(key)),
    [undefined, 3, 4],
  );
});

test('an emptied share does not count, and its tasks go on', async () => {
  const lane = new Lane(2, 60);
  for (let count = 0; count < 5; count += 1) {
    assert.equal(await lane.run('a', async () => count, turnedAway), count);
    await assert.rejects(
      lane.run('a', () => Promise.reject(new Error('no')), turnedAway),
      /no/,
    );
  }
});

test('the places that a share gives back are free again, for it and for others', async () => {
  const lane = new Lane(4, 1);
  const ends: (() => void)[] = [];
  const started: string[] = [];
  const begin = (share: string) =>
    lane.run(
      share,
      () => {
        started.push(share);
        return new Promise<void>((resolve) => ends.push(resolve));
      },
      turnedAway,
    );
  const all = ['a', 'a', 'a', 'b', 'b'].map(begin);
  await settled();
  assert.deepEqual(started, ['a', 'a', 'b']);
  ends.shift()?.();
  await settled();
  assert.deepEqual(started, ['a', 'a', 'b', 'a']);
  ends.shift()?.();
  await settled();
  assert.deepEqual(started, ['a', 'a', 'b', 'a', 'b']);
  for (const end of ends) end();
  await Promise.all(all);
  const again = ['a', 'a', 'a'].map(begin);
  await settled();
  assert.equal(started.length, 7);
  for (const end of ends) end();
  await settled();
  for (const end of ends) end();
  await Promise.all(again);
});

/** Starts tasks that last until a test ends them, and notes whose have begun. */
function tasksOf(lane: Lane) {
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const begin = (share: string) => {
    lane.run(
      share,
      () => {
        started.push(share);
        return new Promise<void>((resolve) => ends.push(resolve));
      },
      turnedAway,
    );
  };
  return { begin, started, end: (index: number) => ends[index]?.() };
}

test('a share that gives back a place has no claim to more than half', async () => {
  const { begin, started, end } = tasksOf(new Lane(5, 60));
  for (const share of ['a', 'a', 'a', 'a', 'a']) begin(share);
  await settled();
  assert.deepEqual(started, ['a', 'a', 'a']);
  end(0);
  await settled();
  assert.deepEqual(started, ['a', 'a', 'a', 'a'], 'three of five at once');
});

test('a place that is given back can make room for two', async () => {
  const { begin, started, end } = tasksOf(new Lane(3, 60));
  for (const share of ['a', 'b', 'b', 'a']) begin(share);
  await settled();
  assert.deepEqual(started, ['a', 'b']);
  end(0);
  await settled();
  assert.deepEqual(started, ['a', 'b', 'b', 'a']);
});

/** Half of 10,000, and one more than a share gets. */
function fill(lane: Lane, share: string): { readonly accepted: () => number } {
  let away = 0;
  for (let count = 0; count < 5001; count += 1) {
    lane.run(share, forever, turnedAway).catch(() => {
      away += 1;
    });
  }
  return { accepted: () => 5001 - away };
}

test('a share has as many waiting tasks as there is room for others, until they are turned away', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lane = new Lane(1, 60);
  lane.run('x', forever, turnedAway);
  const { accepted } = fill(lane, 'a');
  await settled();
  assert.equal(accepted(), 5000);
  t.mock.timers.tick(59_999);
  await settled();
  assert.equal(accepted(), 5000);
  t.mock.timers.tick(1);
  await settled();
  assert.equal(accepted(), 0);
  const next = fill(lane, 'b');
  await settled();
  assert.equal(next.accepted(), 5000);
});

test('a task that has begun no longer waits, even after the time that it would have waited', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lane = new Lane(1, 60);
  let end = () => {};
  const running = lane.run('x', () => new Promise<void>((resolve) => (end = resolve)), turnedAway);
  const begun: string[] = [];
  const waiting = lane.run(
    'a',
    () => {
      begun.push('a');
      return forever();
    },
    turnedAway,
  );
  let failed = false;
  waiting.catch(() => {
    failed = true;
  });
  end();
  await running;
  await settled();
  assert.deepEqual(begun, ['a']);
  t.mock.timers.tick(60_000);
  await settled();
  assert.equal(failed, false);
  const { accepted } = fill(lane, 'b');
  await settled();
  assert.equal(accepted(), 5000);
});

/** Anyone can create names, so whatever remains of each would fill the memory. */
const remains = (holder: object): number =>
  Object.values(holder).reduce((sum, each) => (each instanceof Map ? sum + each.size : sum), 0);

test('nothing remains of shares whose tasks have ended', async () => {
  const lane = new Lane(3, 60);
  await Promise.all(
    ['a', 'a', 'a', 'b', 'b', 'c', 'd', 'e'].map((share) => lane.run(share, settled, turnedAway)),
  );
  assert.equal(remains(lane), 0);
});

test('nothing remains of shares that have lost their last entry', () => {
  const map = new SharedMap<number>(2);
  for (let count = 0; count < 50; count += 1) map.set(`key ${count}`, `share ${count}`, count);
  assert.equal(remains(map), 4, 'two entries and their shares');
  map.delete('key 48');
  map.delete('key 49');
  assert.equal(remains(map), 0);
});
