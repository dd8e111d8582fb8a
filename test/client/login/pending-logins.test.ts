import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  hasSessionCookie,
  LoginStateError,
  PendingLogins,
} from '../../../lib/client/login/pending-logins.js';
import { fakeClock } from '../../support/fake-clock.js';

// The logins that a session waits for. Times are those of this process.

type Request = Parameters<PendingLogins['add']>[0] & { readonly session: Record<string, unknown> };

const MEMBER = 'openid-connect';

const newRequest = (session: Record<string, unknown> = {}, headers: object = { cookie: 'a' }) =>
  ({ session, headers }) as unknown as Request;

const login = (state: string) => ({
  state,
  codeVerifier: 'verifier',
  redirectUri: 'https://client.example/cb',
  startedAt: Date.now(),
});

const waitingIn = ({ session }: Request) =>
  ((session[MEMBER] ?? []) as { state: string }[]).map(({ state }) => state);

const NOT_WAITING = { name: 'LoginStateError', code: 'login_not_waiting' };

test('a login waits until its response comes, once', async () => {
  const pending = new PendingLogins(60, 'me');
  const request = newRequest();
  const one = login('1');
  await pending.add(request, one);
  await pending.add(request, login('2'));
  assert.deepEqual(waitingIn(request), ['1', '2']);
  await pending.add(request, login('3'));
  assert.equal((await pending.take(request, '3')).state, '3');
  assert.deepEqual(await pending.take(request, '1'), { ...one, owner: 'me' });
  assert.deepEqual(waitingIn(request), ['2']);
  await assert.rejects(pending.take(request, '1'), NOT_WAITING);
  await pending.take(request, '2');
  assert.deepEqual(request.session, {});
});

test('a response without a state, or with an unknown state, is refused', async () => {
  const pending = new PendingLogins(60, 'me');
  const request = newRequest();
  await pending.add(request, login('1'));
  for (const state of ['2', '', null])
    await assert.rejects(pending.take(request, state), NOT_WAITING);
  assert.deepEqual(waitingIn(request), ['1']);
});

test('only the strategy that began a login finishes it', async () => {
  const request = newRequest();
  await new PendingLogins(60, 'one').add(request, login('1'));
  await assert.rejects(new PendingLogins(60, 'two').take(request, '1'), NOT_WAITING);
  assert.deepEqual(waitingIn(request), ['1']);
});

