import assert from 'node:assert/strict';
import { test } from 'node:test';
import { locked, SingleFlight, tokenLock } from '../../../lib/client/tokens/lock.js';

const method = () => undefined;

test('a lock needs both methods, and may be left out', () => {
  const lock = { acquire: method, release: method };
  assert.equal(tokenLock('lock', lock), lock);
  assert.equal(tokenLock('lock', undefined), undefined);
});

for (const value of [null, 'lock', {}, { acquire: method }, { release: method }]) {
  test(`refused as a lock: ${JSON.stringify(value)} with ${Object.keys(value ?? {})}`, () => {
    assert.throws(() => tokenLock('The option lock', value), {
      name: 'TypeError',
      message: 'The option lock must have the methods acquire and release of a TokenLock',
    });
  });
}

/** A lock that writes down what is done with it. */
const noting = (steps: unknown[], release: () => unknown = () => undefined) => ({
  async acquire(key: string) {
    steps.push(`acquire ${key}`);
    return 'me';
  },
  release(key: string, owner: string) {
    steps.push(`release ${key} of ${owner}`);
    return release();
  },
});

test('work is done with the lock of its key, which is released after it', async () => {
  const steps: unknown[] = [];
  const work = async () => steps.push('work');
  assert.equal(await locked(noting(steps), 'key', work), 2);
  assert.deepEqual(steps, ['acquire key', 'work', 'release key of me']);
  assert.equal(await locked(undefined, 'key', work), 4);
});

test('the lock is released after a failure too', async () => {
  const steps: unknown[] = [];
  const failure = new Error('no');
  await assert.rejects(
    locked(noting(steps), 'key', () => Promise.reject(failure)),
    (error) => error === failure,
  );
  assert.deepEqual(steps, ['acquire key', 'release key of me']);
});

test('a lock that cannot be released expires, so the result of the work counts', async () => {
  const steps: unknown[] = [];
  const lock = noting(steps, () => Promise.reject(new Error('the store is down')));
  assert.equal(await locked(lock, 'key', async () => 'done'), 'done');
});

test('one task runs for each key, and all callers share its result', async () => {
  const flights = new SingleFlight<number>();
  let times = 0;
  const work = async () => {
    times += 1;
    return times;
  };
  const first = flights.run('a', work);
  assert.equal(flights.underWay('a'), first);
  assert.equal(flights.run('a', work), first);
  const other = flights.run('b', work);
  assert.deepEqual(await Promise.all([first, other]), [1, 2]);
  assert.equal(flights.underWay('a'), undefined);
  assert.equal(await flights.run('a', work), 3);
  await assert.rejects(flights.run('a', () => Promise.reject(new Error('no'))));
  assert.equal(await flights.run('a', work), 4);
});
