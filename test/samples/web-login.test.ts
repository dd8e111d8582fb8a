import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../support/free-port.js';
import { pem } from '../support/key-forms.js';
import { keyPair } from '../support/keys.js';
import { type NpmScript, npmRun } from '../support/npm-script.js';
import { startTokenServer, type TokenServer } from '../support/token-server.js';
import { newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const folder = await mkdtemp(join(tmpdir(), 'sample-web-login-'));
const url = `http://localhost:${await freePort()}`;
let server: TokenServer;
let sample: NpmScript;

before(async () => {
  server = await startTokenServer([
    {
      client_id: 'web',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [pair.publicJwk] },
      redirect_uris: [`${url}/callback`],
      post_logout_redirect_uris: [`${url}/`],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid profile email offline_access',
      require_signed_request_object: true,
    },
  ]);
  const CLIENT_KEY = join(folder, 'client.pem');
  await writeFile(CLIENT_KEY, pem(pair));
  const PORT = new URL(url).port;
  sample = npmRun('sample:web-login', { PORT, ISSUER: server.url, CLIENT_ID: 'web', CLIENT_KEY });
  await sample.line(/^listening on /);
});
after(async () => {
  assert.equal(await sample.stop(), 0);
  await server.stop();
  await rm(folder, { recursive: true });
});

test('a user who asks for a page logs in, and logs out at the provider too', async () => {
  const visitor = newVisitor();
  const consent = await visitor.submit(await visitor.open(`${url}/account`));
  const account = await visitor.submit(consent);
  assert.equal(account.url.href, `${url}/account`);
  const { claims, expiresAt } = JSON.parse(account.body);
  assert.equal(claims.sub, 'alice');
  assert.equal(claims.iss, server.url);
  assert.ok(expiresAt > Date.now() / 1000);

  const end = await visitor.submit(await visitor.open(url));
  assert.equal(end.url.href, `${url}/`);
  assert.match(end.body, /Log in/);
  assert.equal((await server.events('grant_ended', 1))[0]?.['reason'], 'revoked_by_client');
  const again = await visitor.open(`${url}/login`);
  assert.match(again.body, /<title>Log in</, 'the provider has ended its session');
});

test('a user who must log in again comes back to the requested page', async () => {
  const visitor = newVisitor();
  const login = await visitor.submit(await visitor.open(`${url}/account?tab=1`));
  const account = await visitor.submit(login);
  assert.equal(account.url.href, `${url}/account?tab=1`);
});

test('a stranger sees no account', async () => {
  const { url: at } = await newVisitor(url).open(`${url}/account`);
  assert.equal(at.origin, server.url);
});
