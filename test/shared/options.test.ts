import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  callback,
  flag,
  isWebUrl,
  knownOptions,
  nearestName,
  number,
  type OptionTable,
  type Reader,
  readOptions,
  requiredText,
  seconds,
  text,
  texts,
  unchecked,
  wholeNumber,
} from '../../lib/shared/options.js';

interface Options {
  readonly audience?: 'compatible' | 'strict';
  readonly callbackURL?: string;
  readonly lifetime?: number;
  readonly typ?: string;
}

const KNOWN = {
  audience: unchecked(),
  callbackURL: unchecked(),
  lifetime: unchecked(),
  typ: unchecked(),
} satisfies OptionTable<Options>;

/** Options that there are not, and what is said of each. */
const UNKNOWN: readonly (readonly [what: string, options: object, sentence: string])[] = [
  ['a letter that is wrong', { audiance: 'strict' }, 'audiance: use audience'],
  ['a letter that is missing', { lifetme: 60 }, 'lifetme: use lifetime'],
  ['a letter too many', { type: 'JWT' }, 'type: use typ'],
  ['another case', { callbackUrl: 'https://client.example' }, 'callbackUrl: use callbackURL'],
  ['underscores', { callback_url: 'https://client.example' }, 'callback_url: use callbackURL'],
  [
    'a name that is like none',
    { jwksUri: {} },
    'jwksUri: there are audience, callbackURL, lifetime, typ',
  ],
  ['a short name that is like none', { alg: 1 }, 'alg: there are audience, callbackURL, lifetime,'],
  ['one of the object that all others have', { toString: 1 }, 'toString: there are audience,'],
  ['one without a value', { audiance: undefined }, 'audiance: use audience'],
  ['one beside others', { audience: 'strict', lifetme: 60 }, 'lifetme: use lifetime'],
  ['one that has a hint', { kid: 'a' }, 'kid: set it with the key'],
  ['an empty name', { '': 1 }, ': there are audience,'],
];

for (const [what, options, sentence] of UNKNOWN) {
  test(`an unknown option is refused, and the message suggests the right name: ${what}`, () => {
    const check = () => knownOptions('Service', options, KNOWN, { kid: 'set it with the key' });
    assert.throws(check, (error: Error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(error.message.startsWith(`Service has no option ${sentence}`), error.message);
      return true;
    });
  });
}

test('known options pass, whatever their values', () => {
  const options = { audience: undefined, callbackURL: 'a', lifetime: -1, typ: null };
  for (const given of [options, {}, Object.create(options), undefined, null]) {
    assert.doesNotThrow(() => knownOptions('Service', given, KNOWN));
  }
});

test('options that are not an object are refused', () => {
  for (const given of ['issuer', 60, () => {}]) {
    const check = () => knownOptions('Service', given as object, KNOWN);
    assert.throws(check, /^TypeError: The options of Service must be an object$/);
  }
});

const make = () => undefined;

/** A reader, the values that it takes, those that it refuses, and what it says of them. */
const READERS: readonly (readonly [
  what: string,
  read: Reader<unknown>,
  fallback: unknown,
  taken: readonly unknown[],
  refused: readonly unknown[],
  sentence: string,
])[] = [
  [
    'a number',
    number(5, 1),
    5,
    [1, 1.5, 1e300],
    [0.99, Number.NaN, Number.POSITIVE_INFINITY, '5', null, 5n],
    'a finite number of at least 1',
  ],
  [
    'a number within bounds',
    number(5, 1, 9),
    5,
    [1, 9],
    [0.99, 9.01, [5]],
    'a finite number of at least 1 and at most 9',
  ],
  [
    'a whole number',
    wholeNumber(5, 1),
    5,
    [1, 2 ** 53 - 1],
    [0, 1.5, 2 ** 53, '5', Number.NaN],
    'a whole number of at least 1',
  ],
  [
    'seconds',
    seconds(5, 1, 9),
    5,
    [1, 1.5, 9],
    [0.99, 9.01, Number.NaN, Number.POSITIVE_INFINITY, '5', [5]],
    'a number of seconds, at least 1 and at most 9',
  ],
  ['a flag', flag(true), true, [true, false], [1, 'true', null], 'true or false'],
  ['a callback', callback(), undefined, [make], [null, 'make', {}], 'a function'],
  ['a text', text('x'), 'x', ['y'], ['', 5, null, ['y']], 'a non-empty string'],
  ['a text that may be absent', text(undefined), undefined, ['y'], ['', 5], 'a non-empty string'],
  [
    'texts',
    texts(['x']),
    ['x'],
    [[], ['y', 'z']],
    ['y', [''], [5], ['y', null], {}],
    'an array of non-empty strings',
  ],
];

