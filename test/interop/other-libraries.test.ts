import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { Strategy } from 'openid-client/passport';
import { AssertionService } from '../../lib/client/index.js';
import { newBrowser } from '../support/browser.js';
import { codeOf, importBlock, ROOT } from '../support/docs.js';
import { newKeyPair } from '../support/keys.js';
import { openIdProvider, SUBJECT } from '../support/openid-provider.js';
import { CLIENT_ID, relyingParty } from '../support/relying-party.js';

test('the own Passport strategy of openid-client logs in with an assertion', async (t) => {
  const party = await relyingParty();
  t.after(() => party.close());
  const strategy = new Strategy(
    { config: party.config, callbackURL: `${party.url}/cb`, scope: 'openid' },
    (tokens, verified) => verified(null, { sub: tokens.claims()?.sub }),
  );
  party.use(strategy as never);
  const page = await newBrowser().open(`${party.url}/login`);
  assert.deepEqual(JSON.parse(page.body).user, { sub: SUBJECT }, page.body);
  assert.equal(party.provider.assertions.at(-1)?.claims['sub'], CLIENT_ID);
});

async function clientAuthOfGuide(t: TestContext): Promise<oauth.ClientAuth> {
  const folder = await mkdtemp(join(ROOT, 'test', '.libraries-'));
  t.after(() => rm(folder, { recursive: true }));
  const document = 'docs/other-libraries.md';
  const index = (await codeOf(document, 'ts')).findIndex((code) => code.includes('oauth4webapi'));
  const { clientAuth } = await importBlock<{ clientAuth: oauth.ClientAuth }>(
    document,
    index,
    folder,
  );
  return clientAuth;
}

test('oauth4webapi gets a token with the client authentication of the guide', async (t) => {
  const key = newKeyPair('ES256').privateKey;
  const { key: signing } = new AssertionService({ clientId: CLIENT_ID, key });
  const provider = await openIdProvider({
    client_id: CLIENT_ID,
    jwks: { keys: [signing.publicJwk as never] },
  });
  t.after(() => provider.close());
  const { issuer } = provider;
  Object.assign(globalThis, {
    assertions: new AssertionService({ clientId: CLIENT_ID, key, issuer }),
  });
  const clientAuth = await clientAuthOfGuide(t);
  const server = { issuer, token_endpoint: `${issuer}/token` };
  const client = { client_id: CLIENT_ID };
  const insecure = { [oauth.allowInsecureRequests]: true };
  const response = await oauth.clientCredentialsGrantRequest(
    server,
    client,
    clientAuth,
    {},
    insecure,
  );
  const token = await oauth.processClientCredentialsResponse(server, client, response);
  assert.equal(token.token_type, 'bearer');
});
