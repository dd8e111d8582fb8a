import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { ISSUER, signAssertion } from '../support/assertion.js';
import { installed } from '../support/packed.js';

const NAME = 'passport-private-key-jwt';

test('the installed command runs without any peer, and says what a command lacks', async (t) => {
  const project = await installed(t, 'module');
  assert.equal((await project.bin(NAME, ['--version'])).stdout, `${packageJson.version}\n`);

  const keygen = await project.bin(NAME, ['keygen', '--json']);
  assert.equal(keygen.exitCode, 0, keygen.stderr);
  const pem = await readFile(
    join(project.folder, JSON.parse(keygen.stdout).privateKeyFile),
    'utf8',
  );
  assert.match(pem, /^-----BEGIN PRIVATE KEY-----/);

  const certificate = await project.bin(NAME, ['keygen', '--certificate', '--out', 'other.pem']);
  assert.equal(certificate.exitCode, 1);
  assert.match(
    certificate.stderr,
    /^error: --certificate needs @peculiar\/x509 and reflect-metadata: run npm install @peculiar\/x509 reflect-metadata, or use npx -p passport-private-key-jwt -p /,
  );
  await assert.rejects(readFile(join(project.folder, 'other.pem')), { code: 'ENOENT' });

  const key = ['--key', 'private-key.pem', '--client-id', 'client'];
  const token = await project.bin(NAME, ['token', '--issuer', ISSUER, ...key]);
  assert.equal(token.exitCode, 1);
  assert.match(token.stderr, /^error: token needs openid-client: run npm install openid-client/);

  const stdin = await signAssertion();
  const inspect = await project.bin(NAME, ['inspect', '--json', '--issuer', ISSUER], { stdin });
  assert.equal(inspect.exitCode, 0, inspect.stderr);
  assert.equal(JSON.parse(inspect.stdout).outcome, 'undecided');
});

test('with its packages installed, the installed command makes a certificate', async (t) => {
  const project = await installed(t, 'module', ['@peculiar/x509', 'reflect-metadata']);
  const { exitCode, stderr } = await project.bin(NAME, ['keygen', '--certificate']);
  assert.equal(exitCode, 0, stderr);
});
