import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineError, isThenable, withDeadline } from '../../lib/shared/deadline.js';

// biome-ignore-start lint/suspicious/noThenProperty: the tests are about such objects
const THENABLE: Readonly<Record<string, unknown>> = {
  'a promise': Promise.resolve(),
  'an object with a method then': { then: () => undefined },
  'a function with a method then': Object.assign(() => undefined, { then: () => undefined }),
};

const NOT_THENABLE: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  'a text': 'then',
  'a number': 5,
  'an object': {},
  'an object whose then is no function': { then: true },
  'a function': () => undefined,
};
// biome-ignore-end lint/suspicious/noThenProperty: the tests are about such objects

for (const [what, value] of Object.entries(THENABLE)) {
  test(`the result waits for ${what}`, () => {
    assert.equal(isThenable(value), true);
  });
}

for (const [what, value] of Object.entries(NOT_THENABLE)) {
  test(`${what} is an answer at once, without a timer`, () => {
    assert.equal(isThenable(value), false);
  });
}

test('a missed deadline is an error that says what took too long and how long it had', async () => {
  const never = new Promise<never>(() => undefined);
  await assert.rejects(withDeadline(never, 0.01, 'The lookup'), (error: Error) => {
    assert.ok(error instanceof DeadlineError);
    assert.equal(error.name, 'DeadlineError');
    assert.equal(error.message, 'The lookup took longer than 0.01 s.');
    return true;
  });
});

test('an answer before the deadline is passed on', async () => {
  const later = new Promise((resolve) => setTimeout(resolve, 20, 'answer'));
  assert.equal(await withDeadline(later, 30, 'The lookup'), 'answer');
});

const timers = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

test('after an answer or an error, no timer keeps the process alive', async () => {
  const before = timers();
  assert.equal(await withDeadline(Promise.resolve('answer'), 600, 'The lookup'), 'answer');
  assert.equal(timers(), before);
  await assert.rejects(withDeadline(Promise.reject(new Error('away')), 600, 'The lookup'), {
    message: 'away',
  });
  assert.equal(timers(), before);
});

test('an answer that waited while the process was busy is still in time', async () => {
  const answer = new Promise((resolve) => setImmediate(resolve, 'answer'));
  const waiting = withDeadline(answer, 0.001, 'The lookup');
  const busyUntil = performance.now() + 20;
  while (performance.now() < busyUntil);
  assert.equal(await waiting, 'answer');
});
