import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FederatedIdentity } from '../../lib/index.js';
import { ISSUER, signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { runCli, temporaryFolder } from '../support/cli.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { platformKey, tokenOf, trustIn } from '../support/platform.js';

const SECRET = 'a shared secret that is long enough for HS256';

interface Inspection {
  readonly outcome: string;
  readonly now: number;
  readonly header: Record<string, unknown>;
  readonly claims: Record<string, unknown>;
  readonly checks: readonly { check: string; source: string; outcome: string; reason?: string }[];
  readonly warnings: readonly string[];
}

async function clientsFile(t: TestContext, content: unknown): Promise<string> {
  const file = join(await temporaryFolder(t), 'clients.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const registered = (t: TestContext) =>
  clientsFile(t, [{ client_id: 'client', jwks: { keys: [keyPair('ES256').publicJwk] } }]);

async function inspectJson(args: readonly string[], stdin = '') {
  const { exitCode, stdout, stderr } = await runCli(['inspect', '--json', ...args], { stdin });
  return { exitCode, stderr, inspection: JSON.parse(stdout) as Inspection };
}

const outcomes = ({ checks }: Inspection, outcome: string) =>
  checks.filter((report) => report.outcome === outcome).map(({ check }) => check);

test('an assertion of a registered client is accepted, its signature included', async (t) => {
  const args = ['--issuer', ISSUER, '--client', await registered(t)];
  const { exitCode, inspection } = await inspectJson([await signAssertion(), ...args]);
  assert.equal(exitCode, 0);
  assert.equal(inspection.outcome, 'accepted');
  assert.equal(inspection.header['alg'], 'ES256');
  assert.equal(inspection.claims['iss'], 'client');
  assert.ok(outcomes(inspection, 'passed').includes('signature'));
  assert.deepEqual(outcomes(inspection, 'skipped'), ['replay']);
});

test('the assertion is read from stdin, so that no process list shows it', async () => {
  const assertion = await signAssertion();
  for (const args of [[], ['-']]) {
    const { exitCode, inspection } = await inspectJson(args, `${assertion}\n`);
    assert.equal(exitCode, 0);
    assert.equal(inspection.claims['sub'], 'client');
  }
});

test('without --client and --issuer, the checks that need them are skipped', async () => {
  const { exitCode, inspection } = await inspectJson([await signAssertion()]);
  assert.equal(exitCode, 0);
  assert.equal(inspection.outcome, 'undecided');
  assert.deepEqual(outcomes(inspection, 'failed'), []);
  for (const check of ['aud', 'client', 'lifetime', 'key', 'signature']) {
    assert.ok(outcomes(inspection, 'skipped').includes(check), check);
  }
});

test('the readable output has one line for all checks that need --client', async () => {
  const { stdout } = await runCli(['inspect', await signAssertion(), '--issuer', ISSUER]);
  assert.deepEqual(stdout.match(/^ {2}skipped .*$/gm), [
    '  skipped  8 checks of the client, its keys and the signature: give --client to run them',
    '  skipped  replay                   RFC 7523 §3 (7)',
  ]);
});

test('every broken rule is named with its reason and RFC, and the exit code is 1', async (t) => {
  const assertion = await signAssertion('client', {
    pair: newKeyPair('ES256'),
    claims: { aud: 'https://other.example', jti: undefined },
  });
  const args = [assertion, '--issuer', ISSUER, '--client', await registered(t)];
  const { exitCode, inspection } = await inspectJson(args);
  assert.equal(exitCode, 1);
  assert.equal(inspection.outcome, 'refused');
  assert.deepEqual(
    inspection.checks.flatMap(({ check, reason }) => (reason ? [[check, reason]] : [])),
    [
      ['aud', 'audience_mismatch'],
      ['jti', 'jwt_id_invalid'],
      ['signature', 'signature_invalid'],
    ],
  );

  const { exitCode: plainExitCode, stdout } = await runCli(['inspect', ...args]);
  assert.equal(plainExitCode, 1);
  assert.match(stdout, /failed {3}aud +RFC 7523 §3 \(3\)/);
  assert.match(stdout, /audience_mismatch: .*\n +expected {2}\["https:\/\/as\.example"\]/);
  assert.match(stdout, /actual {4}"https:\/\/other\.example"/);
});

test('--token-endpoint is an audience, unless --audience issuer-string (RFC 10070)', async () => {
  const assertion = await signAssertion('client', { claims: { aud: TOKEN_ENDPOINT } });
  const args = [assertion, '--issuer', ISSUER, '--token-endpoint', TOKEN_ENDPOINT];
  assert.equal((await inspectJson(args)).exitCode, 0);
  const strict = await inspectJson([...args, '--audience', 'issuer-string']);
  assert.equal(strict.exitCode, 1);
  assert.deepEqual(outcomes(strict.inspection, 'failed'), ['aud']);
});

test('--now sets the time of the checks, in seconds or ISO 8601', async () => {
  const assertion = await signAssertion('client', {
    claims: { iat: 1_700_000_000, exp: 1_700_000_060 },
  });
  const expired = await inspectJson([assertion]);
  assert.deepEqual(outcomes(expired.inspection, 'failed'), ['exp is in the future']);
  for (const now of ['1700000030', '2023-11-14T22:13:50Z']) {
    const { exitCode, inspection } = await inspectJson([assertion, '--now', now]);
    assert.equal(exitCode, 0);
    assert.equal(inspection.now, 1_700_000_030);
  }
});

test('a text that is not a JWS is refused, and only one check is shown', async () => {
  const { exitCode, stdout } = await runCli(['inspect', 'not.an.assertion']);
  assert.equal(exitCode, 1);
  assert.match(stdout, /failed {3}encoding .*\n +assertion_malformed/);
  assert.doesNotMatch(stdout, /skipped/);
});

test('a client of the file may have secrets of its own types', async (t) => {
  const file = await clientsFile(t, [
    {
      client_id: 'client',
      secrets: [{ type: 'JsonWebKey', value: keyPair('RS256').publicJwk, description: 'laptop' }],
    },
  ]);
  const assertion = await signAssertion('client', { pair: keyPair('RS256') });
  const { inspection } = await inspectJson([assertion, '--issuer', ISSUER, '--client', file]);
  assert.equal(inspection.outcome, 'accepted');
});

for (const [what, content] of [
  ['metadata alone', { client_id: 'client', jwks: { keys: [keyPair('ES256').publicJwk] } }],
  [
    'a client as the application has it',
    { clientId: 'client', secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk }] },
  ],
  [
    'a list of both',
    [
      { clientId: 'client', secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk }] },
      { client_id: 'other', jwks_uri: 'https://other.example/jwks.json' },
    ],
  ],
] as const) {
  test(`the clients file may be ${what}`, async (t) => {
    const args = ['--issuer', ISSUER, '--client', await clientsFile(t, content)];
    const { inspection } = await inspectJson([await signAssertion(), ...args]);
    assert.equal(inspection.outcome, 'accepted');
  });
}

