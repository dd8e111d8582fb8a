import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  ConfidentialClientApplication,
  type INetworkModule,
  type NetworkRequestOptions,
} from '@azure/msal-node';
import { fetchToken } from '@modelcontextprotocol/sdk/client/auth.js';
import { PrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { ManagementClient } from 'auth0';
import express from 'express';
import { type CryptoKey, decodeJwt, decodeProtectedHeader, importPKCS8, SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { AssertionService, clientAssertion } from '../../lib/client/index.js';
import {
  type AuthenticationEvent,
  authenticateClient,
  CLIENT_ASSERTION_TYPE,
  PrivateKeyJwtStrategy,
  type Secret,
} from '../../lib/index.js';
import { certificateOf } from '../support/certificate.js';
import { ROOT } from '../support/docs.js';
import { pem } from '../support/key-forms.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';

// What today's client libraries send by default, and that a strategy without any option takes it.

const CLIENT_ID = '3f1a6c5e-3b1c-4d0a-9f57-000000000001';
const PAIR = newKeyPair('RS256');
const CERTIFICATE = await certificateOf(PAIR);
const SECRETS: readonly Secret[] = [{ type: 'X509CertificateBase64', value: CERTIFICATE }];

const ISSUER = 'https://as.example';
const TOKEN_ENDPOINT = 'https://as.example/token';
const TENANT = 'https://login.microsoftonline.com/contoso.example';

/** A server that a library talks to, whatever host it thinks that it calls. */
interface Server {
  /** Takes every request to the endpoint of this process. */
  readonly send: typeof fetch;
  readonly forms: Record<string, string>[];
  readonly events: AuthenticationEvent[];
}

async function serverOf(t: TestContext, issuer: string, tokenEndpoint: string): Promise<Server> {
  const [forms, events]: [Record<string, string>[], AuthenticationEvent[]] = [[], []];
  const strategy = new PrivateKeyJwtStrategy(
    { issuer, tokenEndpoint, onAuthentication: (event) => events.push(event) },
    (clientId) => (clientId === CLIENT_ID ? { clientId, secrets: SECRETS } : undefined),
  );
  const app = express();
  app.post(
    new URL(tokenEndpoint).pathname,
    express.urlencoded({ extended: false }),
    (request, _response, next) => {
      forms.push(request.body);
      next();
    },
    authenticateClient(strategy),
    (_request, response) => {
      response.json({ access_token: 'at', token_type: 'Bearer', expires_in: 3600 });
    },
  );
  app.get('/{*path}', (_request, response) => response.json({ keys: [] }));
  const local = await listen(app);
  t.after(() => local.close());
  const send: typeof fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    return fetch(new URL(new URL(url).pathname, local.url), init);
  };
  return { send, forms, events };
}

/** What the table of docs/providers.md says of a library. */
interface Row {
  readonly library: string;
  /** Whose version is in the table. */
  readonly package: string;
  readonly issuer?: string;
  readonly tokenEndpoint?: string;
  readonly run: (server: Server) => Promise<unknown>;
  readonly aud: 'issuer' | 'token endpoint';
  readonly typ: 'none' | 'JWT' | 'client-authentication+jwt';
  readonly alg: string;
  readonly key: string;
  /** In seconds. */
  readonly lifetime: readonly number[];
  readonly times: string;
  readonly clientId: boolean;
}

const rsaKey = (alg: string): Promise<CryptoKey> => importPKCS8(pem(PAIR), alg);
const metadata = { issuer: ISSUER, token_endpoint: TOKEN_ENDPOINT };

async function useOpenIdClient({ send }: Server, auth: openid.ClientAuth): Promise<void> {
  const config = new openid.Configuration(metadata, CLIENT_ID, undefined, auth);
  config[openid.customFetch] = send as openid.CustomFetch;
  await openid.clientCredentialsGrant(config);
}

const ROWS: readonly Row[] = [
  {
    library: 'this package',
    package: '../package.json',
    run: async (server) => {
      const service = new AssertionService({ clientId: CLIENT_ID, key: PAIR.privateKey });
      await useOpenIdClient(server, clientAssertion(service));
    },
    aud: 'issuer',
    typ: 'client-authentication+jwt',
    alg: 'RS256',
    key: '`kid`',
    lifetime: [60],
    times: '`iat`, `nbf`',
    clientId: true,
  },
  {
    library: 'openid-client, `PrivateKeyJwt`',
    package: 'openid-client',
    run: async (server) =>
      useOpenIdClient(server, openid.PrivateKeyJwt({ key: await rsaKey('RS256') })),
    aud: 'issuer',
    typ: 'none',
    alg: 'RS256',
    key: 'nothing',
    lifetime: [60],
    times: '`iat`, `nbf`',
    clientId: true,
  },
  {
    library: 'oauth4webapi, `PrivateKeyJwt`',
    package: 'oauth4webapi',
    run: async ({ send }) => {
      const client = { client_id: CLIENT_ID };
      const auth = oauth.PrivateKeyJwt(await rsaKey('RS256'));
      const customFetch = { [oauth.customFetch]: send as never };
      const response = await oauth.clientCredentialsGrantRequest(
        metadata,
        client,
        auth,
        new URLSearchParams(),
        customFetch,
      );
      await oauth.processClientCredentialsResponse(metadata, client, response);
    },
    aud: 'issuer',
    typ: 'none',
    alg: 'RS256',
    key: 'nothing',
    lifetime: [60],
    times: '`iat`, `nbf`',
    clientId: true,
  },
  {
    library: 'MSAL Node, certificate',
    package: '@azure/msal-node',
    issuer: `${TENANT}/v2.0`,
    tokenEndpoint: `${TENANT}/oauth2/v2.0/token`,
    run: useMsal,
    aud: 'token endpoint',
    typ: 'JWT',
    alg: 'PS256',
    key: '`x5t#S256`',
    // Its nbf is rounded, its iat is not.
    lifetime: [600, 601],
    times: '`iat`, `nbf`',
    clientId: true,
  },
  {
    library: 'node-auth0, `ManagementClient`',
    package: 'auth0',
    issuer: 'https://tenant.auth0.com/',
    tokenEndpoint: 'https://tenant.auth0.com/oauth/token',
    run: async ({ send }) => {
      const management = new ManagementClient({
        domain: 'tenant.auth0.com',
        clientId: CLIENT_ID,
        clientAssertionSigningKey: pem(PAIR),
        fetch: (url, init) => send(String(url), init),
      });
      await management.clients.list().catch(() => {});
    },
    aud: 'issuer',
    typ: 'none',
    alg: 'RS256',
    key: 'nothing',
    lifetime: [180],
    times: '`iat`',
    clientId: true,
  },
  {
    library: 'MCP SDK, `PrivateKeyJwtProvider`',
    package: '@modelcontextprotocol/sdk',
    run: async ({ send }) => {
      const provider = new PrivateKeyJwtProvider({
        clientId: CLIENT_ID,
        privateKey: pem(PAIR),
        algorithm: 'RS256',
        expectedIssuer: ISSUER,
      });
      const server = { ...metadata, authorization_endpoint: ISSUER, response_types_supported: [] };
      await fetchToken(provider, ISSUER, { metadata: server, fetchFn: send });
    },
    aud: 'issuer',
    typ: 'JWT',
    alg: 'RS256',
    key: 'nothing',
    lifetime: [300],
    times: '`iat`',
    clientId: false,
  },
  {
    library: 'jose, `SignJWT` by hand',
    package: 'jose',
    run: async ({ send }) => {
      const jwt = await new SignJWT()
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer(CLIENT_ID)
        .setSubject(CLIENT_ID)
        .setAudience(TOKEN_ENDPOINT)
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(PAIR.privateKey);
      const form = { client_assertion: jwt, client_assertion_type: CLIENT_ASSERTION_TYPE };
      const body = new URLSearchParams({ grant_type: 'client_credentials', ...form });
      await send(TOKEN_ENDPOINT, { method: 'POST', body });
    },
    aud: 'token endpoint',
    typ: 'none',
    alg: 'RS256',
    key: 'nothing',
    lifetime: [3600],
    times: '`iat`',
    clientId: false,
  },
];

async function useMsal({ send: post }: Server): Promise<void> {
  const send = async <T>(url: string, options: NetworkRequestOptions = {}) => {
    const method = options.body === undefined ? 'GET' : 'POST';
    const response = await post(url, { method, ...options });
    return {
      headers: Object.fromEntries(response.headers),
      body: (await response.json()) as T,
      status: response.status,
    };
  };
  const networkClient: INetworkModule = { sendGetRequestAsync: send, sendPostRequestAsync: send };
  const msal = new ConfidentialClientApplication({
    auth: {
      clientId: CLIENT_ID,
      authority: TENANT,
      authorityMetadata: JSON.stringify({
        issuer: `${TENANT}/v2.0`,
        authorization_endpoint: `${TENANT}/oauth2/v2.0/authorize`,
        token_endpoint: `${TENANT}/oauth2/v2.0/token`,
        jwks_uri: `${TENANT}/discovery/v2.0/keys`,
      }),
      clientCertificate: {
        thumbprintSha256: new X509Certificate(CERTIFICATE).fingerprint256.replaceAll(':', ''),
        privateKey: pem(PAIR),
      },
    },
    system: { networkClient },
  });
  await msal.acquireTokenByClientCredential({ scopes: ['https://graph.microsoft.com/.default'] });
}

const KEY_PARAMETERS = ['kid', 'x5t', 'x5t#S256', 'x5c'];
const quoted = (names: readonly string[]): string =>
  names.map((name) => `\`${name}\``).join(', ') || 'nothing';

const versionOf = (name: string): string => {
  const path =
    name === '../package.json' ? 'package.json' : join('node_modules', name, 'package.json');
  const { version } = JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { version: string };
  return version.split('.').slice(0, 2).join('.');
};

/** The rows of a table in Markdown, without the white space that aligns them. */
const cellsIn = (markdown: string): readonly string[] =>
  markdown
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.replaceAll(/\s*\|\s*/g, '|'));

