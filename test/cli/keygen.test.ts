import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { AssertionService } from '../../lib/client/index.js';
import {
  type Algorithm,
  type AssertionClient,
  CLIENT_ASSERTION_TYPE,
  ClientAssertionValidator,
  type ClientMetadata,
  clientFromMetadata,
  type Secret,
} from '../../lib/index.js';
import type { JsonWebKeySet } from '../../lib/keys/secret.js';
import { ISSUER } from '../support/assertion.js';
import { runCli, runProcess, temporaryFolder } from '../support/cli.js';

interface GeneratedKey {
  readonly alg: Algorithm;
  readonly kid: string;
  readonly privateKeyFile: string;
  readonly certificateFile?: string;
  readonly secret: Secret;
  readonly jwks: JsonWebKeySet;
  readonly duende: string;
  readonly env: string;
  readonly client?: AssertionClient;
  readonly metadata?: ClientMetadata;
}

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

async function keygen(cwd: string, ...args: string[]): Promise<GeneratedKey> {
  const { exitCode, stdout, stderr } = await runCli(['keygen', '--json', ...args], { cwd });
  assert.equal(exitCode, 0, stderr);
  return JSON.parse(stdout) as GeneratedKey;
}

/** Whether an assertion that is signed with the file is accepted for these secrets. */
async function authenticates(folder: string, key: GeneratedKey, secrets: readonly Secret[]) {
  const assertions = new AssertionService({
    clientId: 'client',
    key: { key: await readFile(join(folder, key.privateKeyFile)), alg: key.alg },
    issuer: ISSUER,
  });
  const validator = new ClientAssertionValidator({ algorithms: [key.alg] }, (clientId) => ({
    clientId,
    secrets,
  }));
  const { authentication } = await validator.validate({
    issuer: ISSUER,
    parameters: {
      client_assertion: await assertions.createClientToken(),
      client_assertion_type: CLIENT_ASSERTION_TYPE,
    },
  });
  return authentication;
}

/** The value in the C# that is printed for Duende IdentityServer. */
function duendeSecret(csharp: string): Secret {
  const form =
    /^new Secret \{ Type = IdentityServerConstants\.SecretTypes\.(\w+), Value = ("(?:[^"\\]|\\")*") \}$/;
  const [, type, literal = ''] = form.exec(csharp) ?? [];
  return { type, value: JSON.parse(literal) } as Secret;
}

for (const alg of ALGORITHMS) {
  test(`keygen --alg ${alg}: every printed form verifies what the key file signs`, async (t) => {
    const folder = await temporaryFolder(t);
    const key = await keygen(folder, '--alg', alg);
    const { jwks } = key;
    assert.equal(key.secret.type, 'JsonWebKey');
    for (const secrets of [
      [key.secret],
      clientFromMetadata({ client_id: 'client', jwks }).secrets,
      [duendeSecret(key.duende)],
    ]) {
      assert.equal((await authenticates(folder, key, secrets)).keyId, key.kid);
    }
  });

  test(`keygen --alg ${alg} --certificate: a self-signed certificate (RFC 5280)`, async (t) => {
    const folder = await temporaryFolder(t);
    const clientId = 'https://client.example/a,b';
    const key = await keygen(folder, '--alg', alg, '--certificate', '--client-id', clientId);
    const pem = await readFile(join(folder, key.certificateFile ?? ''), 'utf8');
    const certificate = new X509Certificate(pem);
    assert.equal(certificate.subject, 'CN=https://client.example/a\\,b');
    assert.equal(certificate.issuer, certificate.subject);
    assert.ok(certificate.verify(certificate.publicKey));
    const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000;
    assert.ok(days > 364 && days <= 365);

    assert.equal(key.secret.type, 'X509CertificateBase64');
    assert.equal(key.secret.value, certificate.raw.toString('base64'));
    const [jwk] = key.jwks.keys;
    assert.deepEqual(jwk?.['x5c'], [certificate.raw.toString('base64')]);
    for (const secrets of [[key.secret], [duendeSecret(key.duende)]]) {
      assert.equal((await authenticates(folder, key, secrets)).alg, alg);
    }
  });
}

test('a certificate that ends after 2049 has a GeneralizedTime (RFC 5280 §4.1.2.5)', async (t) => {
  const folder = await temporaryFolder(t);
  const { certificateFile = '' } = await keygen(folder, '--certificate', '--days', '36500');
  const certificate = new X509Certificate(await readFile(join(folder, certificateFile)));
  assert.ok(new Date(certificate.validTo).getUTCFullYear() > 2100);
});

test('--format jwk keeps kid and alg with the private key', async (t) => {
  const folder = await temporaryFolder(t);
  const key = await keygen(folder, '--alg', 'PS256', '--format', 'jwk');
  assert.equal(key.privateKeyFile, 'private-key.json');
  const jwk = JSON.parse(await readFile(join(folder, key.privateKeyFile), 'utf8'));
  const assertions = new AssertionService({ clientId: 'client', key: jwk });
  assert.equal(assertions.key.alg, 'PS256');
  assert.equal(assertions.key.kid, key.kid);
});

test('the .env line is read by Node', async (t) => {
  const folder = await temporaryFolder(t);
  const { env, jwks } = await keygen(folder);
  await writeFile(join(folder, '.env'), `${env}\n`);
  const { stdout } = await runProcess(
    process.execPath,
    ['--env-file=.env', '-p', 'process.env.CLIENT_JWKS'],
    { cwd: folder },
  );
  assert.deepEqual(JSON.parse(stdout), jwks);
});

