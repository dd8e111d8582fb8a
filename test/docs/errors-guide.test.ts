import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { REASONS } from '../../lib/index.js';

test('the guide has every reason, with what the caller is told', async () => {
  const guide = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(/^\| `(\w+)` +\| (\d+) `(\w+)` +\| (.*?) +\|$/gm)].map(
    ([, reason, status, error, description]) => [
      reason,
      { error, status: Number(status), description },
    ],
  );
  assert.deepEqual(Object.fromEntries(rows), { ...REASONS });
});
