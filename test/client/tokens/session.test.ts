import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import session from 'express-session';
import {
  changeSession,
  isSession,
  leaveEndedSession,
  sessionHasEnded,
  sessionIdOf,
  storedSession,
} from '../../../lib/client/tokens/session.js';
import { listen } from '../../support/listen.js';

/** Long enough for what waits for nothing but promises. */
const turns = () => sleep(5);

/** A store that removes a session instead of writing it, as stores do whose session has expired. */
class ExpiringStore extends session.MemoryStore {
  override set(id: string, _data: session.SessionData, done?: (error?: unknown) => void) {
    this.destroy(id, done);
  }
}

test('if a store destroys a session during a write, the write ends at once', async (t) => {
  const app = express();
  const store = new ExpiringStore();
  app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }));
  app.get('/', async (request, response) => {
    await changeSession(request, (stored) => {
      stored['changed'] = true;
    });
    const ids = await new Promise((resolve) => store.all?.((_, all) => resolve(all)));
    response.json(ids);
  });
  const { url, close } = await listen(app);
  t.after(close);
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  assert.deepEqual(await response.json(), {});
});

test('a request has a session that can be ended', () => {
  const session = {};
  assert.equal(isSession({ session }), session);
  for (const missing of [undefined, null, 'session']) {
    assert.throws(() => isSession({ session: missing as never }), {
      name: 'TypeError',
      message: 'The request has no session: mount express-session first',
    });
  }
  assert.throws(() => isSession({ session: { isPopulated: true, isChanged: false } }), {
    name: 'TypeError',
    message: /^cookie-session cannot end a session, .*: use express-session$/,
  });
  for (const own of [{ isPopulated: true }, { isChanged: true }]) {
    assert.equal(isSession({ session: own }), own);
  }
});

test('the id of a session is found where express-session and @fastify/session have it', () => {
  assert.equal(sessionIdOf({ sessionID: 'a', session: { sessionId: 'b' } }), 'a');
  assert.equal(sessionIdOf({ session: { sessionId: 'b' } }), 'b');
  assert.equal(sessionIdOf({ sessionID: 7 as never, session: { sessionId: 8 } }), undefined);
  for (const session of [undefined, null, {}]) {
    assert.equal(sessionIdOf({ session } as never), undefined);
  }
});

type Get = (id: string, done: (error?: unknown, value?: unknown) => void) => unknown;

const asked = (get: Get, cookie?: string, sessionID = 's:id') =>
  storedSession({ session: {}, sessionID, sessionStore: { get }, headers: { cookie } } as never);

const FOUND = { user: 'alice' };

const STORES: readonly (readonly [string, Get, unknown])[] = [
  ['calls back', (_id, done) => done(null, FOUND), FOUND],
  ['returns a promise', async () => FOUND, FOUND],
  [
    'calls back and returns a promise of nothing',
    async (_id, done) => void setImmediate(done, null, FOUND),
    FOUND,
  ],
  ['knows nothing', (_id, done) => done(null, null), 'unknown'],
  ['returns text', (_id, done) => done(null, 'text'), 'unknown'],
];

for (const [what, get, expected] of STORES) {
  test(`the session in a store that ${what}`, async () => {
    assert.equal(await asked(get), expected);
  });
}

test('a store that fails is an error', async () => {
  const failure = new Error('down');
  const isIt = (error: unknown) => error === failure;
  await assert.rejects(
    asked((_id, done) => done(failure)),
    isIt,
  );
  await assert.rejects(
    asked(() => Promise.reject(failure)),
    isIt,
  );
});

test('the command of a store that fails, which may have tokens in it, is not in its error', async () => {
  const failure = Object.assign(new Error('down'), { code: 'EREDIS', command: { args: ['at'] } });
  for (const get of [
    ((_id, done) => done(failure)) satisfies Get,
    (() => Promise.reject(failure)) satisfies Get,
  ]) {
    await assert.rejects(asked(get), (error: Error) => {
      assert.deepEqual({ ...error }, { name: 'Error', code: 'EREDIS' });
      assert.equal(error.message, 'down');
      return true;
    });
  }
  await assert.rejects(
    asked((_id, done) => done('down')),
    (error) => error === 'down',
  );
});

test('a store is asked for the id, as its own method', async () => {
  const sessionStore = {
    sessions: { a: FOUND } as Record<string, unknown>,
    get(id: string, done: (error: unknown, value: unknown) => void) {
      done(null, this.sessions[id]);
    },
  };
  assert.equal(await storedSession({ sessionID: 'a', sessionStore } as never), FOUND);
  assert.equal(await storedSession({ sessionID: 'b', sessionStore } as never), 'unknown');
  for (const request of [
    { sessionStore },
    { sessionID: 'a' },
    { sessionID: 'a', sessionStore: {} },
  ]) {
    assert.equal(await storedSession(request as never), 'unknown');
  }
});

const none: Get = (_id, done) => done(null, undefined);

test('a session that came with the request and is gone has ended', async () => {
  assert.equal(await asked(none, 'sid=s:id.signature'), 'ended');
  assert.equal(await asked(none, 'sid=s%3Aid.signature'), 'ended');
  assert.equal(await asked(none, 'sid=another'), 'unknown');
  assert.equal(await asked(none), 'unknown');
  assert.equal(await asked((_id, done) => done(null, FOUND), 'sid=s:id'), FOUND);
  // Without a cookie there is no text that an id could be in by accident.
  assert.equal(await asked(none, undefined, 'undefined'), 'unknown');
  assert.equal(
    await storedSession({ sessionID: 'a', sessionStore: { get: none } } as never),
    'unknown',
  );
});

