import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoginRequiredError, MemoryTokenStore, type TokenSet } from '../../../lib/client/index.js';
import { tokensInSession, tokensInStore } from '../../../lib/client/tokens/user-tokens.js';
import { fakeClock } from '../../support/fake-clock.js';

// The two places that tokens of users are kept in: a store, and the session itself.

const set = (accessToken: string): TokenSet => ({
  accessToken,
  tokenType: 'bearer',
  expiresAt: 2,
  renewAt: 1,
});
const [OLD, NEW] = [set('old'), set('new')];
const MARK = { by: 'me', until: 3 };
const MARKED: TokenSet = { ...OLD, refreshing: MARK };

type Request = { sessionID?: string; session: Record<string, unknown> };

const newRequest = (sessionID = 'a'): Request => ({ sessionID, session: {} });

const ENDED = {
  name: 'LoginRequiredError',
  message: /^The session has ended, so no tokens can be/,
};

const PLACES = {
  store: () => tokensInStore(new MemoryTokenStore(), 'client'),
  session: () => tokensInSession('client'),
};

for (const [where, newPlace] of Object.entries(PLACES)) {
  test(`in the ${where}, a login stores tokens, which are replaced only if they are unchanged`, async () => {
    const place = newPlace();
    const request = newRequest();
    assert.equal(place.keyOf(request), 'user-token:client:a');
    assert.equal(await place.get(request), undefined);
    assert.equal(await place.current(request), undefined);
    await place.start(request, OLD, 60);
    assert.deepEqual(await place.get(request), OLD);
    assert.deepEqual(await place.current(request), OLD);
    assert.equal(await place.replace(request, NEW, OLD, 60), false);
    assert.deepEqual(await place.get(request), OLD);
    assert.equal(await place.replace(request, OLD, NEW, 60), true);
    assert.deepEqual(await place.get(request), NEW);
    await place.start(request, OLD, 60);
    assert.deepEqual(await place.get(request), OLD);
    assert.equal(await place.replace(request, OLD, undefined, 60), true);
    assert.equal(await place.get(request), undefined);
  });

  test(`in the ${where}, nothing is kept for a session that has ended`, async () => {
    const place = newPlace();
    const request = newRequest();
    await place.start(request, OLD, 60);
    assert.deepEqual(await place.end(request), OLD);
    assert.equal(await place.get(request), undefined);
    assert.equal(await place.current(request), undefined);
    assert.equal(await place.end(request), undefined);
    await assert.rejects(place.start(request, NEW, 60), ENDED);
    assert.equal(await place.replace(request, OLD, NEW, 60), false);
    assert.equal(await place.claim(request, OLD, MARKED, 60), undefined);
    assert.equal(await place.get(request), undefined);
    // Another session is not touched.
    const other = newRequest('b');
    await place.start(other, NEW, 60);
    assert.deepEqual(await place.get(other), NEW);
  });

  test(`in the ${where}, a refresh is marked before it starts, unless the tokens have changed`, async () => {
    const place = newPlace();
    const request = newRequest();
    await place.start(request, OLD, 60);
    assert.equal(await place.claim(request, NEW, MARKED, 60), undefined);
    const claimed = await place.claim(request, OLD, MARKED, 60);
    // A session cannot compare and set, so it has no mark.
    assert.deepEqual(claimed, where === 'store' ? MARKED : OLD);
    assert.deepEqual(await place.get(request), claimed);
    assert.equal(await place.replace(request, claimed as TokenSet, NEW, 60), true);
  });
}

test('a store needs the id of the session', async () => {
  const place = tokensInStore(new MemoryTokenStore(), 'client');
  assert.throws(() => place.keyOf({ session: {} }), {
    name: 'TypeError',
    message: 'The request has no sessionID: mount express-session first',
  });
});

test('a store may be synchronous or asynchronous', async () => {
  const memory = new MemoryTokenStore();
  const request = newRequest();
  const place = tokensInStore(memory, 'client');
  await place.start(request, OLD, 60);
  assert.deepEqual(place.get(request), OLD);
  await place.adopt(request, NEW);
  assert.deepEqual(place.get(request), OLD);
  const slow = tokensInStore(
    {
      get: async (key) => memory.get(key),
      replace: async (...parameters) => memory.replace(...parameters),
    },
    'client',
  );
  const promised = slow.get(request);
  assert.ok(promised instanceof Promise);
  assert.deepEqual(await promised, OLD);
  await slow.end(request);
  assert.equal(await slow.get(request), undefined);
  assert.equal(place.get(request), undefined);
});

test('if a store fails, the mark is removed, because it may have been written', async () => {
  const memory = new MemoryTokenStore();
  const request = newRequest();
  const key = 'user-token:client:a';
  const failure = new Error('the answer was lost');
  let isFailing = false;
  const place = tokensInStore(
    {
      get: (name) => memory.get(name),
      replace(...parameters) {
        const isReplaced = memory.replace(...parameters);
        if (!isFailing) return isReplaced;
        isFailing = false;
        throw failure;
      },
    },
    'client',
  );
  await place.start(request, OLD, 60);
  isFailing = true;
  await assert.rejects(place.claim(request, OLD, MARKED, 60), (error) => error === failure);
  assert.deepEqual(memory.get(key), OLD);
  const down = tokensInStore({ get: () => OLD, replace: () => Promise.reject(failure) }, 'client');
  await assert.rejects(down.claim(request, OLD, MARKED, 60), (error) => error === failure);
});

