import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { clientCertificate } from '../support/certificate.js';
import { runCli, temporaryFolder } from '../support/cli.js';
import { privateJwk } from '../support/key-forms.js';
import { keyPair } from '../support/keys.js';

const DAY = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY);
const jwk = (alg: string, more: object = {}) => ({
  type: 'JsonWebKey',
  value: { ...keyPair(alg).publicJwk, ...more },
});

const certificate = async (days: number) => ({
  type: 'X509CertificateBase64',
  value: (
    await clientCertificate(keyPair('ES256'), { notBefore: inDays(-90), notAfter: inDays(days) })
  ).base64,
});

async function audit(t: TestContext, content: unknown, args: readonly string[] = []) {
  const file = join(await temporaryFolder(t), 'clients.json');
  await writeFile(file, JSON.stringify(content));
  const { exitCode, stdout, stderr } = await runCli(['audit', file, ...args, '--json']);
  assert.equal(stderr, '');
  const { clients } = JSON.parse(stdout) as {
    clients: { clientId: string; findings: { severity: string; message: string }[] }[];
  };
  return { exitCode, clients };
}

/** What is registered, the profile, and what the audit says of it. */
const ROWS: readonly (readonly [string, object, readonly string[], number, readonly RegExp[]])[] = [
  ['a good client', { secrets: [jwk('ES256')] }, ['--profile', 'fapi2'], 0, []],
  ['an RSA key, which PS256 takes', { secrets: [jwk('PS256')] }, ['--profile', 'fapi2'], 0, []],
  [
    'a key for RS256 alone (FAPI 2.0 §5.4.1)',
    { secrets: [jwk('RS256', { alg: 'RS256', kid: 'old' })] },
    ['--profile', 'fapi2'],
    1,
    [/error JsonWebKey, key "old": it works with RS256, but FAPI 2\.0 allows only PS256/],
  ],
  ['the same without a profile', { secrets: [jwk('RS256', { alg: 'RS256' })] }, [], 0, []],
  [
    'a key of P-384',
    { secrets: [jwk('ES384')] },
    ['--profile', 'fapi2'],
    1,
    [/it works with ES384/],
  ],
  [
    'a shared secret',
    { secrets: [{ type: 'SharedSecret', value: 's'.repeat(40) }] },
    ['--profile', 'fapi2'],
    1,
    [/FAPI 2\.0 allows no shared secret/],
  ],
  [
    'a platform that is trusted',
    { secrets: [{ type: 'FederatedIdentity', issuer: 'https://k8s.example', subject: 'x' }] },
    ['--profile', 'fapi2'],
    0,
    [/warning FederatedIdentity: FAPI 2\.0 allows only PS256.*check what the platform signs with/],
  ],
  [
    'a platform with a wildcard',
    { secrets: [{ type: 'FederatedIdentity', issuer: 'https://k8s.example', subject: 'x*' }] },
    [],
    1,
    [/error .*without wildcards/],
  ],
  [
    'a registered alg',
    { secrets: [jwk('PS256')], tokenEndpointAuthSigningAlg: 'RS256' },
    ['--profile', 'fapi2'],
    1,
    [/token_endpoint_auth_signing_alg is RS256/],
  ],
  [
    'another method',
    { secrets: [jwk('ES256')], tokenEndpointAuthMethod: 'client_secret_basic' },
    ['--profile', 'issuer'],
    1,
    [/token_endpoint_auth_method is client_secret_basic/],
  ],
  [
    'a plain client_secret',
    { secrets: [jwk('ES256')], clientSecretAllowed: true },
    ['--profile', 'fapi2'],
    1,
    [/clientSecretAllowed is set/],
  ],
  [
    'a long lifetime',
    { secrets: [jwk('ES256')], maxLifetime: 3600 },
    ['--profile', 'issuer'],
    0,
    [/warning maxLifetime is 3600/],
  ],
  [
    'a secret that has expired',
    { secrets: [{ ...jwk('ES256'), expiration: inDays(-1) }] },
    [],
    1,
    [/error JsonWebKey: the secret expired at 2/],
  ],
  [
    'a secret that expires soon',
    { secrets: [{ ...jwk('ES256'), expiration: inDays(20), description: 'laptop' }] },
    [],
    0,
    [/warning JsonWebKey, "laptop": the secret expires at 2/],
  ],
  ['one that expires later', { secrets: [{ ...jwk('ES256'), expiration: inDays(40) }] }, [], 0, []],
  [
    'the same with --days',
    { secrets: [{ ...jwk('ES256'), expiration: inDays(40) }] },
    ['--days', '60'],
    0,
    [/expires at/],
  ],
  [
    'two keys, and only one fits the alg of the client',
    { secrets: [jwk('ES256'), jwk('RS256')], tokenEndpointAuthSigningAlg: 'ES256' },
    [],
    0,
    [],
  ],
  [
    'an alg that no key fits',
    { secrets: [jwk('ES256')], tokenEndpointAuthSigningAlg: 'RS256' },
    [],
    1,
    [/none of its keys can verify RS256/],
  ],
  [
    'a certificate that has expired',
    { secrets: [await certificate(-3)] },
    [],
    1,
    [/its certificate expired/],
  ],
  [
    'a certificate that expires',
    { secrets: [await certificate(3)] },
    [],
    0,
    [/its certificate expires/],
  ],
  ['no secret', { secrets: [] }, [], 1, [/the client has no secret/]],
  ['a disabled client', { secrets: [jwk('ES256')], disabled: true }, [], 0, [/is disabled/]],
  [
    'a private key',
    { secrets: [{ type: 'JsonWebKey', value: privateJwk(keyPair('ES256')) }] },
    [],
    1,
    [/JsonWebKey.*private key/],
  ],
];