for (const row of ROWS) {
  const { library, issuer = ISSUER, tokenEndpoint = TOKEN_ENDPOINT } = row;

  test(`${library}: the defaults accept what it sends, and the guide says what that is`, async (t) => {
    const server = await serverOf(t, issuer, tokenEndpoint);
    await row.run(server);
    const form = server.forms[0] ?? assert.fail('nothing was sent');
    const [event] = server.events;
    assert.deepEqual([event?.outcome, event?.reason], ['success', undefined]);

    const assertion = form['client_assertion'] ?? '';
    const header = decodeProtectedHeader(assertion) as Record<string, unknown>;
    const claims = decodeJwt(assertion);
    const start = claims.iat ?? claims.nbf ?? 0;
    const lifetime = Number(claims.exp) - start;
    assert.ok(row.lifetime.includes(lifetime), `it lives ${lifetime} s`);
    assert.equal(claims.aud, row.aud === 'issuer' ? issuer : tokenEndpoint);
    const measured = {
      typ: header['typ'] ?? 'none',
      alg: header['alg'],
      key: quoted(KEY_PARAMETERS.filter((name) => name in header)),
      times: quoted(['iat', 'nbf'].filter((name) => name in claims)),
      clientId: form['client_id'] === CLIENT_ID,
    };
    const { typ, alg, key, times, clientId } = row;
    assert.deepEqual(measured, { typ, alg, key, times, clientId });

    const [name, ...detail] = library.split(', ');
    const label = [`${name} ${versionOf(row.package)}`, ...detail].join(', ');
    const type = typ === 'none' ? 'none' : `\`${typ}\``;
    const seconds = row.lifetime.join(' or ');
    const line = `|${label}|${row.aud}|${type}|${alg}|${key}|${seconds}|${times}|${clientId ? 'yes' : 'no'}|`;
    const guide = cellsIn(readFileSync(join(ROOT, 'docs', 'providers.md'), 'utf8'));
    assert.ok(guide.includes(line), `docs/providers.md lacks ${line}`);
  });
}
