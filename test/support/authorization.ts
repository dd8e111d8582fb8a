import { createHash, randomBytes } from 'node:crypto';
import { assertionForm, signAssertion } from './assertion.js';
import type { KeyPair } from './keys.js';
import type { TokenServer } from './token-server.js';
import { logIn, newVisitor } from './visitor.js';

export const REDIRECT_URI = 'https://client.example/callback';

/** The metadata of a client that logs users in, but for its id and the differences. */
export const webClient = (
  { publicJwk }: KeyPair,
  differences: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> => ({
  jwks: { keys: [publicJwk] },
  redirect_uris: [REDIRECT_URI],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid profile email',
  ...differences,
});

/** A PKCE verifier and its challenge (RFC 7636). */
export interface Pkce {
  readonly verifier: string;
  readonly challenge: string;
}

/** A new PKCE verifier. */
export function pkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** The parameters of a valid authorization request, but for the differences. */
export function authorizationParameters(
  clientId: string,
  { challenge }: Pkce,
  differences: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const parameters = {
    client_id: clientId,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile',
    state: 'the-state',
    nonce: 'the-nonce',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...differences,
  };
  return Object.fromEntries(
    Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** The URL of the authorization endpoint with parameters. */
export const authorizationUrl = (
  { url }: TokenServer,
  parameters: Readonly<Record<string, string>>,
): string => `${url}/authorize?${new URLSearchParams(parameters)}`;

/** The URL of a valid authorization request, but for the differences. */
export const requestUrl = (
  server: TokenServer,
  clientId: string,
  differences: Readonly<Record<string, string | undefined>> = {},
): string => authorizationUrl(server, authorizationParameters(clientId, pkce(), differences));

/** A client that calls the token server with assertions. */
export interface AssertionCaller {
  readonly clientId: string;
  readonly pair: KeyPair;
}

/** Posts a form with a fresh assertion. */
export async function postAs(
  server: TokenServer,
  { clientId, pair }: AssertionCaller,
  path: string,
  form: Readonly<Record<string, string>>,
): Promise<Response> {
  const assertion = await signAssertion(clientId, { pair, claims: { aud: server.url } });
  return server.post(path, assertionForm(assertion, form));
}

/** Logs in and redeems the code; the token response. */
export async function tokensOfLogin(
  server: TokenServer,
  client: AssertionCaller,
  differences: Readonly<Record<string, string | undefined>> = {},
): Promise<Record<string, string>> {
  const proof = pkce();
  const parameters = authorizationParameters(client.clientId, proof, differences);
  const callback = await logIn(newVisitor(server.url), authorizationUrl(server, parameters));
  const response = await postAs(server, client, '/token', {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: REDIRECT_URI,
    code_verifier: proof.verifier,
  });
  return (await response.json()) as Record<string, string>;
}
