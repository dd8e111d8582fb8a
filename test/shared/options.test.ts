import assert from 'node:assert/strict';
import { test } from 'node:test';
import { knownOptions, type OptionTable, unchecked } from '../../lib/shared/options.js';

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
