import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { installed, type Project } from '../support/packed.js';

const exportsOf = async (project: Project, specifier: string) => {
  const program = `console.log(JSON.stringify(Object.keys(await import('${specifier}'))))`;
  const { exitCode, stdout, stderr } = await project.node('--input-type=module', '-e', program);
  return { exitCode, stderr, names: exitCode === 0 ? (JSON.parse(stdout) as string[]) : [] };
};

test('an empty ESM project: the server half needs no peer, the others name theirs', async (t) => {
  const project = await installed(t, 'module');
  const modules = await readdir(join(project.folder, 'node_modules'));
  for (const peer of ['express', 'ioredis', 'openid-client', 'passport', 'redis']) {
    assert.ok(!modules.includes(peer), peer);
  }
  for (const [specifier, name] of [
    ['passport-private-key-jwt', 'PrivateKeyJwtStrategy'],
    ['passport-private-key-jwt/redis', 'RedisReplayStore'],
    ['passport-private-key-jwt/replay-conformance', 'replayStoreConformance'],
    ['passport-private-key-jwt/mcp', 'mcpAuthRouter'],
  ] as const) {
    const { names, stderr } = await exportsOf(project, specifier);
    assert.ok(names.includes(name), stderr);
    assert.equal(stderr, '');
  }
  const { exitCode, stderr } = await exportsOf(project, 'passport-private-key-jwt/client');
  assert.equal(exitCode, 1);
  assert.match(stderr, /Cannot find package 'openid-client'/);
});

test('the client half needs only openid-client; the server half accepts what it signs', async (t) => {
  const project = await installed(t, 'module', ['openid-client']);
  await project.write({
    'both.js': `
      import { generateKeyPairSync } from 'node:crypto';
      import { AssertionService } from 'passport-private-key-jwt/client';
      import { CLIENT_ASSERTION_TYPE, ClientAssertionValidator } from 'passport-private-key-jwt';

      const issuer = 'https://as.example';
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const assertions = new AssertionService({ clientId: 'client', key: privateKey, issuer });
      const secrets = [{ type: 'JsonWebKey', value: assertions.key.publicJwk }];
      const validator = new ClientAssertionValidator({}, (clientId) => ({ clientId, secrets }));
      const { authentication } = await validator.validate({
        issuer,
        parameters: {
          client_assertion: await assertions.createClientToken(),
          client_assertion_type: CLIENT_ASSERTION_TYPE,
        },
      });
      console.log(authentication.clientId, authentication.method);
    `,
  });
  const { stdout, stderr } = await project.node('both.js');
  assert.equal(stdout, 'client private_key_jwt\n', stderr);
});

test('files outside exports cannot be imported', async (t) => {
  const project = await installed(t, 'module');
  const { exitCode, stderr } = await exportsOf(project, 'passport-private-key-jwt/dist/index.js');
  assert.equal(exitCode, 1);
  assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});