test('a pending login expires after its lifetime, and only the newest ten are kept', async () => {
  const time = fakeClock();
  try {
    const pending = new PendingLogins(60, 'me');
    const request = newRequest();
    await pending.add(request, login('old'));
    time.advance(59.999);
    await pending.add(request, login('0'));
    assert.deepEqual(waitingIn(request), ['old', '0']);
    time.advance(0.001);
    await assert.rejects(pending.take(request, 'old'), NOT_WAITING);
    for (let each = 1; each < 11; each += 1) await pending.add(request, login(String(each)));
    assert.deepEqual(waitingIn(request), ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
  } finally {
    time.restore();
  }
});

test('a session member that is no list of logins is ignored', async () => {
  const pending = new PendingLogins(60, 'me');
  const request = newRequest({ [MEMBER]: 'text' });
  await pending.add(request, login('1'));
  assert.deepEqual(waitingIn(request), ['1']);
});

/** A session in a store: what the request has read, and what is stored now. */
function stored(now: () => unknown, session: Record<string, unknown> = {}) {
  const steps: string[] = [];
  const request = {
    sessionID: 'a',
    headers: { cookie: 'sid=a' },
    session: {
      ...session,
      regenerate(done: () => void) {
        steps.push('regenerate');
        done();
      },
    },
    sessionStore: {
      get: (_id: string, done: (error: null, found: unknown) => void) => done(null, now()),
    },
  };
  return { steps, request: request as unknown as Request };
}

test('a login that starts while another one waits keeps the other one', async () => {
  const pending = new PendingLogins(60, 'me');
  const other = { ...login('other'), owner: 'me' };
  const { request } = stored(() => ({ [MEMBER]: [other] }));
  await pending.add(request, login('1'));
  assert.deepEqual(waitingIn(request), ['other', '1']);
});

test('if its session has ended, a login starts in a new session or fails', async () => {
  const pending = new PendingLogins(60, 'me');
  const answers = [null, null, {}];
  const { request, steps } = stored(() => answers.shift());
  await pending.add(request, login('1'));
  assert.deepEqual(steps, ['regenerate']);
  assert.deepEqual(waitingIn(request), ['1']);
  await assert.rejects(pending.add(stored(() => null).request, login('1')), NOT_WAITING);
});

test('if the same response arrives in two requests, only one of them is a login', async () => {
  const pending = new PendingLogins(60, 'me');
  const waiting = { [MEMBER]: [{ ...login('1'), owner: 'me' }] };
  const taken = stored(() => ({ [MEMBER]: [{ ...login('2'), owner: 'me' }] }), waiting);
  await assert.rejects(pending.take(taken.request, '1', 'access_denied'), {
    ...NOT_WAITING,
    message: /The response says access_denied, which anyone could have sent\.$/,
  });
  const both = { [MEMBER]: [...waiting[MEMBER], { ...login('2'), owner: 'me' }] };
  const kept = stored(() => both, waiting);
  await pending.take(kept.request, '1');
  assert.deepEqual(waitingIn(kept.request), ['2']);
});

test('a session that Passport keeps must be renewable (session fixation)', () => {
  const pending = new PendingLogins(60, 'me');
  assert.doesNotThrow(() => pending.requireRenewal(newRequest({ regenerate() {} })));
  assert.throws(() => pending.requireRenewal(newRequest()), {
    name: 'ConfigurationError',
    message:
      /^Passport renews the session at login, but this session cannot be renewed: use express/,
  });
});

test('all logins are forgotten, and the session is saved if it stays', async () => {
  const pending = new PendingLogins(60, 'me');
  for (const isKept of [true, false]) {
    let saved = 0;
    const save = (done: () => void) => {
      saved += 1;
      done();
    };
    const request = newRequest({ save, [MEMBER]: [] });
    await pending.forget(request, isKept);
    assert.ok(!(MEMBER in request.session));
    assert.equal(saved, isKept ? 1 : 0);
  }
});

test('the error tells the developer what the response said', () => {
  const members = { ...new LoginStateError() };
  assert.deepEqual(members, {
    name: 'LoginStateError',
    code: 'login_not_waiting',
    help: 'passport-private-key-jwt/docs/troubleshooting.md#login_not_waiting',
    status: 400,
    statusCode: 400,
    expose: false,
  });
  const plain = new LoginStateError().message;
  assert.match(plain, /^No login is waiting for this response: .* behind a proxy\.$/);
  assert.equal(
    new LoginStateError('no').message,
    `${plain} The response says no, which anyone could have sent.`,
  );
});

const COOKIES: readonly (readonly [what: string, request: object, isThere: boolean])[] = [
  ['no cookie', { sessionID: 'a:b', headers: {} }, false],
  ['its id in the cookie', { sessionID: 'a:b', headers: { cookie: 'sid=a:b.x' } }, true],
  ['its encoded id in the cookie', { sessionID: 'a:b', headers: { cookie: 'sid=a%3Ab.x' } }, true],
  ['another cookie', { sessionID: 'a:b', headers: { cookie: 'sid=other' } }, false],
  ['a cookie, and no id', { session: {}, headers: { cookie: 'sid=other' } }, true],
  ['another cookie than its id', { session: { id: 'a' }, headers: { cookie: 'x=y' } }, false],
  [
    'the cookie of a session that is new',
    { session: { id: 'a', isNew: true }, headers: { cookie: 'x=a' } },
    false,
  ],
  [
    'the id of @fastify/session',
    { session: { sessionId: 'a' }, headers: { cookie: 'x=b' } },
    false,
  ],
  ['its id in the session', { session: { id: 'a' }, headers: { cookie: 'x=a' } }, true],
];

for (const [what, request, isThere] of COOKIES) {
  test(`a request with ${what} has ${isThere ? 'a' : 'no'} session cookie`, () => {
    const session = {};
    assert.equal(hasSessionCookie({ session, ...request } as Request), isThere);
  });
}
