import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProgram } from '../../support/program.js';

test('a memory store in a worker of node:cluster warns once that memory does not suffice', async (t) => {
  const program = startProgram(
    new URL('../../support/programs/memory-in-cluster.ts', import.meta.url),
  );
  t.after(() => program.stop());
  assert.equal(await program.ended, 0);
  const warnings = program.output().match(/^\w+ replay_memory_in_cluster$/gm);
  assert.deepEqual(warnings, ['worker replay_memory_in_cluster']);
});
