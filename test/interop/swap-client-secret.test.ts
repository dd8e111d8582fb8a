import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  refreshTokenGrant,
} from 'openid-client';
import { type AuthorizationServer, authorizationServer } from '../support/authorization-server.js';
import { newBrowser } from '../support/browser.js';
import { importBlock, ROOT } from '../support/docs.js';
import { pem } from '../support/key-forms.js';
import { newKeyPair } from '../support/keys.js';
import { discover } from '../support/relying-party.js';

const CLIENT_ID = 'mvc.jar.jwt';
const CALLBACK = 'https://client.example/cb';
const CLIENT_SECRET = 'the secret that everybody knows by now';

type Environment = Record<string, string | undefined>;

interface Example {
  clientAuthentication(clientId: string, env: Environment): Promise<ClientAuth>;
}

/** The client of docs/swap-a-client-secret.md, as its environment makes it. */
async function exampleOf(t: TestContext) {
  const folder = await mkdtemp(join(ROOT, 'test', '.swap-'));
  t.after(() => rm(folder, { recursive: true }));
  const example = await importBlock<Example>('docs/swap-a-client-secret.md', 1, folder);
  const configure = async (server: AuthorizationServer, env: Environment) =>
    discover(server.url, CLIENT_ID, await example.clientAuthentication(CLIENT_ID, env));

  /** Logs a user in and refreshes the tokens: the refresh token. */
  const logIn = async (server: AuthorizationServer, env: Environment): Promise<string> => {
    const config = await configure(server, env);
    const url = buildAuthorizationUrl(config, { redirect_uri: CALLBACK, scope: 'openid' });
    const callback = await newBrowser().openUntil(url, CALLBACK);
    const tokens = await authorizationCodeGrant(config, callback, { idTokenExpected: true });
    assert.equal(tokens.claims()?.sub, 'alice');
    return refresh(server, env, tokens.refresh_token);
  };
  const refresh = async (server: AuthorizationServer, env: Environment, refreshToken = '') => {
    const tokens = await refreshTokenGrant(await configure(server, env), refreshToken);
    return tokens.refresh_token ?? '';
  };
  const keyFile = join(folder, 'client.pem');
  return { logIn, refresh, keyFile };
}

test('a login moves from a client_secret to assertions, with a period in which both work', async (t) => {
  const { logIn, refresh, keyFile } = await exampleOf(t);
  const withSecret = { CLIENT_SECRET };
  const withKey = { CLIENT_KEY_FILE: keyFile };
  const server = await authorizationServer({
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secrets: [],
  });
  t.after(() => server.close());

  const first = await logIn(server, withSecret);
  assert.deepEqual(server.methods.splice(0), ['client_secret_post', 'client_secret_post']);

  const pair = newKeyPair('ES256');
  await writeFile(keyFile, pem(pair));
  await assert.rejects(logIn(server, withKey), { error: 'invalid_client' });

  const secrets = [{ type: 'JsonWebKey', value: pair.publicJwk }] as const;
  server.register({
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secrets,
    clientSecretAllowed: true,
  });
  await logIn(server, withSecret);
  await logIn(server, withKey);
  const moved = await refresh(server, withKey, first);
  await refresh(server, withSecret, moved);
  assert.deepEqual(server.methods.splice(0), [
    'client_secret_post',
    'client_secret_post',
    'private_key_jwt',
    'private_key_jwt',
    'private_key_jwt',
    'client_secret_post',
  ]);

  server.register({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, secrets });
  const last = await logIn(server, withKey);
  await assert.rejects(logIn(server, withSecret), { error: 'invalid_client' });
  await assert.rejects(refresh(server, withSecret, last), { error: 'invalid_client' });

  server.register({ clientId: CLIENT_ID, secrets });
  await logIn(server, withKey);
  await assert.rejects(logIn(server, withSecret), { error: 'invalid_client' });
  assert.ok(server.methods.every((method) => method === 'private_key_jwt'));
});