for (const [what, content] of [
  ['text', '"client"'],
  ['an object without an id', { jwks: { keys: [] } }],
  ['a client without secrets', { clientId: 'client' }],
  ['a client whose secrets are no list', { clientId: 'client', secrets: {} }],
  ['metadata with secrets that are text', [{ client_id: 'client', secrets: ['secret'] }]],
] as const) {
  test(`a clients file that is ${what} is refused, and the message says what it may be`, async (t) => {
    const file = await clientsFile(t, content);
    const { exitCode, stderr } = await runCli(['inspect', 'a.b.c', '--client', file]);
    assert.equal(exitCode, 2);
    assert.equal(
      stderr,
      `error: The clients file ${file} must be a client or an array of clients: metadata (RFC 7591) with a client_id, an object with clientId and secrets, or the output of keygen --client-id --json. Secrets are an array of objects.\n`,
    );
  });
}

test('keys at a jwks_uri are fetched, from this machine only with --allow-local-network', async (t) => {
  const host = await listen((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [keyPair('ES256').publicJwk] }));
  });
  t.after(() => host.close());
  const file = await clientsFile(t, [{ client_id: 'client', jwks_uri: `${host.url}/jwks` }]);
  const args = [await signAssertion(), '--issuer', ISSUER, '--client', file];
  const refused = await inspectJson(args);
  assert.equal(refused.exitCode, 1);
  assert.deepEqual(outcomes(refused.inspection, 'failed'), ['key']);
  const { inspection } = await inspectJson([...args, '--allow-local-network']);
  assert.equal(inspection.outcome, 'accepted');
});

