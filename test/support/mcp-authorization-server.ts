import { createHash, randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { OAuthClientInformationFull } from '@modelcontextprotocol/sdk/shared/auth.js';
import express from 'express';
import type { AuthenticationEvent } from '../../lib/index.js';
import { mcpAuthRouter } from '../../lib/mcp/index.js';
import { assertionForm, type Differences, ISSUER, signAssertion } from './assertion.js';
import { namedKey } from './jwks-host.js';
import { listen } from './listen.js';
import { Clients, Provider } from './mcp-provider.js';
import { remoteOptions } from './remote-host.js';

/** The SDK's issuer identifier of a server without a path has a slash. */
export const MCP_ISSUER = `${ISSUER}/`;
export const MCP_RESOURCE = new URL('/mcp', ISSUER);
export const REDIRECT_URI = 'https://client.example/callback';
export const CLIENT_CREDENTIALS = { grant_type: 'client_credentials' };

const pair = namedKey('1');

/** Registered with the key that `proved` signs with. */
export const withKeys: OAuthClientInformationFull = {
  client_id: 'client',
  redirect_uris: [REDIRECT_URI],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [pair.publicJwk] },
};

/** Registered as the SDK registers clients by itself. */
export const withSecret: OAuthClientInformationFull = {
  client_id: 'secret',
  client_secret: 'a secret of the client',
  redirect_uris: [REDIRECT_URI],
};

/** An authorization server on the SDK's handlers, and what its operator learned. */
export interface McpAuthorizationServer {
  readonly events: AuthenticationEvent[];
  readonly url: string;
  request(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, form: Record<string, string> | URLSearchParams): Promise<Response>;
  register(metadata: object): Promise<Response>;
  /** Gets a code as a browser would: the form that redeems it, or the refusal in place of a code. */
  code(clientId: string): Promise<{ grant_type: string; code: string; code_verifier: string }>;
}

/** Starts an authorization server with the provider of the sample. */
export async function mcpAuthorizationServer(
  t: TestContext,
  clients: readonly OAuthClientInformationFull[],
  options: Partial<Parameters<typeof mcpAuthRouter>[0]> = {},
): Promise<McpAuthorizationServer> {
  const events: AuthenticationEvent[] = [];
  const own = options.provider instanceof Provider ? options.provider : undefined;
  const provider = own ?? new Provider(new Clients(clients), MCP_RESOURCE, ['tools']);
  const app = express();
  app.set('trust proxy', true);
  // As createMcpExpressApp of the SDK does.
  app.use(express.json());
  const auth = mcpAuthRouter({
    provider,
    issuerUrl: new URL(MCP_ISSUER),
    resourceServerUrl: MCP_RESOURCE,
    ...options,
    clientAssertion: {
      onAuthentication: (event) => events.push(event),
      jwksUri: await remoteOptions(),
      ...options.clientAssertion,
    },
  });
  app.use(auth);
  app.all('/mcp', auth.requireBearerAuth(['tools']), (request, response) => {
    response.json((request as { auth?: object }).auth);
  });
  const listening = await listen(app);
  t.after(() => listening.close());

  const request = (path: string, init?: RequestInit) => fetch(listening.url + path, init);
  return {
    events,
    url: listening.url,
    request,
    post: (path, form) => request(path, { method: 'POST', body: new URLSearchParams(form) }),
    register: (metadata) =>
      request('/register', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(metadata),
      }),
    async code(clientId) {
      const code_verifier = randomBytes(32).toString('base64url');
      const query = new URLSearchParams({
        client_id: clientId,
        redirect_uri: REDIRECT_URI,
        response_type: 'code',
        code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
        code_challenge_method: 'S256',
      });
      const page = await (await request(`/authorize?${query}`)).text();
      const ticket = /name="ticket" value="([^"]+)"/.exec(page)?.[1] ?? '';
      const code = provider.answer(ticket, true)?.searchParams.get('code') ?? page;
      return { grant_type: 'authorization_code', code, code_verifier };
    },
  };
}

/** A form as a client with keys sends it: with an assertion, and without a client_id. */
export async function proved(
  form: Record<string, string>,
  { clientId = 'client', ...differences }: Differences & { clientId?: string } = {},
): Promise<URLSearchParams> {
  const claims = { aud: MCP_ISSUER, ...differences.claims };
  return assertionForm(await signAssertion(clientId, { pair, ...differences, claims }), form);
}

/** Takes an answer in JSON apart. */
export async function answerOf(pending: Promise<Response>) {
  const response = await pending;
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body };
}
