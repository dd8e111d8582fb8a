import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { runCli } from '../support/cli.js';

const COMMANDS = ['keygen', 'token', 'inspect'];

test('--help names every command and the exit codes', async () => {
  const { exitCode, stdout } = await runCli(['--help']);
  assert.equal(exitCode, 0);
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
  assert.match(stdout, /Exit codes: 0 done, 1 refused or failed, 2 called wrongly/);
});

test('each command has its own --help', async () => {
  for (const command of COMMANDS) {
    const { exitCode, stdout } = await runCli([command, '--help']);
    assert.equal(exitCode, 0);
    assert.match(stdout, new RegExp(`^Usage: passport-private-key-jwt ${command} `));
  }
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  const { exitCode, stdout } = await runCli(['--version']);
  assert.equal(exitCode, 0);
  assert.equal(stdout, `${version}\n`);
});

test('without a command, or with one that there is not, the exit code is 2', async () => {
  for (const args of [[], ['sign']]) {
    const { exitCode, stdout } = await runCli(args);
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
  }
});
