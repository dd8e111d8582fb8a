import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyError } from '../../lib/keys/algorithms.js';
import { jsonCopy, parseJwkText } from '../../lib/keys/import.js';
import { isSameJson } from '../../lib/keys/key-cache.js';

test('a copy has what the JSON of a value has, and shares nothing with it', () => {
  const value = { kty: 'EC', key_ops: ['verify'], kid: undefined, toString: () => '' };
  const copy = jsonCopy(value);
  value.key_ops.push('sign');
  assert.deepEqual(copy, { kty: 'EC', key_ops: ['verify'] });
});

for (const value of ['text', '', 5, true, undefined]) {
  test(`the copy of ${JSON.stringify(value)} is itself`, () => {
    assert.equal(jsonCopy(value), value);
  });
}

const circular: unknown[] = [];
circular.push(circular);

for (const [what, value] of Object.entries({
  'holds itself': circular,
  'holds a BigInt': { exp: 5n },
  'has a toJSON that throws': { toJSON: () => assert.fail() },
})) {
  test(`a value that ${what} is not JSON`, () => {
    assert.throws(
      () => jsonCopy(value),
      (error: Error) => {
        assert.ok(error instanceof KeyError);
        assert.equal(error.message, 'its value is not JSON');
        return true;
      },
    );
  });
}

test('a text is read without the byte order mark at its start, and only that one (RFC 8259 §8.1)', () => {
  assert.deepEqual(parseJwkText('\uFEFF{"kid":"a\uFEFFb"}'), { kid: 'a\uFEFFb' });
  assert.throws(() => parseJwkText('{\uFEFF"kid":"a"}'), { message: 'the value is not JSON' });
});

const MAX_JSON = 262_144;

for (const [what, read] of Object.entries({
  'a text': (size: number) => parseJwkText(`"${'x'.repeat(size - 2)}"`),
  'a value': (size: number) => jsonCopy(['x'.repeat(size - 4)]),
})) {
  test(`${what} may have 262,144 characters of JSON and no more`, () => {
    assert.ok(read(MAX_JSON));
    assert.throws(() => read(MAX_JSON + 1), {
      name: 'KeyError',
      message: 'the value has more than 262144 characters of JSON',
    });
  });
}

const SAME: readonly (readonly [copy: unknown, value: unknown])[] = [
  ['text', 'text'],
  [null, null],
  [undefined, undefined],
  [
    [1, [2]],
    [1, [2]],
  ],
  [
    { kty: 'EC', x: 'x' },
    { x: 'x', kty: 'EC' },
  ],
  [{ keys: [{ kty: 'EC' }] }, { keys: [{ kty: 'EC', kid: undefined }] }],
];

const OTHER: readonly (readonly [copy: unknown, value: unknown])[] = [
  ['text', 'another'],
  ['5', 5],
  [5, {}],
  [{}, 5],
  [null, {}],
  [{}, null],
  [{}, undefined],
  [[], {}],
  [{}, []],
  [[1], [1, 2]],
  [[1, 2], [1]],
  [{ kty: 'EC' }, { kty: 'RSA' }],
  [{ kty: 'EC' }, {}],
  [{}, { kty: 'EC' }],
  [{ kty: 'EC' }, { kid: 'EC' }],
  [{ keys: [{ kty: 'EC' }] }, { keys: [{ kty: 'EC', kid: 'a' }] }],
  [{ keys: [{}] }, { keys: [null] }],
];

for (const [pairs, same] of [
  [SAME, true],
  [OTHER, false],
] as const) {
  for (const [copy, value] of pairs) {
    test(`${JSON.stringify(copy)} and ${JSON.stringify(value)} are ${same ? 'the same' : 'not the same'}`, () => {
      assert.equal(isSameJson(copy, value), same);
    });
  }
}
