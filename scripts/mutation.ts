/**
 * Changes the code in small ways and runs the tests: a change that no test notices is a hole. A whole
 * area takes hours. Each mutant starts the tests anew, so those of the server are bundled first:
 * loading is most of what a short test does. `--tests` names the tests of one room, which then takes
 * minutes; a mutant that only other tests notice counts as survived.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, runNode } from './run.js';
import { usage } from './usage.js';

usage('npm run mutation -- server|client [--tests FILE,FILE…] [STRYKER_OPTIONS...]');

interface Config {
  buildCommand: string;
  tap: { testFiles: string[] };
}

const [area = '', ...options] = process.argv.slice(2);
if (!['server', 'client'].includes(area)) {
  throw new Error('Name the area, server or client: npm run mutation -- client');
}
const config = JSON.parse(readFileSync(join(ROOT, `stryker.${area}.json`), 'utf8')) as Config;
const position = options.indexOf('--tests');
if (position !== -1) {
  const [, list = ''] = options.splice(position, 2);
  const tests = list.split(',');
  config.tap.testFiles = tests.map((test) => test.replace(/\.ts$/, '.js'));
  // Of the server's tests only these are bundled; those of the client need lib beside them.
  if (area === 'server') {
    const [, ...rest] = config.buildCommand.split(' --');
    config.buildCommand = [`esbuild ${tests.join(' ')}`, ...rest].join(' --');
  }
}
setPriority(constants.priority.PRIORITY_LOW);
const folder = mkdtempSync(join(tmpdir(), 'mutation-'));
const file = join(folder, 'stryker.json');
writeFileSync(file, JSON.stringify(config));
const stryker = join(ROOT, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js');
try {
  process.exitCode = runNode([stryker, 'run', file, ...options]);
} finally {
  rmSync(folder, { recursive: true });
}