/** A request of a session in a store whose writes take a while. */
function slowSession(stored: unknown = {}) {
  const steps: string[] = [];
  const resume: (() => void)[] = [];
  const sessionStore = {
    get: (_id: string, done: (error: unknown, value: unknown) => void) => done(null, stored),
    destroy(id: string, done?: (error?: unknown) => void) {
      steps.push(`destroy ${id}`);
      done?.();
      return this === sessionStore;
    },
  };
  const request = (sessionID = 'a') => ({
    sessionID,
    sessionStore,
    headers: { cookie: `sid=${sessionID}` },
    session: {
      save(done: () => void) {
        steps.push(`save ${sessionID}`);
        resume.push(done);
      },
      regenerate(done: () => void) {
        steps.push(`regenerate ${sessionID}`);
        done();
      },
    },
  });
  return { steps, resume, sessionStore, request };
}

test('a change gets both sessions, and is saved at once unless it is false', async () => {
  const stored = {};
  const { steps, resume, request } = slowSession(stored);
  const one = request();
  assert.equal(await changeSession(one, () => false), false);
  assert.deepEqual(steps, []);
  const seen: unknown[] = [];
  const changed = changeSession(one, (...both) => seen.push(...both));
  await turns();
  assert.deepEqual(steps, ['save a']);
  resume[0]?.();
  assert.equal(await changed, true);
  assert.equal(seen[0], one.session);
  assert.equal(seen[1], stored);
});

test('a session without a store is changed in place, without a save', async () => {
  const session = {};
  const seen: unknown[] = [];
  assert.equal(await changeSession({ session }, (...both) => seen.push(...both)), true);
  assert.equal(seen[0], session);
  assert.equal(seen[1], session);
});

test('steps of one session wait for each other; steps of other sessions do not', async () => {
  const { steps, resume, request } = slowSession();
  const first = changeSession(request(), () => true);
  await turns();
  const second = changeSession(request(), () => true);
  const other = changeSession(request('b'), () => true);
  await turns();
  assert.deepEqual(steps, ['save a', 'save b']);
  resume[0]?.();
  assert.equal(await first, true);
  await turns();
  assert.deepEqual(steps, ['save a', 'save b', 'save a']);
  for (const done of resume.slice(1)) done();
  assert.deepEqual(await Promise.all([second, other]), [true, true]);
});

test('a step that fails does not keep the next one', async () => {
  const { steps, resume, request } = slowSession();
  const failure = new Error('no');
  const first = changeSession(request(), () => {
    throw failure;
  });
  const second = changeSession(request(), () => true);
  await assert.rejects(first, (error) => error === failure);
  await turns();
  assert.deepEqual(steps, ['save a']);
  resume[0]?.();
  assert.equal(await second, true);
});

test('a session is destroyed after what is being written, and nothing is written after it', async () => {
  const { steps, resume, sessionStore, request } = slowSession();
  const first = changeSession(request(), () => true);
  await turns();
  let isGone = false;
  const destroyed = sessionStore.destroy('a', () => {
    isGone = true;
  });
  await turns();
  assert.deepEqual([steps, isGone], [['save a'], false]);
  assert.equal(await sessionHasEnded(request()), true);
  assert.equal(await sessionHasEnded(request('b')), false);
  assert.equal(await changeSession(request('b'), () => false), false);
  resume[0]?.();
  assert.equal(await first, true);
  assert.equal(await destroyed, true);
  assert.deepEqual([steps, isGone], [['save a', 'destroy a'], true]);
  // This store still returns it, so that it is gone is not remembered for longer than it takes.
  assert.equal(await sessionHasEnded(request()), false);
});

test('the callback of destroy gets the outcome; destroy also works without a callback', async () => {
  const { steps, sessionStore, request } = slowSession();
  assert.equal(await changeSession(request(), () => false), false);
  const outcomes: unknown[] = [];
  assert.equal(
    sessionStore.destroy('a', (...all: unknown[]) => outcomes.push(all.length)),
    true,
  );
  assert.equal(sessionStore.destroy('a'), true);
  assert.deepEqual([steps, outcomes], [['destroy a', 'destroy a'], [0]]);
});

test('a request leaves a session that has ended, and no other', async () => {
  const gone = slowSession(null);
  await leaveEndedSession(gone.request());
  assert.deepEqual(gone.steps, ['regenerate a']);
  assert.equal(await changeSession(gone.request(), () => true), false);
  assert.deepEqual(gone.steps, ['regenerate a']);
  const there = slowSession();
  await leaveEndedSession(there.request());
  assert.deepEqual(there.steps, []);
  const { sessionID, sessionStore, headers } = gone.request();
  await leaveEndedSession({ sessionID, sessionStore, headers, session: {} } as never);
  assert.equal(await sessionHasEnded({ session: {} }), false);
  assert.equal(await sessionHasEnded({ session: {}, sessionID: 'a' }), false);
});

test('a session store without destroy is left unchanged', async () => {
  const sessionStore = { get: none };
  const request = { session: {}, sessionID: 'a', sessionStore };
  assert.equal(await changeSession(request as never, () => true), true);
  assert.deepEqual(Object.keys(sessionStore), ['get']);
});
