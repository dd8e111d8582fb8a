import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { SessionData } from 'express-session';
import { SessionStore } from '../../demo/shared/session-store.js';

const sessionOf = (note: string) => ({ note }) as unknown as SessionData;

const set = (store: SessionStore, id: string, session: SessionData): boolean => {
  let refused: unknown;
  store.set(id, session, (error) => {
    refused = error;
  });
  return refused === undefined || refused === null;
};

/** Sets large sessions under new ids until the store takes no more. */
function fill(store: SessionStore): number {
  const large = sessionOf('x'.repeat(100_000));
  for (let count = 0; ; count += 1) if (!set(store, `large ${count}`, large)) return count;
}

function noteOf(store: SessionStore, id: string): unknown {
  let found: unknown;
  store.get(id, (_error, session) => {
    found = (session as unknown as { note: unknown } | null)?.note;
  });
  return found;
}

test('sessions take no more memory than is set aside, however large they are', () => {
  const store = new SessionStore(() => true);
  const count = fill(store);
  assert.ok(count > 100 && count < 1000, `${count} sessions of 100 kB`);
  assert.equal(set(store, 'small', sessionOf('small')), true, 'there may be room for a small one');
  assert.equal(noteOf(store, 'large 0'), 'x'.repeat(100_000));
});

test('a session that is destroyed or shrinks frees memory', () => {
  const store = new SessionStore(() => true);
  const count = fill(store);
  store.destroy('large 0');
  assert.equal(fill(store), count, 'the first of the same ids are set again');
  assert.equal(set(store, 'large 1', sessionOf('small')), true);
  assert.equal(set(store, 'another', sessionOf('x'.repeat(90_000))), true);
});

test('a session that cannot grow stays unchanged', () => {
  const store = new SessionStore(() => true);
  assert.equal(set(store, 'session', sessionOf('as it was')), true);
  fill(store);
  assert.equal(set(store, 'session', sessionOf('x'.repeat(200_000))), false);
  assert.equal(noteOf(store, 'session'), 'as it was');
});

test('an expired session frees memory', (t: TestContext) => {
  const store = new SessionStore(() => true);
  const count = fill(store);
  const later = Date.now() + 3_601_000;
  t.mock.method(Date, 'now', () => later);
  assert.equal(noteOf(store, 'large 0'), undefined);
  assert.equal(fill(store), count);
});

const openSession = (address: string, note: string) =>
  ({ note, address }) as unknown as SessionData;

const withLogins = () => new SessionStore((session) => 'login' in session);

test('sessions without a login have a small budget of their own, and the oldest is dropped first', () => {
  const store = withLogins();
  for (let count = 0; count < 10_000; count += 1) {
    const session = openSession(`2001:db8::${count}`, 'x'.repeat(4000));
    assert.equal(set(store, `open ${count}`, session), true, `${count}`);
  }
  assert.equal(noteOf(store, 'open 0'), undefined);
  assert.ok(noteOf(store, 'open 9999'));
  const user = { login: { sub: 'alice', at: 1 }, note: 'mine' } as unknown as SessionData;
  assert.equal(set(store, 'user', user), true);
  for (let count = 0; count < 10_000; count += 1) {
    set(store, `open again ${count}`, openSession(`address ${count}`, 'x'.repeat(4000)));
  }
  assert.equal(noteOf(store, 'user'), 'mine');
});

test('an address that opens many sessions loses only its own sessions', () => {
  const store = withLogins();
  set(store, 'honest', openSession('192.0.2.1', 'honest'));
  for (let count = 0; count < 8640; count += 1) {
    set(store, `stranger ${count}`, openSession('192.0.2.2', 'x'.repeat(4000)));
  }
  assert.equal(noteOf(store, 'honest'), 'honest');
  assert.equal(noteOf(store, 'stranger 0'), undefined);
  assert.ok(noteOf(store, 'stranger 8639'));
});
