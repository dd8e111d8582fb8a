import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import {
  ConfidentialClientApplication,
  type INetworkModule,
  type NetworkRequestOptions,
} from '@azure/msal-node';
import { ManagementClient } from 'auth0';
import express from 'express';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import {
  AssertionService,
  CLIENT_ASSERTION_TYPE,
  presets,
  SigningKey,
} from '../../lib/client/index.js';
import { ClientAssertionValidator } from '../../lib/index.js';
import { certificateOf } from '../support/certificate.js';
import { pem } from '../support/key-forms.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';

const CLIENT_ID = '3f1a6c5e-3b1c-4d0a-9f57-000000000001';
const PAIR = newKeyPair('RS256');

/** A token endpoint on loopback that notes the forms it is sent. */
async function tokenEndpoint(t: TestContext) {
  const forms: Record<string, string>[] = [];
  const app = express();
  app.use(express.urlencoded({ extended: false }));
  app.post('/{*path}', (request, response) => {
    forms.push(request.body);
    response.json({ access_token: 'at', token_type: 'Bearer', expires_in: 3600 });
  });
  app.get('/{*path}', (_request, response) => response.json({ keys: [] }));
  const server = await listen(app);
  t.after(() => server.close());
  /** Where a request for the vendor goes instead. */
  const local = (url: string): string => new URL(new URL(url).pathname, server.url).href;
  return { forms, local };
}

const parts = (assertion = '') => ({
  header: decodeProtectedHeader(assertion) as Record<string, unknown>,
  claims: decodeJwt(assertion) as Record<string, unknown>,
});

const TIMES = ['iat', 'nbf', 'exp'];

/** Compares claim by claim: each of theirs is in ours, with the same value but for times and ids. */
function assertSame(
  ours: Record<string, unknown>,
  theirs: Record<string, unknown>,
  added: readonly string[],
): void {
  assert.deepEqual(
    Object.keys(ours).sort(),
    [...Object.keys(theirs), ...added].sort(),
    'the same names, and what is added',
  );
  for (const [name, value] of Object.entries(theirs)) {
    if (name === 'jti')
      assert.match(String(ours[name]), /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    else if (TIMES.includes(name)) assert.equal(typeof ours[name], typeof value, name);
    else assert.deepEqual(ours[name], value, name);
  }
}

const lifetime = ({ exp, iat, nbf }: Record<string, unknown>): number =>
  Number(exp) - Number(iat ?? nbf);

test('Entra ID: our assertion equals that of MSAL with the same certificate, and lives no longer', async (t) => {
  const { forms, local } = await tokenEndpoint(t);
  const tenant = 'https://login.microsoftonline.com/contoso.example';
  const certificate = await certificateOf(PAIR);
  const send = async <T>(url: string, options: NetworkRequestOptions = {}) => {
    const method = options.body === undefined ? 'GET' : 'POST';
    const response = await fetch(local(url), { method, ...options });
    return {
      headers: Object.fromEntries(response.headers),
      body: (await response.json()) as T,
      status: response.status,
    };
  };
  const networkClient: INetworkModule = {
    sendGetRequestAsync: send,
    sendPostRequestAsync: send,
  };
  const msal = new ConfidentialClientApplication({
    auth: {
      clientId: CLIENT_ID,
      authority: tenant,
      authorityMetadata: JSON.stringify({
        issuer: `${tenant}/v2.0`,
        authorization_endpoint: `${tenant}/oauth2/v2.0/authorize`,
        token_endpoint: `${tenant}/oauth2/v2.0/token`,
        jwks_uri: `${tenant}/discovery/v2.0/keys`,
      }),
      clientCertificate: {
        thumbprintSha256: new X509Certificate(certificate).fingerprint256.replaceAll(':', ''),
        privateKey: pem(PAIR),
      },
    },
    system: { networkClient },
  });
  await msal.acquireTokenByClientCredential({ scopes: ['https://graph.microsoft.com/.default'] });
  assert.equal(forms[0]?.['client_assertion_type'], CLIENT_ASSERTION_TYPE);
  const theirs = parts(forms[0]?.['client_assertion']);

  const service = new AssertionService({
    ...presets.microsoftEntraId,
    clientId: CLIENT_ID,
    key: { key: PAIR.privateKey, certificate },
  });
  const server = { issuer: `${tenant}/v2.0`, token_endpoint: `${tenant}/oauth2/v2.0/token` };
  const ours = parts(await service.createClientToken({ server }));
  assertSame(ours.header, theirs.header, []);
  assertSame(ours.claims, theirs.claims, []);
  assert.ok(lifetime(ours.claims) <= lifetime(theirs.claims));

  const validator = new ClientAssertionValidator({}, () => ({
    clientId: CLIENT_ID,
    secrets: [{ type: 'X509CertificateBase64', value: certificate }],
  }));
  const result = await validator.validate({
    issuer: server.issuer,
    tokenEndpoint: server.token_endpoint,
    parameters: {
      client_assertion_type: forms[0]?.['client_assertion_type'] ?? '',
      client_assertion: forms[0]?.['client_assertion'] ?? '',
    },
  });
  assert.equal(result.client.clientId, CLIENT_ID, "the server half takes MSAL's");
});

test("Auth0: our assertion equals that of Auth0's SDK with the same key, and lives no longer", async (t) => {
  const { forms, local } = await tokenEndpoint(t);
  const management = new ManagementClient({
    domain: 'tenant.auth0.com',
    clientId: CLIENT_ID,
    clientAssertionSigningKey: pem(PAIR),
    fetch: (url, init) => fetch(local(String(url)), init),
  });
  await management.clients.list().catch(() => {});
  assert.equal(forms[0]?.['client_assertion_type'], CLIENT_ASSERTION_TYPE);
  const theirs = parts(forms[0]?.['client_assertion']);

  const service = new AssertionService({
    ...presets.auth0,
    clientId: CLIENT_ID,
    key: SigningKey.from(PAIR.privateKey),
    issuer: 'https://tenant.auth0.com/',
  });
  const ours = parts(await service.createClientToken());
  assertSame(ours.header, theirs.header, []);
  assertSame(ours.claims, theirs.claims, ['nbf']);
  assert.ok(lifetime(ours.claims) <= lifetime(theirs.claims));
});
