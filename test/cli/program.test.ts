import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { runCli, temporaryFolder } from '../support/cli.js';

const COMMANDS = ['keygen', 'token', 'inspect', 'audit'];

test('--help names every command and the exit codes', async () => {
  const { exitCode, stdout } = await runCli(['--help']);
  assert.equal(exitCode, 0);
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
  assert.match(stdout, /Exit codes: 0 success, 1 refused or failed, 2 wrong usage/);
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

test('without a command, or with an unknown command, the exit code is 2', async () => {
  for (const args of [[], ['sign']]) {
    const { exitCode, stdout } = await runCli(args);
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
  }
});

for (const [args, sentence] of [
  [
    ['token', '--isuer', 'https://as.example', '--client-id', 'a', '--key', 'a.pem'],
    'error: token has no option --isuer: use --issuer.\n',
  ],
  [['token', '--clientid=a'], 'error: token has no option --clientid: use --client-id.\n'],
  [
    ['inspect', '--tokenEndpoint', 'x'],
    'error: inspect has no option --tokenEndpoint: use --token-endpoint.\n',
  ],
  [
    ['keygen', '--algorithm', 'ES256'],
    /^error: keygen has no option --algorithm: there are --alg, /,
  ],
] as const) {
  test(`an unknown option is an error that suggests the right name: ${args.slice(0, 2).join(' ')}`, async () => {
    const { exitCode, stdout, stderr } = await runCli(args);
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    if (typeof sentence === 'string') assert.equal(stderr, sentence);
    else assert.match(stderr, sentence);
  });
}

for (const [issuer, sentence] of [
  ['as.example', /It has no scheme: write https:\/\/as\.example\./],
  ['localhost:3000', /It has no scheme: write https:\/\/localhost:3000\./],
  ['//', /It must be an absolute URL/],
] as const) {
  test(`the issuer ${issuer} is refused, and the message says how to write it`, async () => {
    const { exitCode, stderr } = await runCli(['inspect', '--issuer', issuer, 'a.b.c']);
    assert.equal(exitCode, 2);
    assert.match(stderr, sentence);
  });
}

for (const args of [
  ['keygen', '--client-id', ''],
  ['keygen', '--client-id='],
  ['keygen', '--out', '', '--force'],
  ['token', '--issuer', 'https://as.example', '--client-id', 'a', '--key', ''],
  ['token', '--issuer', 'https://as.example', '--client-id', '', '--key', 'a.pem'],
  ['inspect', '--issuer', '', 'x'],
]) {
  test(`an empty value is an error of usage, and nothing is written: ${args.join(' ')}`, async (t) => {
    const cwd = await temporaryFolder(t);
    const { exitCode, stdout, stderr } = await runCli(args, { cwd });
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^error: --[a-z-]+ is empty: is its environment variable set\?\n$/);
    assert.deepEqual(await readdir(cwd), []);
  });
}

test('a URL with a password is refused, and not printed', async () => {
  const args = ['token', '--issuer', 'https://me:secret@as.example', '--client-id', 'a'];
  const { exitCode, stdout, stderr } = await runCli([...args, '--key', 'a.pem', '--json']);
  assert.equal(exitCode, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /must not contain a user name or password/);
});
