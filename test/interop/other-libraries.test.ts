import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type {
  ConfidentialClientApplication,
  INetworkModule,
  NetworkRequestOptions,
} from '@azure/msal-node';
import * as oauth from 'oauth4webapi';
import { Strategy } from 'openid-client/passport';
import { AssertionService } from '../../lib/client/index.js';
import { type AuthenticationEvent, ClientAssertionValidator } from '../../lib/index.js';
import { newBrowser } from '../support/browser.js';
import { codeOf, importBlock, ROOT } from '../support/docs.js';
import { newKeyPair } from '../support/keys.js';
import { openIdProvider, SUBJECT } from '../support/openid-provider.js';
import { CLIENT_ID, relyingParty } from '../support/relying-party.js';

test("openid-client's own Passport strategy logs in with an assertion", async (t) => {
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

test("MSAL's callback gives each request its own assertion, which our server accepts", async (t) => {
  const tenant = 'https://login.microsoftonline.com/contoso.example';
  const tokenEndpoint = `${tenant}/oauth2/v2.0/token`;
  const issuer = `${tenant}/v2.0`;
  const pair = newKeyPair('RS256');
  const service = new AssertionService({ clientId: CLIENT_ID, key: pair.privateKey, issuer });
  const events: AuthenticationEvent[] = [];
  const validator = new ClientAssertionValidator(
    { onAuthentication: (event) => events.push(event) },
    () => ({
      clientId: CLIENT_ID,
      secrets: [{ type: 'JsonWebKey', value: JSON.stringify(service.key.publicJwk) }],
    }),
  );
  const send = async <T>(url: string, options: NetworkRequestOptions = {}) => {
    assert.equal(url.split('?', 1)[0], tokenEndpoint);
    const request = new Request(url, { method: 'POST', ...options });
    const { answer } = await validator.authenticate(request, { issuer, tokenEndpoint });
    const token = { access_token: 'at', token_type: 'Bearer', expires_in: 3600 };
    const body = answer === undefined ? token : JSON.parse(answer.body);
    return { headers: {}, body: body as T, status: answer?.status ?? 200 };
  };
  const networkClient: INetworkModule = { sendGetRequestAsync: send, sendPostRequestAsync: send };
  const authorityMetadata = JSON.stringify({
    issuer,
    authorization_endpoint: `${tenant}/oauth2/v2.0/authorize`,
    token_endpoint: tokenEndpoint,
    jwks_uri: `${tenant}/discovery/v2.0/keys`,
  });
  Object.assign(globalThis, {
    issuer: tenant,
    clientId: CLIENT_ID,
    assertions: service,
    network: { system: { networkClient } },
    metadata: { authorityMetadata },
  });
  const folder = await mkdtemp(join(ROOT, 'test', '.libraries-'));
  t.after(() => rm(folder, { recursive: true }));
  const document = 'docs/other-libraries.md';
  const index = (await codeOf(document, 'ts')).findIndex((code) => code.includes('msal-node'));
  const { msal } = await importBlock<{ msal: ConfidentialClientApplication }>(
    document,
    index,
    folder,
    '\nexport { msal };\n',
    // The example as it stands, but that MSAL asks the network above.
    (code) => {
      const changed = code
        .replace('auth: { ', 'auth: { ...metadata, ')
        .replace(/^\}\);$/m, '  ...network,\n});');
      assert.ok(changed.includes('...metadata') && changed.includes('...network'), changed);
      return changed;
    },
  );
  for (const scope of [
    'https://graph.microsoft.com/.default',
    'https://vault.azure.net/.default',
  ]) {
    const token = await msal.acquireTokenByClientCredential({ scopes: [scope] });
    assert.equal(token?.accessToken, 'at');
  }
  assert.deepEqual(
    events.map(({ outcome, reason }) => reason ?? outcome),
    ['success', 'success'],
  );
  assert.equal(new Set(events.map(({ jtiHash }) => jtiHash)).size, 2);
});
