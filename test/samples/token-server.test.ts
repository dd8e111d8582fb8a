import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as client from 'openid-client';
import { AssertionService, clientAssertion } from 'passport-private-key-jwt/client';
import { REDIRECT_URI } from '../support/authorization.js';
import { freePort } from '../support/free-port.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { type NpmScript, npmRun } from '../support/npm-script.js';
import { newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const folder = await mkdtemp(join(tmpdir(), 'sample-token-server-'));
const port = await freePort();
const issuer = `http://localhost:${port}`;
let sample: NpmScript;

const CLIENTS = [
  {
    client_id: 'machine',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [pair.publicJwk] },
    grant_types: ['client_credentials'],
    scope: 'api1 api2',
  },
  {
    client_id: 'web',
    client_name: '<b>Web</b>',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [pair.publicJwk] },
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'api1',
  },
];

before(async () => {
  const file = join(folder, 'clients.json');
  await writeFile(file, JSON.stringify(CLIENTS));
  sample = npmRun('sample:token-server', { PORT: String(port), CLIENTS_FILE: file });
  await sample.line(/^listening on /);
});
after(async () => {
  assert.equal(await sample.stop(), 0);
  await rm(folder, { recursive: true });
});

function configuration(clientId: string, { privateKey } = pair): Promise<client.Configuration> {
  const assertions = new AssertionService({ clientId, key: privateKey });
  return client.discovery(new URL(issuer), clientId, undefined, clientAssertion(assertions), {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  });
}

test('a machine client gets a token for its scopes', async () => {
  const config = await configuration('machine');
  const tokens = await client.clientCredentialsGrant(config, { scope: 'api2' });
  assert.equal(tokens.scope, 'api2');
  assert.equal(tokens.expires_in, 600);
  const introspected = await client.tokenIntrospection(config, tokens.access_token);
  assert.equal(introspected.active, true);
  assert.equal(introspected.sub, 'machine');
  const web = await configuration('web');
  assert.equal((await client.tokenIntrospection(web, tokens.access_token)).active, false);
  await assert.rejects(client.clientCredentialsGrant(config, { scope: 'admin' }), {
    error: 'invalid_scope',
  });
});

async function callback(config: client.Configuration, verifier: string) {
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: 'api1',
    state: 'the-state',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const visitor = newVisitor(issuer);
  const page = await visitor.open(url);
  assert.ok(page.body.includes('&#60;b&#62;Web&#60;&#47;b&#62; asks for access'), page.body);
  return (await visitor.submit(page)).url;
}

test('a user allows a client, which redeems the code with PKCE and refreshes its tokens once each', async () => {
  const config = await configuration('web');
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const url = await callback(config, pkceCodeVerifier);
  const checks = { pkceCodeVerifier, expectedState: 'the-state' };
  const tokens = await client.authorizationCodeGrant(config, url, checks);
  assert.equal((await client.tokenIntrospection(config, tokens.access_token)).sub, 'alice');
  await assert.rejects(client.authorizationCodeGrant(config, url, checks), {
    error: 'invalid_grant',
  });
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
  assert.ok(refreshed.refresh_token);
  await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token ?? ''), {
    error: 'invalid_grant',
  });
});

test('a code does not work without its verifier (RFC 7636 §4.6)', async () => {
  const config = await configuration('web');
  const url = await callback(config, client.randomPKCECodeVerifier());
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: 'the-state',
  };
  await assert.rejects(client.authorizationCodeGrant(config, url, checks), {
    error: 'invalid_grant',
  });
});

test('a client with another key, or for a grant that is not its own, is refused', async () => {
  const stranger = await configuration('machine', newKeyPair('ES256'));
  await assert.rejects(client.clientCredentialsGrant(stranger, {}), { error: 'invalid_client' });
  const web = await configuration('web');
  await assert.rejects(client.clientCredentialsGrant(web, {}), { error: 'unauthorized_client' });
});

test('an authorization request without PKCE, or to another redirect URI, gets no code', async () => {
  for (const differences of [{}, { redirect_uri: 'https://attacker.example/' }]) {
    const query = new URLSearchParams({
      client_id: 'web',
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      ...differences,
    });
    const { status, url } = await newVisitor(issuer).open(`${issuer}/authorize?${query}`);
    assert.ok(status >= 400 && status < 500, `${status}`);
    assert.equal(url.origin, issuer);
  }
});