test('no secret of the clients file is shown, in output or errors', async (t) => {
  const jwk = keyPair('ES256').privateKey.export({ format: 'jwk' });
  const privateMember = jwk.d as string;
  const clients = [
    { client_id: 'client', jwks: { keys: [jwk] } },
    { client_id: 'shared', token_endpoint_auth_method: 'client_secret_jwt', client_secret: SECRET },
  ];
  const [good, broken, wrong] = await Promise.all([
    clientsFile(t, clients),
    clientsFile(t, `${JSON.stringify(clients)} ${SECRET}`),
    clientsFile(t, { id: 'shared', client_secret: SECRET, jwk }),
  ]);
  const cases = [
    [good, 'client', 1],
    [good, 'shared', 1],
    [broken, 'client', 2],
    [wrong, 'client', 2],
  ] as const;
  for (const [file, clientId, expected] of cases) {
    const assertion = await signAssertion(clientId);
    for (const format of [[], ['--json']]) {
      const args = ['inspect', assertion, '--issuer', ISSUER, '--client', file, ...format];
      const { exitCode, stdout, stderr } = await runCli(args);
      assert.equal(exitCode, expected);
      for (const output of [stdout, stderr]) {
        assert.ok(!output.includes(privateMember));
        assert.ok(!output.includes(SECRET.slice(0, 8)));
      }
    }
  }
});

test('a private key among the secrets of the client is a warning', async (t) => {
  const jwk = keyPair('ES256').privateKey.export({ format: 'jwk' });
  const file = await clientsFile(t, [{ client_id: 'client', jwks: { keys: [jwk] } }]);
  const args = [await signAssertion(), '--issuer', ISSUER, '--client', file];
  const { exitCode, inspection } = await inspectJson(args);
  assert.equal(exitCode, 1);
  assert.match(inspection.warnings.join(), /holds a private key \(member d\)/);
});

test('control characters of an assertion do not reach the terminal', async () => {
  const claims = { iss: 'client\u001b[2J\u009b2J\u202e', sub: 'client\u001b[2J\u009b2J\u202e' };
  const assertion = await signAssertion('client', { claims });
  for (const format of [[], ['--json']]) {
    const { stdout } = await runCli(['inspect', assertion, ...format]);
    assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
  }
  const { inspection } = await inspectJson([assertion]);
  assert.equal(inspection.claims['iss'], claims.iss);
});

test('there is no colour if stdout is a pipe or NO_COLOR is set', async () => {
  const start = String.fromCharCode(27);
  const args = ['inspect', await signAssertion()];
  assert.ok(!(await runCli(args)).stdout.includes(start));
  assert.ok((await runCli(args, { env: { FORCE_COLOR: '1' } })).stdout.includes(start));
  assert.ok(!(await runCli(args, { env: { NO_COLOR: '1' } })).stdout.includes(start));
});

