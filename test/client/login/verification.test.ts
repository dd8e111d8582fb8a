import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Verify } from '../../../lib/client/index.js';
import { newBrowser } from '../../support/browser.js';
import { type RelyingParty, relyingParty } from '../../support/relying-party.js';

type Verified = Parameters<Verify>[1];

async function setUp(t: TestContext, verify: Verify): Promise<RelyingParty> {
  const party = await relyingParty({ verify });
  t.after(() => party.close());
  return party;
}

/** What a login ends with. */
async function logIn(party: RelyingParty): Promise<object> {
  const { status, body } = await newBrowser().open(`${party.url}/login`);
  return { status, ...JSON.parse(body) };
}

/** What verify does, and what comes of it. */
const VERIFICATIONS: readonly (readonly [string, Verify, object])[] = [
  [
    'refuses the user',
    (_tokens, verified) => verified(null, false, { message: 'unknown user' }),
    { status: 200, messages: ['unknown user'] },
  ],
  [
    'passes an error on',
    (_tokens, verified) => verified(new Error('no database')),
    { status: 500, name: 'Error', message: 'no database' },
  ],
  [
    'throws',
    () => {
      throw new Error('no database');
    },
    { status: 500, name: 'Error', message: 'no database' },
  ],
  [
    'rejects',
    async () => {
      throw new Error('no database');
    },
    { status: 500, name: 'Error', message: 'no database' },
  ],
];

for (const [what, verification, expected] of VERIFICATIONS) {
  test(`a verify function that ${what} decides the login`, async (t) => {
    const party = await relyingParty({ verify: verification });
    t.after(() => party.close());
    assert.deepEqual(await logIn(party), expected);
  });
}

const USER = { sub: 'alice' };
const LOGGED_IN = { status: 200, user: USER };
const MORE_THAN_ONCE = 'verify called verified more than once: the login was already over.';

/** What verify does although the login is decided, what the decision was, and the warning. */
const AFTERWARDS: readonly (readonly [string, Verify, object, string])[] = [
  [
    'calls verified twice',
    (_tokens, verified) => {
      verified(null, USER);
      verified(null, { sub: 'mallory' });
    },
    LOGGED_IN,
    MORE_THAN_ONCE,
  ],
  [
    'calls verified with an error, and then with a user',
    (_tokens, verified) => {
      verified(new Error('no database'));
      verified(null, USER);
    },
    { status: 500, name: 'Error', message: 'no database' },
    MORE_THAN_ONCE,
  ],
  [
    'throws after it has called verified',
    (_tokens, verified) => {
      verified(null, USER);
      throw new Error('no log');
    },
    LOGGED_IN,
    'verify failed after it had called verified (Error: no log): the login was already over.',
  ],
  [
    'rejects after it has called verified',
    async (_tokens, verified) => {
      verified(null, USER);
      await setImmediate();
      throw new Error('no log');
    },
    LOGGED_IN,
    'verify failed after it had called verified (Error: no log): the login was already over.',
  ],
];

for (const [what, verify, expected, message] of AFTERWARDS) {
  test(`a verify function that ${what} decides once, and causes a warning`, async (t) => {
    const party = await setUp(t, verify);
    const warned = once(process, 'warning');
    assert.deepEqual(await logIn(party), expected);
    const [warning] = await warned;
    assert.equal(warning.message, message);
  });
}

/** Some libraries replace the global Promise; those of async functions are no instances of it. */
function replacePromise(t: TestContext): void {
  const { Promise: before } = globalThis;
  globalThis.Promise = class<T> extends before<T> {};
  t.after(() => {
    globalThis.Promise = before;
  });
}

for (const [where, prepare] of [
  ['', () => {}],
  [', even if the global Promise is replaced', replacePromise],
] as const) {
  test(`a verify function that returns the user gets an error that says to call verified${where}`, async (t) => {
    const returning = async (_tokens: object, _verified: Verified) => USER;
    const party = await setUp(t, returning as unknown as Verify);
    prepare(t);
    assert.deepEqual(await logIn(party), {
      status: 500,
      name: 'ConfigurationError',
      message: 'verify returned a value: call verified(null, user) with it instead.',
    });
  });
}

test('a verify function may call verified after it has returned', async (t) => {
  const party = await setUp(t, async (_tokens, verified) => {
    setImmediate().then(() => verified(null, USER));
  });
  assert.deepEqual(await logIn(party), LOGGED_IN);
  const returning = (_tokens: object, verified: Verified) =>
    globalThis.setImmediate(() => verified(null, USER));
  const other = await setUp(t, returning as unknown as Verify);
  assert.deepEqual(await logIn(other), LOGGED_IN);
});

for (const nothing of [undefined, null, '', 0]) {
  test(`a verify function that throws ${JSON.stringify(nothing)} fails the login`, async (t) => {
    const party = await setUp(t, () => {
      throw nothing;
    });
    assert.deepEqual(await logIn(party), {
      status: 500,
      name: 'Error',
      message: 'verify failed without an error.',
    });
  });
}
