import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { runProcess } from '../support/cli.js';
import { codeOf } from '../support/docs.js';
import { type FrameworkProject, frameworkProject } from './project.js';

// Jest with the one line of the guide for NestJS, and what happens without it.

let project: FrameworkProject;
let line: { readonly transformIgnorePatterns: readonly string[] };
before(async () => {
  project = await frameworkProject('jest');
  const [json = ''] = await codeOf('docs/nestjs.md', 'json');
  line = JSON.parse(json);
  // Types are for ts-jest alone; for Babel the same test is JavaScript.
  await copyFile(join(project.folder, 'round-trip.spec.ts'), join(project.folder, 'copy.spec.js'));
});

const TRANSFORMERS = {
  'ts-jest': { preset: 'ts-jest/presets/js-with-ts', testMatch: ['**/round-trip.spec.ts'] },
  'babel-jest': { testMatch: ['**/copy.spec.js'] },
};

async function jest(config: object) {
  const file = join(project.folder, 'jest.config.json');
  await writeFile(file, JSON.stringify({ testEnvironment: 'node', ...config }));
  const script = join(project.folder, 'node_modules', 'jest', 'bin', 'jest.js');
  const args = [script, '--config', file, '--runInBand', '--no-cache', '--watchman=false'];
  return runProcess(process.execPath, args, { cwd: project.folder });
}

for (const [name, config] of Object.entries(TRANSFORMERS)) {
  test(`${name} runs tests of this package with the configuration of the guide`, async () => {
    const { exitCode, stderr } = await jest({ ...config, ...line });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /1 passed/);
  });

  test(`without the configuration ${name} shows the error that the guide names`, async () => {
    const { exitCode, stderr } = await jest(config);
    assert.equal(exitCode, 1);
    assert.match(stderr, /Must use import to load ES Module/);
  });
}