for (const [name, args, message] of [
  ['an unknown option', ['--nope'], /inspect has no option --nope/],
  ['an issuer that is no URL', ['--issuer', 'as.example'], /has no scheme/],
  ['a time that is none', ['--now', 'soon'], /ISO 8601/],
  ['an unknown audience mode', ['--audience', 'loose'], /compatible, issuer, issuer-string/],
  ['a clients file that is not there', ['--client', 'nowhere.json'], /cannot be read \(ENOENT\)/],
  ['no assertion', [], /as an argument or on stdin/],
] as const) {
  test(`${name} is a usage error: exit code 2`, async () => {
    const { exitCode, stdout, stderr } = await runCli(['inspect', ...args]);
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
}

test('an assertion with a claim nested 6,000 deep is refused, and the message names the depth', async () => {
  const claims = `{"iss":"client","deep":${'['.repeat(6000)}${']'.repeat(6000)}}`;
  const assertion = ['{"alg":"ES256"}', claims, 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
  const { exitCode, inspection } = await inspectJson(['-'], assertion);
  assert.equal(exitCode, 1);
  assert.equal(inspection.claims, undefined);
  const encoding = inspection.checks.find(({ check }) => check === 'encoding');
  assert.equal(encoding?.reason, 'assertion_malformed');
  const {
    exitCode: sameCode,
    stdout,
    stderr,
  } = await runCli(['inspect', '-'], { stdin: assertion });
  assert.deepEqual([sameCode, stderr], [1, '']);
  assert.match(stdout, /The assertion is refused/);
});

test('the JSON output of keygen is a valid clients file', async (t) => {
  const cwd = await temporaryFolder(t);
  const args = ['keygen', '--client-id', 'client', '--json'];
  const { stdout } = await runCli(args, { cwd });
  const { client, metadata } = JSON.parse(stdout);
  for (const content of [stdout, [JSON.parse(stdout)], client, metadata]) {
    const file = await clientsFile(t, content);
    const { inspection } = await inspectJson([await signAssertion(), '--client', file]);
    assert.ok(outcomes(inspection, 'passed').includes('client'), JSON.stringify(inspection.checks));
  }
});

for (const [what, wrap] of [
  ['quotes', (jwt: string) => `"${jwt}"`],
  ['the word Bearer', (jwt: string) => `Bearer ${jwt}`],
  ['the word Bearer', (jwt: string) => `Authorization: Bearer ${jwt}`],
  ['a form', (jwt: string) => `grant_type=client_credentials&client_assertion=${jwt}&scope=a`],
  ['JSON', (jwt: string) => JSON.stringify({ client_assertion: jwt })],
  ['line ends', (jwt: string) => jwt.replace(/.{60}/g, '$&\n')],
] as const) {
  test(`${what} around an assertion is removed, and the output says so`, async () => {
    const assertion = await signAssertion();
    const { exitCode, inspection } = await inspectJson([], `${wrap(assertion)}\n`);
    assert.equal(exitCode, 0);
    assert.equal(inspection.claims['iss'], 'client');
    assert.deepEqual(inspection.warnings, [
      `Removed from around the assertion: ${what}. A server would not remove this.`,
    ]);
  });
}

/** A token of a Kubernetes API server, and the client that trusts its workload. */
async function workload(t: TestContext, more: Partial<FederatedIdentity> = {}) {
  const pair = platformKey();
  const issuer = 'https://kubernetes.default.svc.cluster.local';
  const jwks = { keys: [pair.publicJwk] };
  const secrets = [trustIn({ issuer }, { jwks, ...more })];
  return {
    token: tokenOf({ issuer, pair }),
    file: await clientsFile(t, [{ client_id: 'workload', secrets }]),
  };
}

test('a platform’s token is checked against the secrets of the client that --client-id names', async (t) => {
  const { token, file } = await workload(t);
  const args = ['--issuer', ISSUER, '--client', file, '--client-id', 'workload'];
  const { exitCode, inspection } = await inspectJson([token, ...args]);
  assert.equal(exitCode, 0);
  assert.equal(inspection.outcome, 'accepted');
  assert.deepEqual(outcomes(inspection, 'skipped'), ['replay']);
  assert.ok(outcomes(inspection, 'passed').includes('further claims'));
  const { stdout } = await runCli(['inspect', token, ...args]);
  assert.match(stdout, /looks for replays only if the secret sets singleUse/);
  assert.match(stdout, /Every check passed: the assertion is accepted\.$/m);
});

test('a token of a platform that the client does not trust is refused, with the reason', async (t) => {
  const { token, file } = await workload(t, { subject: 'another' });
  const args = ['--issuer', ISSUER, '--client', file, '--client-id', 'workload'];
  const { exitCode, inspection } = await inspectJson([token, ...args]);
  assert.equal(exitCode, 1);
  assert.deepEqual(
    inspection.checks.flatMap(({ reason }) => reason ?? []),
    ['subject_mismatch'],
  );
});

test('without --client-id a token of a platform is refused, and the hint says why', async (t) => {
  const { token, file } = await workload(t);
  const { stdout, exitCode } = await runCli(['inspect', token, '--client', file]);
  assert.equal(exitCode, 1);
  assert.match(stdout, /subject_mismatch[\s\S]*send the client_id parameter/);
});

test('without --issuer the audience of a platform’s token is not checked', async (t) => {
  const { token, file } = await workload(t);
  const args = ['--client', file, '--client-id', 'workload'];
  const { inspection } = await inspectJson([token, ...args]);
  assert.equal(inspection.outcome, 'undecided');
  assert.ok(outcomes(inspection, 'skipped').includes('aud'));
});

test('what is wrong with a FederatedIdentity in the clients file is a warning', async (t) => {
  const { token, file } = await workload(t, { subject: 'system:*' });
  const args = ['--client', file, '--client-id', 'workload'];
  const { inspection } = await inspectJson([token, ...args]);
  assert.match(inspection.warnings.join(), /without wildcards/);
});
