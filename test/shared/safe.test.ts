import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorFrom, safe, safeText, thrownText, withoutFinalSlash } from '../../lib/shared/safe.js';

/** The shortest header and payload that count as a JWT. */
const HEADER = 'eyJhbGciOi';
const PAYLOAD = 'a'.repeat(40);
const JWT = `${HEADER}.${PAYLOAD}`;

for (const [what, text, shown] of [
  ['an empty text', '', ''],
  ['a JWT', JWT, '[JWT]'],
  ['a JWT with its signature', `${JWT}.c2lnb-_`, '[JWT]'],
  ['a JWT in a sentence', `sent (${JWT}.c2ln) twice`, 'sent ([JWT]) twice'],
  ['two JWTs', `${JWT} ${JWT}`, '[JWT] [JWT]'],
  ['a JWT whose header begins with a line break', JWT.replace('ey', 'ew'), '[JWT]'],
  ['a JWT whose header begins with a blank', JWT.replace('eyJ', 'eyA'), '[JWT]'],
  ['a JWT whose header begins with another character', JWT.replace('ey', 'e_'), '[JWT]'],
  ['a header that begins like no JSON object', `${JWT.replace('ey', 'ev')}.`, undefined],
  ['a header that begins with another letter', `${JWT.replace('ey', 'fy')}.`, undefined],
  ['a name that only ends like a header', `x${JWT}`, undefined],
  ['a name with a hyphen that only ends like a header', `a-${JWT}`, undefined],
  ['a header that is too short', `${HEADER.slice(1)}.${PAYLOAD}aa`, undefined],
  ['a header whose letters are too few', `ey12345.${PAYLOAD}.${PAYLOAD}`, undefined],
  ['a payload that is too short', `${HEADER}.${PAYLOAD.slice(1)}.${PAYLOAD}`, undefined],
  ['a payload with another character', `${HEADER}.${'a+'.repeat(30)}`, undefined],
  ['a header without a dot', `${HEADER} ${PAYLOAD}`, undefined],
  ['a text of 50 characters', 'x'.repeat(50), undefined],
  ['a text of 200 characters', 'é'.repeat(200), undefined],
  ['a text of 201 characters', 'x'.repeat(201), `${'x'.repeat(200)}… (201 characters)`],
  [
    'a long text with a JWT',
    `${JWT} ${'x'.repeat(200)}`,
    `[JWT] ${'x'.repeat(194)}… (252 characters)`,
  ],
  ['control characters', 'a\u0000\n\u009b31mb', 'a\ufffd\ufffd\ufffd31mb'],
  ['characters that reorder or hide text', '\u202ea\u200bb', '\ufffda\ufffdb'],
  ['half of a surrogate pair', 'a\ud800', 'a\ufffd'],
  ['separators of lines and paragraphs', 'a\u2028b\u2029', 'a\ufffdb\ufffd'],
  ['a control character after a long text', `${'x'.repeat(60)}\n`, `${'x'.repeat(60)}\ufffd`],
  ['letters of all planes', 'Zoë 🦊', undefined],
] as const) {
  test(`${what} is ${shown === undefined ? 'shown unchanged' : 'shown short, flat and without a JWT'}`, () => {
    assert.equal(safe(text), shown ?? text);
    assert.equal(safeText(text), shown ?? text);
  });
}

test('of a long text only the first 4096 characters are read', () => {
  const long = JWT.padEnd(4096, 'a');
  assert.equal(safe(`${long} x`), '[JWT]… (4098 characters)');
  assert.equal(safe(`${long.slice(0, -1)} x`), '[JWT] … (4097 characters)');
});

test('of a list the first 20 values are shown, each made safe, and lists and objects by a word', () => {
  assert.deepEqual(safe([`${JWT}.`, 5, null, undefined, {}, ['x']]), [
    '[JWT]',
    5,
    null,
    undefined,
    '[object]',
    '[object]',
  ]);
  const twenty = Array.from({ length: 20 }, (_, index) => index);
  assert.deepEqual(safe(twenty), twenty);
  assert.deepEqual(safe([...twenty, 20]), [...twenty, '… (21 values)']);
});

for (const value of [undefined, null, 0, true, Number.NaN, 5n]) {
  test(`${String(value)} is shown as it is, and is no text`, () => {
    assert.equal(safe(value), value);
    assert.equal(safeText(value), undefined);
  });
}

test('an object is not shown, and is no text', () => {
  assert.equal(safe({ a: 1 }), '[object]');
  assert.equal(safeText({ a: 1 }), undefined);
  assert.equal(safeText(['x']), undefined);
});

const failing = Object.defineProperty(new Error('x'), 'message', {
  get() {
    throw new Error('There is no text.');
  },
});

for (const [what, thrown, told] of [
  ['an error', new RangeError('too far'), 'RangeError: too far'],
  ['an error with a JWT', new Error(`no ${JWT}`), 'Error: no [JWT]'],
  ['a text', 'route', 'route'],
  ['undefined', undefined, 'undefined'],
  ['an object', { secret: 'x' }, '[object]'],
  ['an error whose text throws', failing, 'something that has no text'],
] as const) {
  test(`if ${what} is thrown, it is told as "${told}"`, () => {
    assert.equal(thrownText(thrown), told);
  });
}

test('Express and Passport get an error, whatever was thrown', () => {
  const error = new Error('x');
  const like = { status: 400 };
  assert.equal(errorFrom(error), error);
  assert.equal(errorFrom(like), like);
  for (const thrown of [undefined, null, 0, false, '', 'route', () => undefined]) {
    const made = errorFrom(thrown);
    assert.ok(made instanceof Error);
    const told = `Something threw a value that is not an error: ${thrownText(thrown)}`;
    assert.equal(made.message, told);
  }
});

for (const [url, without] of [
  ['https://as.example/', 'https://as.example'],
  ['https://as.example//', 'https://as.example/'],
  ['https://as.example', 'https://as.example'],
  ['https://as.example/a', 'https://as.example/a'],
  ['/', ''],
] as const) {
  test(`${url} without its final slash is ${without || 'empty'}`, () => {
    assert.equal(withoutFinalSlash(url), without);
  });
}