for (const [what, read, fallback, taken, refused, sentence] of READERS) {
  test(`the reader of ${what} takes what fits, has a default, and says what fits`, () => {
    assert.deepEqual(read('name', undefined), fallback);
    for (const value of taken) assert.deepEqual(read('name', value), value);
    for (const value of refused) {
      assert.throws(() => read('name', value), {
        name: 'TypeError',
        message: `name must be ${sentence}`,
      });
    }
  });
}

test('the options that are read are those of the table, own or inherited, with their defaults', () => {
  const table = { lifetime: number(60, 1), typ: text('JWT'), anything: unchecked<unknown>() };
  assert.deepEqual(readOptions('Service', undefined, table), {
    lifetime: 60,
    typ: 'JWT',
    anything: undefined,
  });
  const given = Object.assign(Object.create({ lifetime: 5 }), { anything: null });
  assert.deepEqual(readOptions('Service', given, table), {
    lifetime: 5,
    typ: 'JWT',
    anything: null,
  });
});

test('a text that is required has no default', () => {
  assert.equal(requiredText('issuer', 'x'), 'x');
  for (const value of [undefined, null, '', 5, ['x']]) {
    assert.throws(() => requiredText('issuer', value), {
      name: 'TypeError',
      message: 'issuer must be a non-empty string',
    });
  }
});

test('a list is copied, so that a later change of it has no effect', () => {
  const given = ['x'];
  const read = texts()('name', given);
  given.push('y');
  assert.deepEqual(read, ['x']);
  assert.deepEqual(texts()('name', undefined), []);
});

for (const [misspelt, names, nearest] of [
  ['CLOCK-tolerance', ['clockTolerance'], 'clockTolerance'],
  ['abc', ['abd', 'abc'], 'abc'],
  ['abc', ['abd'], 'abd'],
  ['abc', ['axd'], undefined],
  ['ab', ['ac'], undefined],
  ['abcdef', ['bcdefa'], 'bcdefa'],
  ['abcdef', ['cdefab'], undefined],
  ['x5t256', ['x5t#S256'], 'x5t#S256'],
  ['x5t25', ['x5t'], undefined],
  ['a', [], undefined],
] as const) {
  test(`of ${names.join(', ') || 'no names'}, ${nearest ?? 'none'} is near to ${misspelt}`, () => {
    assert.equal(nearestName(misspelt, names), nearest);
  });
}

for (const [value, is] of [
  ['https://as.example', true],
  ['http://localhost:3000/x', true],
  [new URL('https://as.example'), true],
  ['localhost:3000', false],
  ['/token', false],
  ['', false],
  [undefined, false],
  ['ftp://as.example', false],
] as const) {
  test(`${String(value)} is ${is ? 'a' : 'no'} URL of the web`, () => {
    assert.equal(isWebUrl(value), is);
  });
}

test('options and their defaults are not affected by members that the application gives every object', (t) => {
  const polluted = Object.prototype as { ttl?: unknown };
  polluted.ttl = () => 'not an option';
  t.after(() => {
    delete polluted.ttl;
  });
  const table = { lifetime: number(60, 1) };
  assert.deepEqual(Object.keys(knownOptions('Service', {}, table)), ['lifetime']);
  assert.deepEqual(Object.entries(readOptions('Service', {}, table)), [['lifetime', 60]]);
});
