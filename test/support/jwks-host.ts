import type { RequestListener } from 'node:http';
import type { TestContext } from 'node:test';
import type { AssertionClient } from '../../lib/index.js';
import type { JwksUriOptions } from '../../lib/keys/jwks-uri.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { assertionForm, signAssertion } from './assertion.js';
import { type KeyPair, newKeyPair } from './keys.js';
import { json, type RemoteHost, remoteHost, remoteOptions } from './remote-host.js';
import { type TokenEndpoint, tokenEndpoint } from './token-endpoint.js';

/** A client's web server with its JWK Set. */
export interface JwksHost extends RemoteHost {
  readonly uri: string;
  /** Publishes keys instead of those before. */
  publish(...keys: readonly JsonWebKey[]): void;
  /** Behaves in another way from now on; without a listener, serves the keys again. */
  behave(listener?: RequestListener): void;
}

/** Starts a client's web server. */
export async function jwksHost(
  t: TestContext,
  keys: readonly JsonWebKey[] = [],
  headers: Record<string, string> = {},
  at: { readonly name?: string; readonly address?: string } = {},
): Promise<JwksHost> {
  let published = keys;
  const serve = json(() => ({ keys: published }), headers);
  let listener = serve;
  const host = await remoteHost((request, response) => listener(request, response), at);
  t.after(() => host.close());
  // Assigned, not spread: the counters are getters.
  return Object.assign(host, {
    uri: `${host.origin}/jwks.json`,
    publish(...next: readonly JsonWebKey[]) {
      published = next;
    },
    behave(next: RequestListener = serve) {
      listener = next;
    },
  });
}

/** A new key pair whose public half has a `kid`. */
export const namedKey = (kid: string, alg = 'ES256'): KeyPair => newKeyPair(alg, { kid });

/** The client whose one secret is a `jwks_uri`. */
export const clientAt = (value: string, clientId = 'client'): AssertionClient => ({
  clientId,
  secrets: [{ type: 'JwksUri', value }],
});

/** An assertion that names its key, as most clients do. */
export const signNamed = (pair: KeyPair, clientId = 'client') =>
  signAssertion(clientId, { pair, header: { kid: pair.publicJwk.kid } });

/** A token endpoint that fetches from the hosts of tests. */
export async function fetchingEndpoint(
  t: TestContext,
  clients: readonly AssertionClient[],
  options: JwksUriOptions = {},
): Promise<TokenEndpoint> {
  const jwksUri = { ...(await remoteOptions()), ...options };
  const endpoint = await tokenEndpoint(clients, { jwksUri });
  t.after(() => endpoint.close());
  return endpoint;
}

/** Posts an assertion and gives the status of the answer. */
export async function statusOf(endpoint: TokenEndpoint, assertion: Promise<string> | string) {
  const response = await endpoint.post(assertionForm(await assertion));
  await response.arrayBuffer();
  return response.status;
}
