import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { KeyPair } from './keys.js';
import { listen } from './listen.js';
import { platformKey, SUBJECT } from './platform.js';
import { startTokenServer, type TokenServer } from './token-server.js';

interface Cleaner {
  after(close: () => unknown): void;
}

/** A platform on this machine, over http, whose signing key a test may change. */
export async function localPlatform(t: Cleaner) {
  const keys: KeyPair[] = [platformKey()];
  const server = await listen((request, response) => {
    const document =
      request.url === '/openid/v1/jwks'
        ? { keys: keys.map(({ publicJwk }) => publicJwk) }
        : { issuer: server.url, jwks_uri: `${server.url}/openid/v1/jwks` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  t.after(() => server.close());
  return {
    issuer: server.url,
    keys,
    /** The key that signs: the newest. */
    get pair() {
      return keys.at(-1) as KeyPair;
    },
  };
}

/** The demo's authorization server, with a client that trusts the platform. */
export async function trustingServer(t: Cleaner, issuer: string): Promise<TokenServer> {
  const secrets = [{ type: 'FederatedIdentity', issuer, subject: SUBJECT }];
  const server = await startTokenServer(
    [{ client_id: 'orders', secrets, grant_types: ['client_credentials'], scope: 'api1' }],
    { ALLOW_LOCAL_NETWORK: '1' },
  );
  t.after(() => server.stop());
  return server;
}

/** An API that takes the access tokens of the server, and says whose they are. */
export async function protectedApi(t: Cleaner, server: TokenServer) {
  const metadata = await fetch(`${server.url}/.well-known/oauth-authorization-server`);
  const { issuer, jwks_uri } = (await metadata.json()) as { issuer: string; jwks_uri: string };
  const keys = createRemoteJWKSet(new URL(jwks_uri));
  const api = await listen(async (request, response) => {
    const [, token = ''] = (request.headers.authorization ?? '').split(' ');
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, typ: 'at+jwt' });
      response.end(`ten lamps for ${payload['client_id']}`);
    } catch {
      response.writeHead(401).end('no');
    }
  });
  t.after(() => api.close());
  return { url: `${api.url}/orders` };
}
