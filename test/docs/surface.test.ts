import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportedNames, options } from '../../scripts/surface.js';

// What a user must learn. A new capability that needs more names or options says which, and raises
// the number here; 100 names are the limit for ever.
const NAMES: Record<string, number> = {
  client: 40,
  'client-conformance': 2,
  'client-redis': 2,
  explain: 2,
  index: 40,
  mcp: 4,
  redis: 3,
  'replay-conformance': 3,
};
const OPTIONS = 95;

test('each entry point exports no more names than its budget', () => {
  for (const [entry, { length }] of Object.entries(exportedNames())) {
    const budget = NAMES[entry] ?? assert.fail(`${entry} has no budget`);
    assert.ok(length > 0 && length <= budget, `${entry} exports ${length} names`);
  }
});

test('functions and classes take no more options than their budget', () => {
  const { length } = Object.values(options()).flat();
  assert.ok(length > 20 && length <= OPTIONS, `${length} options`);
});
