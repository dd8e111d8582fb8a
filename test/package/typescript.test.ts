import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installed, type Project } from '../support/packed.js';

const COMPILER = ['typescript', '@types/node'];

/** As strict as the compiler can be, and without sparing the declarations of packages. */
const STRICT = {
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  target: 'es2022',
  lib: ['es2022'],
  types: ['node'],
  module: 'nodenext',
};

async function compile(project: Project, source: string, options: object = {}): Promise<void> {
  await project.write({
    'index.ts': source,
    'tsconfig.json': JSON.stringify({ compilerOptions: { ...STRICT, ...options } }),
  });
  const { exitCode, stdout } = await project.bin('tsc', []);
  assert.equal(exitCode, 0, stdout);
}

const SERVER = `
  import {
    type AssertionClient,
    ClientAssertionValidator,
    oauthErrorHandler,
    PrivateKeyJwtStrategy,
  } from 'passport-private-key-jwt';
  import { RedisReplayStore, type RedisClient } from 'passport-private-key-jwt/redis';
  import { replayStoreConformance } from 'passport-private-key-jwt/replay-conformance';

  declare const redis: RedisClient;
  interface Client extends AssertionClient { readonly name: string }
  const client: Client = {
    clientId: 'client',
    name: 'Client',
    secrets: [{ type: 'X509CertificateBase64', value: 'MIID', expiration: new Date(0) }],
  };
  class Strategy extends PrivateKeyJwtStrategy<Client> {
    override authenticate(...args: Parameters<PrivateKeyJwtStrategy['authenticate']>): void {
      super.authenticate(...args);
    }
  }
  const options = { issuer: 'https://as.example', replay: new RedisReplayStore(redis) };
  export const strategy = new Strategy(options, async (clientId: string) =>
    clientId === client.clientId ? client : undefined,
  );
  export const name: Promise<string> = new ClientAssertionValidator(options, () => client)
    .validate({
      issuer: options.issuer,
      parameters: { client_assertion: '', client_assertion_type: '' },
    })
    .then((authenticated) => authenticated.client.name);
  export const handler = oauthErrorHandler();
  export const tests = replayStoreConformance(() => ({ store: options.replay }));
`;

const CLIENT = `
  import { discovery } from 'openid-client';
  import { AssertionService, clientAssertion } from 'passport-private-key-jwt/client';

  const assertions = new AssertionService({ clientId: 'client', key: '-----BEGIN…' });
  export const token: Promise<string> = assertions.createClientToken();
  export const configuration = discovery(
    new URL('https://as.example'), 'client', undefined, clientAssertion(assertions),
  );
`;

const EXPRESS = `
  import express from 'express';
  import passport from 'passport';
  import { authenticateClient, oauthErrorHandler } from 'passport-private-key-jwt';
  import {
    OpenIdConnectStrategy, type OpenIdConnectStrategyOptions,
  } from 'passport-private-key-jwt/client';
  import { strategy } from './server.js';
  export { configuration } from './client.js';

  declare const options: OpenIdConnectStrategyOptions;
  passport.use(strategy);
  passport.use('oidc', new OpenIdConnectStrategy(options, (tokens, verified) => {
    verified(null, { sub: tokens.claims()?.sub });
  }));
  const app = express();
  app.post('/token', express.urlencoded({ extended: false }), authenticateClient(strategy));
  app.use(oauthErrorHandler());
`;

/** A provider as each SDK types it, and one of our own. */
const mcp = (sdk: string): string => `
  import express from 'express';
  import { mcpAuthRouter, type McpServerProvider } from 'passport-private-key-jwt/mcp';
  import type { OAuthServerProvider } from '${sdk}';

  declare const provider: OAuthServerProvider;
  declare const own: McpServerProvider;
  const issuerUrl = new URL('https://as.example');
  const app = express();
  export const auth = mcpAuthRouter({ provider, issuerUrl });
  app.use(auth, mcpAuthRouter({ provider: own, issuerUrl }));
  app.post('/mcp', auth.requireBearerAuth(['tools']));
`;

const MCP_CLIENT = `
  import { AssertionService } from 'passport-private-key-jwt/client';
  import { mcpClientAuthentication } from 'passport-private-key-jwt/mcp';
  import type { OAuthClientProvider } from '@modelcontextprotocol/client';

  declare const assertions: AssertionService;
  export const add: NonNullable<OAuthClientProvider['addClientAuthentication']> =
    mcpClientAuthentication(assertions);
`;

test('the server half compiles without the types of Express or Passport', async (t) => {
  const project = await installed(t, 'module', COMPILER);
  await compile(project, SERVER);
  await compile(project, SERVER, { module: 'esnext', moduleResolution: 'bundler' });
});

test('a CommonJS project compiles the server half', async (t) => {
  const project = await installed(t, 'commonjs', COMPILER);
  for (const module of ['nodenext', 'node20']) await compile(project, SERVER, { module });
});

test('the client half compiles with only openid-client', async (t) => {
  const project = await installed(t, 'module', [...COMPILER, 'openid-client']);
  await compile(project, CLIENT);
});

test('both halves fit the types of Express, Passport and openid-client', async (t) => {
  const packages = ['openid-client', 'express', 'passport', '@types/express', '@types/passport'];
  const project = await installed(t, 'module', [...COMPILER, ...packages]);
  await project.write({ 'server.ts': SERVER, 'client.ts': CLIENT });
  await compile(project, EXPRESS);
});

for (const [sdk, module] of [
  ['@modelcontextprotocol/sdk', '@modelcontextprotocol/sdk/server/auth/provider.js'],
  ['@modelcontextprotocol/server-legacy', '@modelcontextprotocol/server-legacy/auth'],
] as const) {
  test(`the router for MCP servers fits the types of ${sdk}, with no other SDK`, async (t) => {
    const packages = [sdk, 'express', '@types/express'];
    const project = await installed(t, 'module', [...COMPILER, ...packages]);
    await compile(project, mcp(module), { skipLibCheck: true, declaration: true });
  });
}

test('client authentication fits the types of the MCP SDK 2', async (t) => {
  const packages = ['@modelcontextprotocol/client', 'openid-client'];
  await compile(await installed(t, 'module', [...COMPILER, ...packages]), MCP_CLIENT);
});
