import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import express from 'express';
import { Provider } from 'oidc-provider';
import { runCli, temporaryFolder } from '../support/cli.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';

const RS256 = newKeyPair('RS256');

interface Result {
  readonly outcome: string;
  readonly error?: string;
  readonly exchanges: readonly {
    readonly method: string;
    readonly url: string;
    readonly parameters?: Record<string, string>;
    readonly assertion?: {
      readonly header: Record<string, unknown>;
      readonly claims: Record<string, unknown>;
    };
    readonly status?: number;
    readonly body?: Record<string, unknown>;
  }[];
}

async function keyFile(t: TestContext, pem: string | Buffer): Promise<string> {
  const file = join(await temporaryFolder(t), 'client.pem');
  await writeFile(file, pem);
  return file;
}

const privateKeyFile = (t: TestContext) =>
  keyFile(t, RS256.privateKey.export({ type: 'pkcs8', format: 'pem' }));

/** An oidc-provider on loopback with one client, whose key `keygen` has made. */
async function provider(t: TestContext) {
  const cwd = await temporaryFolder(t);
  const { stdout } = await runCli(['keygen', '--alg', 'RS256', '--json'], { cwd });
  const { jwks, privateKeyFile } = JSON.parse(stdout);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const issuer = `http://127.0.0.1:${address.port}`;
  const oidc = new Provider(issuer, {
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: ['api1'],
    jwks: { keys: [RS256.privateKey.export({ format: 'jwk' })] },
    clients: [
      {
        client_id: 'client',
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'RS256',
        jwks,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
  });
  server.on('request', oidc.callback());
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { issuer, key: join(cwd, privateKeyFile) };
}

const tokenArguments = (issuer: string, key: string, ...more: string[]) => [
  ...['token', '--issuer', issuer, '--client-id', 'client', '--key', key, '--allow-http'],
  ...more,
];

async function tokenJson(args: readonly string[]) {
  const { exitCode, stdout } = await runCli([...args, '--json']);
  return { exitCode, result: JSON.parse(stdout) as Result };
}

test('oidc-provider grants a token: discovery, assertion, client_credentials', async (t) => {
  const { issuer, key } = await provider(t);
  const args = tokenArguments(issuer, key, '--scope', 'api1');
  const { exitCode, result } = await tokenJson(args);
  assert.equal(exitCode, 0, result.error);
  assert.equal(result.outcome, 'granted');

  const [discovery, token] = result.exchanges;
  assert.equal(discovery?.url, `${issuer}/.well-known/openid-configuration`);
  assert.equal(discovery?.body?.['issuer'], issuer);
  assert.equal(token?.method, 'POST');
  assert.equal(token?.parameters?.['grant_type'], 'client_credentials');
  assert.equal(token?.parameters?.['scope'], 'api1');
  assert.equal(token?.assertion?.claims['aud'], issuer);
  assert.equal(token?.status, 200);
  assert.equal(token?.body?.['token_type'], 'Bearer');
  assert.equal(token?.body?.['access_token'], '(hidden)');
});

test('--show-token prints the token, as JSON and as text', async (t) => {
  const { issuer, key } = await provider(t);
  const args = tokenArguments(issuer, key, '--show-token');
  const { result } = await tokenJson(args);
  assert.match(String(result.exchanges.at(-1)?.body?.['access_token']), /^[\w-]{20,}$/);
  const { exitCode, stdout } = await runCli(args);
  assert.equal(exitCode, 0);
  assert.match(stdout, /"access_token": "[\w-]{20,}"/);
  assert.match(stdout, /client_assertion=\(signed\)\n {2}\{\n {4}"header"/);
});

/** A server that answers every token request in its own way, and keeps what it was sent. */
async function server(t: TestContext, answer: express.RequestHandler) {
  const assertions: string[] = [];
  const app = express();
  app.get('/.well-known/oauth-authorization-server', (request, response) => {
    const issuer = `http://${request.headers.host}`;
    response.json({ issuer, token_endpoint: `${issuer}/token`, response_types_supported: [] });
  });
  app.post('/token', express.urlencoded({ extended: false }), (request, response, next) => {
    assertions.push(request.body.client_assertion);
    answer(request, response, next);
  });
  const listening = await listen(app);
  t.after(() => listening.close());
  return { issuer: listening.url, assertions };
}

test('a server that has only RFC 8414 metadata is discovered too', async (t) => {
  const { issuer } = await server(t, (_request, response) => {
    response.json({ access_token: 'token', token_type: 'Bearer' });
  });
  const { exitCode, result } = await tokenJson(tokenArguments(issuer, await privateKeyFile(t)));
  assert.equal(exitCode, 0);
  assert.deepEqual(
    result.exchanges.map(({ status }) => status),
    [404, 200, 200],
  );
});

test('a refusal is shown and the exit code is 1', async (t) => {
  const { issuer } = await server(t, (_request, response) => {
    response.status(401).json({ error: 'invalid_client', error_description: 'No.' });
  });
  const args = tokenArguments(issuer, await privateKeyFile(t));
  const { exitCode, result } = await tokenJson(args);
  assert.equal(exitCode, 1);
  assert.equal(result.outcome, 'refused');
  assert.deepEqual(result.exchanges.at(-1)?.body, {
    error: 'invalid_client',
    error_description: 'No.',
  });
  const people = await runCli(args);
  assert.equal(people.exitCode, 1);
  assert.match(people.stdout, /^401\n {2}\{\n {4}"error": "invalid_client"/m);
  assert.equal(result.error, 'invalid_client: No.');
  assert.match(people.stdout, /^The server granted no token: invalid_client: No\.$/m);
  assert.match(
    people.stdout,
    /^The server's log has the reason\. To check an assertion .* inspect/m,
  );
});

test('a refusal of another kind is not blamed on the assertion', async (t) => {
  const { issuer } = await server(t, (_request, response) => {
    response.status(400).json({ error: 'invalid_scope' });
  });
  const { stdout } = await runCli(tokenArguments(issuer, await privateKeyFile(t)));
  assert.match(stdout, /^The server granted no token: invalid_scope$/m);
  assert.doesNotMatch(stdout, /inspect/);
});

test('an answer that is not an OAuth error is shown as it is', async (t) => {
  const { issuer } = await server(t, (_request, response) => {
    response.status(502).send('<h1>Bad gateway</h1>');
  });
  const { exitCode, result } = await tokenJson(tokenArguments(issuer, await privateKeyFile(t)));
  assert.equal(exitCode, 1);
  assert.match(result.error ?? '', /unexpected HTTP response status code|not a conform/);
});

test('no assertion is printed with its signature, even if the server sends it back', async (t) => {
  const { issuer, assertions } = await server(t, (request, response) => {
    const { client_assertion } = request.body;
    response.status(400).json({ error: 'invalid_client', error_description: client_assertion });
  });
  const args = tokenArguments(issuer, await privateKeyFile(t), '--show-token');
  for (const format of [[], ['--json']]) {
    const { stdout, stderr } = await runCli([...args, ...format]);
    const signature = assertions.at(-1)?.split('.')[2];
    assert.ok(signature !== undefined && signature !== '');
    assert.ok(!`${stdout}${stderr}`.includes(signature));
  }
});

test('--aud, --typ, --kid, --alg and --lifetime are in the assertion', async (t) => {
  const { issuer } = await server(t, (_request, response) => {
    response.json({ access_token: 'token', token_type: 'Bearer' });
  });
  const key = await privateKeyFile(t);
  const assertionOf = async (...more: string[]) => {
    const { result } = await tokenJson(tokenArguments(issuer, key, ...more));
    const assertion = result.exchanges.at(-1)?.assertion;
    assert.ok(assertion);
    return assertion;
  };
  const usual = await assertionOf();
  assert.equal(usual.header['typ'], 'client-authentication+jwt');
  assert.equal(usual.claims['aud'], issuer);

  const args = ['--aud', 'token_endpoint', '--typ', 'none', '--alg', 'PS256', '--kid', 'mine'];
  const { header, claims } = await assertionOf(...args, '--lifetime', '300');
  assert.deepEqual(header, { alg: 'PS256', kid: 'mine' });
  assert.equal(claims['aud'], `${issuer}/token`);
  assert.equal(Number(claims['exp']) - Number(claims['iat']), 300);
  assert.equal(
    (await assertionOf('--aud', 'https://as.example')).claims['aud'],
    'https://as.example',
  );
});

test('an encrypted key is opened with the passphrase in the environment', async (t) => {
  const { issuer } = await server(t, (_request, response) => {
    response.json({ access_token: 'token', token_type: 'Bearer' });
  });
  const passphrase = 'a passphrase';
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  const args = tokenArguments(issuer, await keyFile(t, RS256.privateKey.export(encrypted)));
  const env = { PRIVATE_KEY_PASSPHRASE: passphrase };
  assert.equal((await runCli(args, { env })).exitCode, 0);
  const refused = await runCli(args);
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /passphrase/);
});

const SECRET = 'a-token-that-must-stay-secret';

/** Answers that are no token response, and have a token all the same. */
const WITH_TOKEN: readonly (readonly [what: string, status: number, body: string])[] = [
  ['a form', 200, `access_token=${SECRET}&token_type=bearer`],
  ['JSON that is cut off', 200, `{"token_type":"Bearer","access_token":"${SECRET}`],
  ['a list', 200, `[{"access_token":"${SECRET}"}]`],
  ['an object in an object', 200, `{"data":{"token":{"accessToken":"${SECRET}"}}}`],
  ['XML', 200, `<token>${SECRET}</token>`],
  ['the token alone', 200, SECRET],
  ['a JSON text', 200, `"${SECRET}"`],
  ['an error with a form', 400, `error=x&refresh_token=${SECRET}`],
  ['an error with cut-off JSON', 500, `{"error": "x", "id_token" : "${SECRET}`],
];

for (const [what, status, body] of WITH_TOKEN) {
  test(`a token in ${what} (${status}) is printed only with --show-token (RFC 6749 §10.3)`, async (t) => {
    const { issuer } = await server(t, (_request, response) => {
      response.status(status).type('application/json').send(body);
    });
    const args = tokenArguments(issuer, await privateKeyFile(t));
    for (const format of [[], ['--json']]) {
      const { stdout, stderr } = await runCli([...args, ...format]);
      assert.ok(!`${stdout}${stderr}`.includes(SECRET), stdout);
      assert.match(stdout, new RegExp(`${status}`));
    }
    const shown = await runCli([...args, '--show-token']);
    assert.ok(shown.stdout.includes(SECRET), shown.stdout);
  });
}

test('an answer that never ends becomes an error before the deadline', async (t) => {
  const { issuer } = await server(t, async (_request, response) => {
    response.type('application/json');
    while (!response.destroyed) {
      if (!response.write(' '.repeat(65_536))) {
        await Promise.race([once(response, 'drain'), once(response, 'close')]);
      }
    }
  });
  const { exitCode, result } = await tokenJson(tokenArguments(issuer, await privateKeyFile(t)));
  assert.equal(exitCode, 1);
  assert.match(result.error ?? '', /too long/);
});

for (const [what, key] of [
  ['DER', RS256.privateKey.export({ type: 'pkcs8', format: 'der' })],
  [
    'UTF-16',
    Buffer.from(`\ufeff${RS256.privateKey.export({ type: 'pkcs8', format: 'pem' })}`, 'utf16le'),
  ],
] as const) {
  test(`a key file in ${what} is accepted`, async (t) => {
    const { issuer } = await server(t, (_request, response) => {
      response.json({ access_token: 'token', token_type: 'Bearer' });
    });
    const { exitCode, result } = await tokenJson(tokenArguments(issuer, await keyFile(t, key)));
    assert.equal(exitCode, 0, result.error);
  });
}

test('a server that does not answer is an error with its cause: exit code 1', async (t) => {
  const listening = await listen(() => {});
  await listening.close();
  const { exitCode, result } = await tokenJson(
    tokenArguments(listening.url, await privateKeyFile(t)),
  );
  assert.equal(exitCode, 1);
  assert.match(result.error ?? '', /ECONNREFUSED/);
  assert.equal(result.exchanges[0]?.status, undefined);
});

for (const [name, args, message] of [
  ['an http issuer without --allow-http', ['--issuer', 'http://as.example'], /--allow-http/],
  ['a key that is not there', ['--key', 'nowhere.pem'], /cannot be read \(ENOENT\)/],
  ['an alg that does not fit the key', ['--alg', 'ES256'], /does not fit the key/],
] as const) {
  test(`${name} is a usage error: exit code 2, and nothing is sent`, async (t) => {
    const usual = ['token', '--issuer', 'https://as.example', '--client-id', 'client'];
    const key = await privateKeyFile(t);
    const { exitCode, stdout, stderr } = await runCli([...usual, '--key', key, ...args]);
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
  });
}

test('an error about a key file names the file, not its content', async (t) => {
  const file = await keyFile(t, '{"kty":"RSA","d":"private"');
  await chmod(file, 0o600);
  const { exitCode, stderr } = await runCli(tokenArguments('http://127.0.0.1', file));
  assert.equal(exitCode, 2);
  assert.match(stderr, /The signing key cannot be used/);
  assert.ok(!stderr.includes('private"'));
});

test('if a server has no metadata, the error names the URLs that were tried', async (t) => {
  const app = express();
  const listening = await listen(app);
  t.after(() => listening.close());
  const args = ['--issuer', listening.url, '--allow-http', '--client-id', 'a'];
  const { exitCode, stdout } = await runCli(['token', ...args, '--key', await privateKeyFile(t)]);
  assert.equal(exitCode, 1);
  assert.match(
    stdout,
    /no metadata at http:\/\/.*openid-configuration or http:\/\/.*oauth-authorization-server: is the issuer/,
  );
  assert.doesNotMatch(stdout, /<!DOCTYPE|<pre>/);
});

test('a platform’s token is sent as the assertion, and a mistake in the token is an error', async (t) => {
  const app = express();
  const sent: URLSearchParams[] = [];
  app.get('/.well-known/openid-configuration', (request, response) => {
    const issuer = `http://${request.headers.host}`;
    response.json({ issuer, token_endpoint: `${issuer}/token` });
  });
  app.post('/token', express.text({ type: () => true }), (request, response) => {
    sent.push(new URLSearchParams(request.body as string));
    response.json({ access_token: 'a-token', token_type: 'Bearer' });
  });
  const listening = await listen(app);
  t.after(() => listening.close());
  const segment = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const tokenOf = (exp: number) =>
    `${segment({ alg: 'RS256' })}.${segment({ iss: 'https://k8s', sub: 'pod', exp })}.c2ln`;
  const file = await keyFile(t, Buffer.from(`${tokenOf(4_000_000_000)}\n`));
  const args = ['token', '--issuer', listening.url, '--allow-http', '--client-id', 'pod'];
  const granted = await runCli([...args, '--assertion-file', file]);
  assert.equal(granted.exitCode, 0, granted.stdout + granted.stderr);
  assert.equal(sent[0]?.get('client_assertion'), tokenOf(4_000_000_000));
  assert.doesNotMatch(granted.stdout, /c2ln/);

  const expired = await runCli([
    ...args,
    '--assertion-file',
    await keyFile(t, Buffer.from(tokenOf(1))),
  ]);
  assert.equal(expired.exitCode, 1);
  assert.match(expired.stdout, /The assertion of pod cannot be used: it expired/);
  const missing = await runCli([...args, '--assertion-file', `${file}.none`]);
  assert.match(missing.stdout, /could not be read \(ENOENT .*is the token mounted/);
  const neither = await runCli(args);
  assert.equal(neither.exitCode, 2);
  assert.match(neither.stderr, /Give --key, or --assertion-file/);
  assert.equal(sent.length, 1);
});