test('files are readable by their owner alone', async (t) => {
  const folder = await temporaryFolder(t);
  await keygen(folder, '--certificate');
  await writeFile(join(folder, 'open.pem'), 'old', { mode: 0o644 });
  await keygen(folder, '--out', 'open.pem', '--force');
  for (const file of await readdir(folder)) {
    assert.equal((await stat(join(folder, file))).mode & 0o777, 0o600, file);
  }
});

test('without --force no file is replaced, and none is written if one of them exists', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'client.crt'), 'old');
  const args = ['keygen', '--out', 'client.pem', '--certificate'];
  const refused = await runCli(args, { cwd: folder });
  assert.equal(refused.exitCode, 1);
  assert.equal(refused.stdout, '');
  assert.match(refused.stderr, /client\.crt already exists: .*--force/);
  assert.deepEqual(await readdir(folder), ['client.crt']);

  assert.equal((await runCli([...args, '--force'], { cwd: folder })).exitCode, 0);
  assert.match(await readFile(join(folder, 'client.crt'), 'utf8'), /^-----BEGIN CERTIFICATE-----/);
  assert.deepEqual((await readdir(folder)).sort(), ['client.crt', 'client.pem']);
});

test('--force replaces a link, not the file behind it', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'public'));
  await writeFile(join(folder, 'public', 'page'), 'page');
  await symlink(join(folder, 'public', 'page'), join(folder, 'client.pem'));
  await keygen(folder, '--out', 'client.pem', '--force');
  assert.equal(await readFile(join(folder, 'public', 'page'), 'utf8'), 'page');
});

test('no part of the private key is printed', async (t) => {
  const folder = await temporaryFolder(t);
  for (const format of [[], ['--json']]) {
    const args = ['keygen', '--format', 'jwk', '--alg', 'RS256', '--force', ...format];
    const { stdout, stderr } = await runCli(args, { cwd: folder });
    const jwk = JSON.parse(await readFile(join(folder, 'private-key.json'), 'utf8'));
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi']) {
      assert.ok(!`${stdout}${stderr}`.includes(jwk[member]), member);
    }
  }
});

test('with --client-id the output has complete entries to register', async (t) => {
  const folder = await temporaryFolder(t);
  const key = await keygen(folder, '--client-id', 'mvc.jar.jwt');
  const { secret, jwks } = key;
  assert.deepEqual(key.client, { clientId: 'mvc.jar.jwt', secrets: [secret] });
  assert.deepEqual(key.metadata, {
    client_id: 'mvc.jar.jwt',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks,
  });
  const { stdout } = await runCli(['keygen', '--force', '--client-id', 'mvc.jar.jwt'], {
    cwd: folder,
  });
  assert.match(stdout, /^Client, for passport-private-key-jwt\n\{\n {2}"clientId": "mvc/m);
  assert.match(stdout, /^Client metadata \(RFC 7591\)\n\{\n {2}"client_id": "mvc\.jar\.jwt",/m);
});

test('the output with --client-id is a clients file for inspect', async (t) => {
  const folder = await temporaryFolder(t);
  const key = await keygen(folder, '--client-id', 'mvc.jar.jwt');
  const assertions = new AssertionService({
    clientId: 'mvc.jar.jwt',
    key: await readFile(join(folder, key.privateKeyFile)),
    issuer: ISSUER,
  });
  for (const entry of [key.client, key.metadata]) {
    await writeFile(join(folder, 'client.json'), JSON.stringify(entry));
    const args = ['inspect', '--json', '--issuer', ISSUER, '--client', 'client.json'];
    const stdin = await assertions.createClientToken();
    const { stdout } = await runCli(args, { cwd: folder, stdin });
    assert.equal(JSON.parse(stdout).outcome, 'accepted');
  }
});

test('the .env line has the public keys for a secret of the server', async (t) => {
  const folder = await temporaryFolder(t);
  const key = await keygen(folder);
  const [, value = ''] = /^CLIENT_JWKS='(.*)'$/.exec(key.env) ?? [];
  const { keyId } = await authenticates(folder, key, [{ type: 'JsonWebKeySet', value }]);
  assert.equal(keyId, key.kid);
});

test('in the readable output every form has a heading', async (t) => {
  const { stdout } = await runCli(['keygen'], { cwd: await temporaryFolder(t) });
  for (const heading of [
    'Public half, as an entry of `secrets`',
    'Public half, in client metadata (RFC 7591)',
    "Public half, in the server's .env, for { type: 'JsonWebKeySet', value: process.env.CLIENT_JWKS }",
  ]) {
    assert.ok(stdout.includes(`\n\n${heading}\n`), heading);
  }
  assert.match(stdout, /^Private key: {2}private-key\.pem {2}\(ES256, kid [\w-]{43}; /);
  for (const form of [
    '"type": "JsonWebKey"',
    '"jwks": {',
    'new Secret { Type =',
    "CLIENT_JWKS='{",
  ]) {
    assert.ok(stdout.includes(form), form);
  }
});

for (const [name, args, exitCode, message] of [
  ['an algorithm that there is not', ['--alg', 'HS256'], 2, /Allowed choices are RS256/],
  ['a validity that is none', ['--days', '0'], 2, /whole number from 1/],
  ['a key named as its certificate', ['--certificate', '--out', 'a.crt'], 2, /private key/],
  ['a folder that is not there', ['--out', 'nowhere/key.pem'], 1, /cannot be written \(ENOENT\)/],
] as const) {
  test(`${name}: exit code ${exitCode}, and no file`, async (t) => {
    const folder = await temporaryFolder(t);
    const finished = await runCli(['keygen', ...args], { cwd: folder });
    assert.equal(finished.exitCode, exitCode);
    assert.match(finished.stderr, message);
    assert.deepEqual(await readdir(folder), []);
  });
}