for (const [what, client, args, status, expected] of ROWS) {
  test(`audit of ${what}: exit code ${status}`, async (t) => {
    const { exitCode, clients } = await audit(t, { clientId: 'a', ...client }, args);
    const findings = clients[0]?.findings.map(({ severity, message }) => `${severity} ${message}`);
    assert.equal(findings?.length, expected.length, JSON.stringify(findings));
    for (const [index, pattern] of expected.entries())
      assert.match(findings?.[index] ?? '', pattern);
    assert.equal(exitCode, status);
  });
}

test('the table has a line for each finding, and no value of a secret', async (t) => {
  const file = join(await temporaryFolder(t), 'clients.json');
  const secret = 'a shared secret that is long enough for HS256';
  const clients = [
    { clientId: 'good', secrets: [jwk('ES256')] },
    { client_id: 'shared', token_endpoint_auth_method: 'client_secret_jwt', client_secret: secret },
  ];
  await writeFile(file, JSON.stringify(clients));
  const { exitCode, stdout } = await runCli(['audit', file, '--profile', 'fapi2']);
  assert.equal(exitCode, 1);
  assert.match(stdout, /^good {4}ok$/m);
  assert.match(stdout, /^shared {2}error {4}token_endpoint_auth_method is client_secret_jwt/m);
  assert.match(stdout, /2 clients, 1 of them would fail\./);
  assert.doesNotMatch(stdout, /long enough/);
});

test('clients with one id are found by audit, and refused by inspect', async (t) => {
  const content = ['a', 'b', 'a'].map((clientId) => ({ clientId, secrets: [jwk('ES256')] }));
  const { exitCode, clients } = await audit(t, content);
  assert.equal(exitCode, 1);
  assert.deepEqual(
    clients.map(({ findings }) => findings.map(({ message }) => message)),
    [['several clients have this id'], [], ['several clients have this id']],
  );
  const file = join(await temporaryFolder(t), 'clients.json');
  await writeFile(file, JSON.stringify(content));
  const inspected = await runCli(['inspect', '--client', file, 'x']);
  assert.equal(inspected.exitCode, 2);
  assert.match(inspected.stderr, /has several clients with the id a\./);
});

test('audit needs a file', async () => {
  assert.equal((await runCli(['audit'])).exitCode, 2);
});
