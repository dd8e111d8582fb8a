import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installed } from '../support/packed.js';

test('a CommonJS project requires both halves', async (t) => {
  const project = await installed(t, 'commonjs', ['openid-client']);
  await project.write({
    'index.js': `
      const { PrivateKeyJwtStrategy } = require('passport-private-key-jwt');
      const { AssertionService } = require('passport-private-key-jwt/client');
      const { version } = require('passport-private-key-jwt/package.json');

      const strategy = new PrivateKeyJwtStrategy({ issuer: 'https://as.example' }, () => undefined);
      console.log(strategy.name, typeof AssertionService, typeof version);
    `,
  });
  const { exitCode, stdout, stderr } = await project.node('index.js');
  assert.equal(exitCode, 0, stderr);
  assert.equal(stdout, 'private-key-jwt function string\n');
});

test('a CommonJS project requires the server half without any peer', async (t) => {
  const project = await installed(t, 'commonjs');
  const program = "console.log(typeof require('passport-private-key-jwt').oauthErrorHandler)";
  const { stdout, stderr } = await project.node('-e', program);
  assert.equal(stdout, 'function\n', stderr);
});
