import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { AssertionService } from '../../lib/client/index.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { newBrowser } from '../support/browser.js';
import { ROOT } from '../support/docs.js';
import { freePort } from '../support/free-port.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { type OpenIdProvider, openIdProvider, SUBJECT } from '../support/openid-provider.js';
import { frameworkProject } from './project.js';

// samples/nest, compiled and run as its user does. Nest 11 is CommonJS and requires this package.

interface NestApp {
  readonly url: string;
  readonly provider: OpenIdProvider;
  output(): string;
  stop(): Promise<void>;
}

async function startSample(name: string): Promise<NestApp> {
  const project = await frameworkProject(name);
  const source = join(project.folder, 'src');
  await rm(source, { recursive: true, force: true });
  await cp(join(ROOT, 'samples', 'nest'), source, { recursive: true });
  await cp(join(import.meta.dirname, 'nest-more'), source, { recursive: true });
  await project.run('typescript/bin/tsc');

  const port = await freePort();
  const url = `http://localhost:${port}`;
  const pair = newKeyPair('ES256');
  const { key } = new AssertionService({ clientId: 'nest', key: pair.privateKey });
  const provider = await openIdProvider({
    client_id: 'nest',
    redirect_uris: [`${url}/callback`],
    jwks: { keys: [key.publicJwk as never] },
  });
  const clients = [
    { clientId: 'client', secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk }] },
  ];
  const at = (file: string) => join(project.folder, 'dist', file);
  await writeFile(at('clients.json'), JSON.stringify(clients));
  await writeFile(at('client.pem'), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const child = spawn(process.execPath, [at('main-with-more.js')], {
    env: {
      ...process.env,
      PORT: String(port),
      CLIENTS: at('clients.json'),
      CLIENT_KEY: at('client.pem'),
      PROVIDER: provider.issuer,
      SESSION_SECRET: 'a secret of the tests',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (text) => {
    output += text;
  });
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      output += `${line}\n`;
      if (line.startsWith('listening on')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`It ended with ${code}:\n${output}`)));
  });
  return {
    url,
    provider,
    output: () => output,
    async stop() {
      child.kill();
      await once(child, 'exit');
      await provider.close();
    },
  };
}

for (const name of ['nest-11', 'nest-12']) {
  describe(`the sample with ${name}`, { timeout: 240_000 }, () => {
    let app: NestApp;
    before(async () => {
      app = await startSample(name);
    });
    after(() => app.stop());

    const post = async (path: string, body: URLSearchParams) => {
      const response = await fetch(`${app.url}${path}`, { method: 'POST', body });
      return {
        status: response.status,
        cache: response.headers.get('cache-control'),
        cookie: response.headers.get('set-cookie'),
        body: (await response.json()) as Record<string, unknown>,
      };
    };
    const form = async (path: string, claims: Record<string, unknown> = {}) =>
      assertionForm(
        await signAssertion('client', { claims: { aud: `${app.url}${path}`, ...claims } }),
        { grant_type: 'client_credentials' },
      );

    test('the guard gives a token for an assertion, once, and sets no cookie', async () => {
      const body = await form('/token');
      const answer = await post('/token', body);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.equal(answer.body['token_type'], 'Bearer');
      assert.equal(answer.cookie, null);
      const again = await post('/token', body);
      assert.equal(again.status, 401);
      assert.equal(again.body['error'], 'invalid_client');
      assert.equal(again.cache, 'no-store');
      assert.doesNotMatch(app.output(), /ERROR/, 'a refusal is no error of the application');
    });

    test('validate returns null for an unknown client: 401 as in RFC 6749 §5.2', async () => {
      const assertion = await signAssertion('stranger', { claims: { aud: app.url } });
      const answer = await post('/token', assertionForm(assertion));
      assert.equal(answer.status, 401);
      assert.deepEqual(Object.keys(answer.body), ['error', 'error_description']);
      assert.equal(answer.body['error'], 'invalid_client');
    });

    test('no assertion: 401 invalid_client', async () => {
      const answer = await post(
        '/token',
        new URLSearchParams({ grant_type: 'client_credentials' }),
      );
      assert.equal(answer.status, 401);
      assert.equal(answer.body['error'], 'invalid_client');
    });

    test('two ways to authenticate: 400 invalid_request (RFC 6749 §2.3)', async () => {
      const body = await form('/token');
      body.set('client_secret', 'secret');
      const answer = await post('/token', body);
      assert.equal(answer.status, 400);
      assert.equal(answer.body['error'], 'invalid_request');
    });

    test('authenticateClient as a middleware authenticates, and answers errors itself', async () => {
      const answer = await post('/introspect', await form('/introspect'));
      assert.deepEqual(answer.body, { active: false, client_id: 'client' });
      const refused = await post('/introspect', await form('/introspect', { exp: 1 }));
      assert.equal(refused.status, 401);
      assert.equal(refused.body['error'], 'invalid_client');
    });

    for (const [path, status] of Object.entries({ rejects: 503, throws: 503, refuses: 401 })) {
      test(`a validate that ${path} is ${status} by Nest's own filter`, async () => {
        const answer = await post(`/more/${path}`, await form(`/more/${path}`));
        assert.equal(answer.status, status);
        assert.equal(answer.body['statusCode'], status);
        assert.equal(typeof answer.body['message'], 'string');
      });
    }

    test('a user logs in at the provider and stays logged in', async () => {
      const browser = newBrowser();
      assert.deepEqual(JSON.parse((await browser.open(app.url)).body), { user: null });
      const page = await browser.open(`${app.url}/login`);
      assert.equal(page.status, 200, page.body);
      assert.deepEqual(JSON.parse(page.body), { user: { sub: SUBJECT } });
      assert.equal(app.provider.assertions.at(-1)?.route, 'token');
    });

    test('a user who refuses at the provider is not logged in', async () => {
      app.provider.decision = 'deny';
      const browser = newBrowser();
      const page = await browser.open(`${app.url}/login`);
      app.provider.decision = 'approve';
      assert.ok(page.status >= 400 && page.status < 500, `${page.status} ${page.body}`);
      assert.deepEqual(JSON.parse((await browser.open(app.url)).body), { user: null });
    });
  });
}
