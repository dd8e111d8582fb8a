import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, isPublic, networkList, networkOf } from '../../lib/net/addresses.js';

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

test('an address that IPv6 reserves is not public (RFC 6890)', () => {
  for (const address of [
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '2002:808:808::',
    'fe80::1',
    '4000::1',
  ]) {
    assert.equal(isPublic(address), false, address);
  }
});

test('a customer has one IPv4 address, or 64 bits of IPv6', () => {
  assert.equal(networkOf('192.0.2.7'), '192.0.2.7');
  assert.equal(networkOf('2001:db8:0:1:2:3:4:5'), '2001:db8:0:1');
  assert.equal(networkOf('2001:db8::5'), '2001:db8:0:0');
  assert.equal(networkOf('::ffff:192.0.2.7'), '192.0.2.7', 'as a server on IPv6 sees it');
  assert.equal(networkOf('a.example'), 'a.example');
});

test('localhost in a list of networks is this machine', () => {
  const both = networkList('networks', ['localhost', '10.0.0.0/8']);
  assert.deepEqual([both.hasLocalhost, both.isEmpty, both.has('10.0.0.1')], [true, false, true]);
  assert.equal(networkList('networks', ['10.0.0.0/8']).hasLocalhost, false);
  assert.equal(networkList('networks', []).hasLocalhost, false);
});

test('a list of networks has nothing else', () => {
  for (const wrong of ['10.0.0.0/8', {}, null]) {
    assert.throws(() => networkList('networks', wrong), {
      name: 'TypeError',
      message: 'networks must be an array of networks',
    });
  }
  for (const wrong of ['10.0.0.1', '10.0.0.0/33', 'a.example', 7, null]) {
    assert.throws(() => networkList('networks', ['10.0.0.0/8', wrong]), {
      name: 'TypeError',
      message: `networks has ${JSON.stringify(wrong)}: write a network in CIDR notation, such as 10.0.0.0/8, or localhost`,
    });
  }
});
