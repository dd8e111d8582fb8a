/** Runs the test files that its arguments name in this process. `scripts/test.ts` starts it. */
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

let loaded = (): void => {};
// --test-force-exit ends the process as soon as no test is left, be it in the middle of a file that
// awaits something between two tests.
test('every test file is loaded to its end', (_, done) => {
  loaded = done;
});
for (const file of process.argv.slice(2)) await import(pathToFileURL(file).href);
loaded();
