import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentCacheOptions } from '../../lib/net/options.js';
import { readOptions } from '../../lib/shared/options.js';
import { certificateOf } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';

const TABLE = documentCacheOptions({ maxBytes: 1000, maxAge: 3600, maxStale: 600 });
const read = (options: object) => readOptions('Documents', options, TABLE);

test('options that are left out get their defaults', () => {
  const { allowedNetworks, ca, lookup, fetch, ...numbers } = read({});
  assert.equal(allowedNetworks.isEmpty, true);
  assert.deepEqual([ca, lookup, fetch], [undefined, undefined, undefined]);
  assert.deepEqual(numbers, {
    timeout: 5,
    maxBytes: 1000,
    maxAge: 3600,
    maxStale: 600,
    maxEntries: 1000,
  });
});

test('the smallest allowed values are accepted, and smaller values are refused', () => {
  const least = { timeout: 0.001, maxBytes: 1, maxAge: 0, maxStale: 0, maxEntries: 1 };
  const { timeout, maxBytes, maxAge, maxStale, maxEntries } = read(least);
  assert.deepEqual({ timeout, maxBytes, maxAge, maxStale, maxEntries }, least);
  for (const [name, value] of Object.entries(least)) {
    assert.throws(() => read({ [name]: value - 0.001 }), {
      name: 'TypeError',
      message: new RegExp(`^${name} must be a finite number of at least ${value}$`),
    });
  }
});

test("own authorities are trusted in addition to Node's", async () => {
  const pem = await certificateOf(keyPair('ES256'));
  for (const ca of [pem, [pem], [pem, pem], []]) assert.ok(read({ ca }).ca);
  for (const wrong of ['ca.pem', [pem, 'ca.pem'], 7, [7], Buffer.from(pem), null]) {
    assert.throws(() => read({ ca: wrong }), {
      name: 'TypeError',
      message: 'ca must be a certificate in PEM, or an array of them',
    });
  }
});
