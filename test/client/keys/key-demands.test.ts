import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkDemands,
  demandedHeader,
  KEY_DEMANDS,
  type KeyDemands,
  keyDemands,
} from '../../../lib/client/keys/key-demands.js';

const KEY_HEADER = 'kid, x5t, x5t#S256, x5c';

test('the demands of a server are lists of known names', () => {
  const { algorithms, keyHeader } = KEY_DEMANDS;
  assert.equal(algorithms('algorithms', undefined), undefined);
  assert.equal(keyHeader('keyHeader', undefined), undefined);
  assert.deepEqual(algorithms('algorithms', ['ES256', 'PS256']), ['ES256', 'PS256']);
  assert.deepEqual(keyHeader('keyHeader', KEY_HEADER.split(', ')), KEY_HEADER.split(', '));
  assert.deepEqual(keyHeader('keyHeader', []), []);
  for (const wrong of [['kid', 'jku'], ['jku'], 'kid', {}, null]) {
    assert.throws(() => keyHeader('keyHeader', wrong), {
      name: 'TypeError',
      message: `keyHeader must be a list of ${KEY_HEADER}`,
    });
  }
  for (const wrong of [['ES256', 'none'], ['es256'], 'ES256']) {
    assert.throws(() => algorithms('algorithms', wrong), {
      name: 'TypeError',
      message: /^algorithms must be a list of .*RS256, .*ES256/,
    });
  }
  assert.throws(() => algorithms('algorithms', []), {
    name: 'TypeError',
    message: 'algorithms is empty: no key could be used',
  });
});

test('the demands are separated from other options', () => {
  const demands: KeyDemands = { algorithms: ['ES256'], keyHeader: ['kid'] };
  assert.deepEqual(keyDemands({ ...demands, more: 1 } as KeyDemands), demands);
});

const REFUSED: readonly (readonly [KeyDemands, object, string])[] = [
  [
    { algorithms: ['PS256', 'ES384'] },
    { kid: 'a' },
    'its alg is ES256, but the server accepts PS256 or ES384',
  ],
  [{ keyHeader: ['kid'] }, { x5t: 'a' }, 'the server identifies keys by kid: set kid'],
  [
    { keyHeader: ['x5t', 'kid'] },
    { 'x5t#S256': 'a' },
    'the server identifies keys by x5t or kid: set kid',
  ],
  [
    { keyHeader: ['x5t', 'x5c'] },
    { kid: 'a' },
    'the server identifies keys by x5t or x5c: give its certificate',
  ],
  [{ keyHeader: ['x5c'] }, { 'x5t#S256': 'a' }, 'the server identifies keys by x5c: set x5c: true'],
];

for (const [demands, header, message] of REFUSED) {
  test(`a key with ${JSON.stringify(header)} does not meet ${JSON.stringify(demands)}`, () => {
    assert.throws(() => checkDemands(demands, 'ES256', header as never), { message });
  });
}

for (const [demands, header] of [
  [{}, {}],
  [{ algorithms: ['ES256'] }, {}],
  [{ algorithms: ['PS256', 'ES256'] }, {}],
  [{ keyHeader: [] }, {}],
  [{ keyHeader: ['kid'] }, { kid: 'a' }],
  [{ keyHeader: ['x5t', 'kid'] }, { kid: 'a' }],
] as readonly (readonly [KeyDemands, object])[]) {
  test(`a key with ${JSON.stringify(header)} meets ${JSON.stringify(demands)}`, () => {
    assert.doesNotThrow(() => checkDemands(demands, 'ES256', header as never));
  });
}

test('only the demanded members go into the header', () => {
  const header = { kid: 'a', x5t: 'b' };
  assert.equal(demandedHeader(header, undefined), header);
  assert.deepEqual(demandedHeader(header, ['x5t']), { x5t: 'b' });
  assert.deepEqual(demandedHeader(header, []), {});
});
