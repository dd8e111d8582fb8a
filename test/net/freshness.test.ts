import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshness } from '../../lib/net/guarded-fetch.js';
import { fakeClock } from '../support/fake-clock.js';

const DATE = 'Mon, 01 Jan 2024 00:00:00 GMT';

for (const [headers, expected] of [
  [{}, undefined],
  [{ 'cache-control': 'max-age=300' }, 300],
  [{ 'cache-control': 'public, Max-Age=300, must-revalidate' }, 300],
  [{ 'cache-control': 'max-age="300"' }, 300],
  [{ 'cache-control': 'max-age=300', age: '100' }, 200],
  [{ 'cache-control': 'max-age=300', age: '400' }, 0],
  [{ 'cache-control': 'max-age=300', age: 'yesterday' }, 300],
  [{ 'cache-control': `max-age=${'9'.repeat(20)}` }, 2 ** 31],
  [{ 'cache-control': `max-age=${'9'.repeat(310)}`, age: '9'.repeat(310) }, 0],
  [{ 'cache-control': 'max-age=0' }, 0],
  [{ 'cache-control': 'max-age=-1' }, undefined],
  [{ 'cache-control': 'max-age=300s' }, undefined],
  [{ 'cache-control': 'max-age=300', age: 'about 100' }, 300],
  [{ 'cache-control': 'public,max-age=300' }, 300],
  [{ 'cache-control': 'no-storeroom, no-cached' }, undefined],
  [{ 'cache-control': 's-max-age=300' }, undefined],
  [{ 'cache-control': 'no-store, max-age=300' }, 0],
  [{ 'cache-control': 'no-cache' }, 0],
  [{ 'cache-control': 'no-cache="set-cookie"' }, 0],
  [{ 'cache-control': 'public' }, undefined],
  [{ expires: 'Mon, 01 Jan 2024 00:10:00 GMT', date: DATE }, 600],
  [{ expires: 'Sun, 31 Dec 2023 00:00:00 GMT', date: DATE }, 0],
  [{ expires: '0', date: 'yesterday' }, 0],
  [{ expires: 'Mon, 01 Jan 2024 00:10:00 GMT', date: DATE, 'cache-control': 'max-age=5' }, 5],
] as const) {
  test(`${JSON.stringify(headers)} is fresh for ${expected} s (RFC 9111 §4.2)`, () =>
    assert.equal(freshness(headers), expected));
}

test('without Date, an answer counts from now until Expires (RFC 9111 §4.2.1)', () => {
  const { restore } = fakeClock(Date.parse(DATE) / 1000);
  assert.equal(freshness({ expires: 'Mon, 01 Jan 2024 00:10:00 GMT' }), 600);
  restore();
});
