import assert from 'node:assert/strict';
import { Buffer, isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { browserBuffer as browser } from '../../lib/keys/compact-jws.js';

// The decoder of the library runs with either: what it does with a segment must be the same.

const bytes = fc.uint8Array({ maxLength: 100 });
const utf8 = fc.string({ unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text)));
const segment = fc.oneof(
  bytes.map((some) => Buffer.from(some).toString('base64url')),
  fc.string({ unit: fc.constantFrom(...'AQgw-_+/= \n.é') }),
);

test('a segment has the same bytes in the browser as in Node', () => {
  fc.assert(
    fc.property(bytes, (some) => {
      const text = Buffer.from(some).toString('base64url');
      const decoded = browser.Buffer.from(text, 'base64url');
      assert.deepEqual([...decoded], [...some]);
      assert.equal(decoded.toString('base64url'), text);
    }),
  );
});

test('the same segments are canonical base64url', () => {
  fc.assert(
    fc.property(segment, (text) => {
      const isCanonical = Buffer.from(text, 'base64url').toString('base64url') === text;
      const spelled = browser.Buffer.from(text, 'base64url').toString('base64url');
      assert.equal(spelled === text, isCanonical);
    }),
  );
});

test('the same bytes are UTF-8, and they are the same text', () => {
  fc.assert(
    fc.property(fc.oneof(bytes, utf8), (some) => {
      assert.equal(browser.isUtf8(some), isUtf8(some));
      if (!isUtf8(some)) return;
      const decoded = browser.Buffer.from(Buffer.from(some).toString('base64url'), 'base64url');
      assert.equal(decoded.toString('utf8'), Buffer.from(some).toString('utf8'));
    }),
  );
});

test('a byte order mark stays in the text', () => {
  const text = browser.Buffer.from(Buffer.from('\ufeff{}').toString('base64url'), 'base64url');
  assert.equal(text.toString('utf8'), '\ufeff{}');
});

test('the characters of a segment are its bytes in latin1', () => {
  fc.assert(
    fc.property(segment, (text) => {
      const decoded = browser.Buffer.from(text, 'latin1');
      assert.deepEqual([...decoded], [...Buffer.from(text, 'latin1')]);
      assert.equal(decoded.toString('latin1'), text);
    }),
  );
});

test('bytes are UTF-8 text unless an encoding is named', () => {
  assert.equal(browser.Buffer.from('é', 'utf8').toString(), 'é');
  assert.deepEqual([...browser.Buffer.from('é', 'utf8')], [...Buffer.from('é')]);
});

test('other encodings are refused, both ways', () => {
  const message = 'The encoding hex is not supported here.';
  assert.throws(() => browser.Buffer.from('00', 'hex' as never), { message });
  assert.throws(() => browser.Buffer.from('A', 'latin1').toString('hex' as never), { message });
});
