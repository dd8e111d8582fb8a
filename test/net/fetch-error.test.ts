import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FetchError } from '../../lib/net/fetch-error.js';

test('an error has a code, a sentence and a page about it, and no cause', () => {
  const error = new FetchError('status_not_ok', 'the answer has the status 404', 404);
  assert.deepEqual(
    { ...error },
    {
      name: 'FetchError',
      code: 'status_not_ok',
      help: 'passport-private-key-jwt/docs/troubleshooting.md#status_not_ok',
      answered: 404,
    },
  );
  assert.equal(error.message, 'the answer has the status 404');
  assert.ok(!('cause' in error));
});

for (const [code, answered, isOutage] of [
  ['name_not_resolved', undefined, true],
  ['connection_failed', undefined, true],
  ['timeout', undefined, true],
  ['too_many_fetches', undefined, true],
  ['address_not_allowed', undefined, false],
  ['body_not_json', undefined, false],
  ['document_invalid', undefined, false],
  ['status_not_ok', 404, false],
  ['status_not_ok', 428, false],
  ['status_not_ok', 429, true],
  ['status_not_ok', 499, false],
  ['status_not_ok', 500, true],
  ['status_not_ok', 503, true],
] as const) {
  test(`${code}${answered === undefined ? '' : ` with ${answered}`} is ${isOutage ? 'an outage' : 'an answer'}`, () => {
    assert.equal(new FetchError(code, 'x', answered).isOutage, isOutage);
  });
}
