/**
 * Changes the code in small ways and runs the tests: a change that no test notices is a hole. It takes
 * hours. Each mutant starts the tests anew, so those of the server are bundled first: loading is most
 * of what a short test does.
 */
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { ROOT, runNode } from './run.js';
import { usage } from './usage.js';

usage('npm run mutation -- server|client [STRYKER_OPTIONS...]');

const [area = '', ...options] = process.argv.slice(2);
if (!['server', 'client'].includes(area)) {
  throw new Error('Name the area, server or client: npm run mutation -- client');
}
setPriority(constants.priority.PRIORITY_LOW);
const stryker = join(ROOT, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js');
process.exitCode = runNode([stryker, 'run', `stryker.${area}.json`, ...options]);
