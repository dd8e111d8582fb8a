import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { keyPair } from '../support/keys.js';
import { npmRun } from '../support/npm-script.js';
import { startTokenServer } from '../support/token-server.js';

const pair = keyPair('RS256');
const server = await startTokenServer([
  {
    client_id: 'machine',
    jwks: { keys: [pair.publicJwk] },
    grant_types: ['client_credentials'],
    scope: 'api1 api2',
  },
]);
after(() => server.stop());

const folder = await mkdtemp(join(tmpdir(), 'machine-'));
after(() => rm(folder, { recursive: true }));
const keyFile = join(folder, 'client.pem');
await writeFile(keyFile, pair.privateKey.export({ format: 'pem', type: 'pkcs8' }));

const SETTINGS = { ISSUER: server.url, CLIENT_ID: 'machine', CLIENT_KEY: keyFile };

async function run(env: Record<string, string>) {
  const script = npmRun('sample:machine-to-machine', env);
  const code = await script.ended();
  return { code, output: script.lines().join('\n'), stderr: script.stderr() };
}

test('the machine client gets a token and prints what it sent and got', async () => {
  const { code, output } = await run({ ...SETTINGS, SCOPE: 'api2' });
  assert.equal(code, 0);
  for (const part of [
    `POST ${server.url}/token`,
    '  grant_type=client_credentials',
    '"alg": "RS256"',
    '"typ": "client-authentication+jwt"',
    '"iss": "machine"',
    `"aud": "${server.url}"`,
    '200 OK',
    '"scope": "api2"',
    '"typ": "at+jwt"',
  ]) {
    assert.ok(output.includes(part), `${part} is not in:\n${output}`);
  }
});

test('the program prints neither the assertion nor the token in a usable form', async () => {
  const { output } = await run(SETTINGS);
  assert.doesNotMatch(output, /[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}/);
});

test('the program prints the error of the server, and exits with 1', async () => {
  const { code, output, stderr } = await run({ ...SETTINGS, SCOPE: 'admin' });
  assert.equal(code, 1);
  assert.match(output, /400 Bad Request\n {2}\{\n {4}"error": "invalid_scope"/);
  assert.notEqual(stderr, '');
});

const WRONG: readonly (readonly [string, Record<string, string>, RegExp])[] = [
  ['no ISSUER', { ISSUER: '' }, /^ISSUER is not set: /],
  ['an ISSUER that is no URL', { ISSUER: 'as.example' }, /^ISSUER must be a URL/],
  ['no CLIENT_ID', { CLIENT_ID: '' }, /^CLIENT_ID is not set: /],
  ['no CLIENT_KEY', { CLIENT_KEY: '' }, /^CLIENT_KEY is not set: /],
  ['a CLIENT_KEY that is not there', { CLIENT_KEY: '/no/key.pem' }, /^CLIENT_KEY .*ENOENT/],
  ['an ISSUER of http elsewhere', { ISSUER: 'http://as.example' }, /HTTPS/],
];

for (const [what, env, message] of WRONG) {
  test(`with ${what} the program says so and exits with 1`, async () => {
    const { code, stderr } = await run({ ...SETTINGS, ...env });
    assert.equal(code, 1);
    assert.match(stderr, message);
  });
}
