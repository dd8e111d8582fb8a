import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, isPublic, networkList } from '../../lib/net/addresses.js';

for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111']) {
  test(`${address} is a public address`, () => assert.equal(isPublic(address), true));
}

for (const text of [
  '',
  'localhost',
  '8.8.8',
  '0x08080808',
  '134744072',
  '8.8.8.8/32',
  '2606::1%1',
]) {
  test(`${JSON.stringify(text)} is not a public address`, () =>
    assert.equal(isPublic(text), false));
}

for (const [address, loopback] of [
  ['127.0.0.1', true],
  ['127.255.0.1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', false],
  ['128.0.0.1', false],
  ['localhost', false],
] as const) {
  test(`${address} is ${loopback ? 'a' : 'not a'} loopback address`, () =>
    assert.equal(isLoopback(address), loopback));
}

test('a list of networks contains only addresses of its networks, of the same family', () => {
  const { has, isEmpty } = networkList('networks', ['10.0.0.0/8', 'fd00:1::/32']);
  assert.deepEqual([isEmpty, networkList('networks').isEmpty], [false, true]);
  assert.deepEqual(
    ['10.255.0.1', '11.0.0.1', 'fd00:1::5', 'fd00:2::5', '::ffff:10.0.0.1', 'fd00:1::5%1'].map(has),
    [true, false, true, false, false, false],
  );
});
