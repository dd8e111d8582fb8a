import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lane } from '../../lib/net/shares.js';

const turnedAway = () => new Error('turned away');
const forever = () => new Promise<void>(() => undefined);
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('one share gets at most half of a lane, and leaves the other half to others', async () => {
  const lane = new Lane(100, 60);
  let running = 0;
  for (let count = 0; count < 300; count += 1) {
    lane.run(
      'stranger',
      () => {
        running += 1;
        return forever();
      },
      turnedAway,
    );
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