test('a store is tried twenty times while others change the entry', async () => {
  const request = newRequest();
  for (const change of ['start', 'end'] as const) {
    let times = 0;
    const busy = { get: () => OLD, replace: () => ++times > 20 };
    const place = tokensInStore(busy, 'client');
    const changed = change === 'start' ? place.start(request, NEW, 60) : place.end(request);
    await assert.rejects(changed, {
      name: 'Error',
      message: 'Other requests keep changing the tokens of this session.',
    });
    assert.equal(times, 20);
    let again = 0;
    const calm = tokensInStore({ get: () => OLD, replace: () => ++again === 20 }, 'client');
    if (change === 'start') await calm.start(request, NEW, 60);
    else assert.deepEqual(await calm.end(request), OLD);
  }
});

test('a store keeps tokens for the given time, and the mark of an ended session for an hour', async () => {
  const lifetimes: unknown[] = [];
  const memory = new MemoryTokenStore();
  const store = {
    get: (key: string) => memory.get(key),
    replace(...parameters: Parameters<MemoryTokenStore['replace']>) {
      lifetimes.push(parameters[3]);
      return memory.replace(...parameters);
    },
  };
  const place = tokensInStore(store, 'client');
  await place.start(newRequest(), OLD, 77);
  await place.replace(newRequest(), OLD, NEW, 88);
  await place.claim(newRequest(), NEW, MARKED, 99);
  await place.end(newRequest());
  assert.deepEqual(lifetimes, [77, 88, 99, 3600]);
  const [ended] = [memory.get('user-token:client:a')];
  assert.deepEqual(ended, { accessToken: '', tokenType: 'ended', expiresAt: 0, renewAt: 0 });
});

/** A request whose session was in its store when the request came, and is not any more. */
const ofDestroyed = () => ({
  ...newRequest(),
  headers: { cookie: 'sid=a' },
  sessionStore: {
    get: (_id: string, done: (error: null, found: null) => void) => done(null, null),
  },
});

test('if the session is gone, nothing is saved, and its tokens can still be revoked', async () => {
  const memory = new MemoryTokenStore();
  const place = tokensInStore(memory, 'client');
  await place.start(newRequest(), OLD, 60);
  const request = ofDestroyed();
  assert.deepEqual(await place.get(request), OLD);
  assert.equal(await place.current(request), undefined);
  assert.equal(await place.replace(request, OLD, NEW, 60), false);
  await assert.rejects(place.start(request, NEW, 60), ENDED);
  assert.deepEqual(memory.get('user-token:client:a'), OLD);
  assert.equal(await place.replace(request, OLD, undefined, 60), true);
  assert.equal(memory.get('user-token:client:a'), undefined);

  const own = tokensInSession('client');
  const gone = { ...ofDestroyed(), session: { 'tokens:client': OLD } };
  assert.deepEqual(await own.get(gone), OLD);
  assert.equal(await own.current(gone), undefined);
  assert.equal(await own.replace(gone, OLD, NEW, 60), false);
  await assert.rejects(own.start(gone, NEW, 60), ENDED);
  assert.deepEqual(await own.end(gone), OLD);
  assert.deepEqual(gone.session, {});
});

test('the session keeps the tokens of each client in a member of its own', async () => {
  const request = newRequest();
  await tokensInSession('one').start(request, OLD, 60);
  const other = tokensInSession('two');
  assert.equal(await other.get(request), undefined);
  await other.start(request, NEW, 60);
  assert.deepEqual(request.session, { 'tokens:one': OLD, 'tokens:two': NEW });
  assert.deepEqual(await other.end(request), NEW);
  assert.deepEqual(request.session, { 'tokens:one': OLD });
});

test('a session without an id is ended as an object', async () => {
  const place = tokensInSession('client');
  const request = { session: {} };
  assert.equal(place.keyOf(request), undefined);
  await place.start(request, OLD, 60);
  assert.deepEqual(await place.end(request), OLD);
  await assert.rejects(place.start(request, NEW, 60), ENDED);
  const other = { session: {} };
  await place.start(other, NEW, 60);
  assert.deepEqual(await place.get(other), NEW);
});

test('an ended session is remembered for an hour, longer than any request takes', async () => {
  const time = fakeClock();
  try {
    const place = tokensInSession('client');
    await place.end(newRequest());
    time.advance(3599);
    await assert.rejects(place.start(newRequest(), NEW, 60), LoginRequiredError);
    time.advance(1);
    await place.start(newRequest(), NEW, 60);
  } finally {
    time.restore();
  }
});

test('a request uses the tokens that another request of its session got', async () => {
  const place = tokensInSession('client');
  let saved = 0;
  const save = (done: () => void) => {
    saved += 1;
    done();
  };
  const request = { sessionID: 'a', session: { save, 'tokens:client': OLD } };
  await place.adopt(request, { ...OLD });
  assert.equal(saved, 0);
  await place.adopt(request, NEW);
  assert.equal(saved, 1);
  assert.deepEqual(request.session['tokens:client'], NEW);
});

test('a request reads the stored session again', async () => {
  const place = tokensInSession('client');
  const stored = { 'tokens:client': NEW };
  const request = {
    sessionID: 'a',
    session: { 'tokens:client': OLD },
    sessionStore: {
      get: (_id: string, done: (error: null, found: object) => void) => done(null, stored),
    },
  };
  assert.deepEqual(await place.get(request), OLD);
  assert.deepEqual(await place.current(request), NEW);
  assert.equal(await place.replace(request, OLD, set('newer'), 60), false);
  assert.deepEqual(await place.end(request), NEW);
});
