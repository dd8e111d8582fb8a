import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitCalls } from '../../lib/mcp/rate-limit.js';
import type { OAuthError } from '../../lib/shared/errors.js';
import { fakeClock } from '../support/fake-clock.js';

interface Caller {
  readonly ip?: string;
  readonly socket?: { readonly remoteAddress?: string };
}

/** Calls the middleware; the answer is `passed`, or the seconds of Retry-After. */
function caller(most: number, minutes: number) {
  const limit = limitCalls(most, minutes);
  return ({ ip, socket = {} }: Caller): unknown => {
    let answer: unknown;
    let error: unknown;
    const response = { setHeader: (name: string, value: unknown) => (answer = [name, value]) };
    limit({ ip, socket } as never, response as never, (thrown) => (error = thrown));
    if (error === undefined) return 'passed';
    const { error: code, message, status } = error as OAuthError;
    return [code, message, status, answer];
  };
}

const refused = (most: number, minutes: number, seconds: number) => [
  'too_many_requests',
  `More than ${most} calls in ${minutes} minutes.`,
  429,
  ['Retry-After', seconds],
];

test('a caller has its calls in each window, and learns when the next one begins (RFC 6585 §4)', (t) => {
  const { advance, restore } = fakeClock();
  t.after(restore);
  const call = caller(2, 15);
  const stranger = { ip: '203.0.113.1' };
  assert.equal(call(stranger), 'passed');
  advance(1);
  assert.equal(call(stranger), 'passed');
  assert.deepEqual(call(stranger), refused(2, 15, 899));
  advance(898.5);
  assert.deepEqual(call(stranger), refused(2, 15, 1));
  assert.equal(call({ ip: '203.0.113.2' }), 'passed');
  advance(0.5);
  for (const expected of ['passed', 'passed', refused(2, 15, 900)]) {
    assert.deepEqual(call(stranger), expected);
  }
});

for (const [what, first, second, isSame] of [
  ['the address that Express has', { ip: '203.0.113.1' }, { ip: '203.0.113.1' }, true],
  [
    'the address that Express has, behind one proxy',
    { ip: '203.0.113.1', socket: { remoteAddress: '127.0.0.1' } },
    { ip: '203.0.113.2', socket: { remoteAddress: '127.0.0.1' } },
    false,
  ],
  [
    "the socket's address without Express",
    { socket: { remoteAddress: '203.0.113.1' } },
    { socket: { remoteAddress: '203.0.113.2' } },
    false,
  ],
  ['one network of IPv6', { ip: '2001:db8::1' }, { ip: '2001:db8::2' }, true],
  ['connections without an address', {}, {}, true],
] as const) {
  test(`calls are counted by ${what}`, () => {
    const call = caller(1, 1);
    assert.equal(call(first), 'passed');
    assert.deepEqual(call(second), isSame ? refused(1, 1, 60) : 'passed');
  });
}

test('of more than 10,000 addresses the one that called longest ago is forgotten', () => {
  const call = caller(1, 60);
  const address = (index: number) => ({ ip: `10.0.${index >> 8}.${index & 255}` });
  for (let index = 0; index < 10_000; index += 1) call(address(index));
  assert.deepEqual(call(address(0)), refused(1, 60, 3600));
  assert.deepEqual(call(address(1)), refused(1, 60, 3600));
  call(address(10_000));
  assert.equal(call(address(2)), 'passed');
  assert.deepEqual(call(address(0)), refused(1, 60, 3600));
});
