// A workload that calls an API. Its platform signs for it, so it has no key and no secret.
import { readFile } from 'node:fs/promises';
import { allowInsecureRequests, discovery } from 'openid-client';
import {
  assertionFrom,
  ClientTokenManager,
  clientAssertion,
} from 'passport-private-key-jwt/client';

/** A variable of the environment that must be set. */
function required(name: string, what: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set: it must be ${what}.`);
}

/** Messages of an error and of its causes: the last one often says most. */
function messagesOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${messagesOf(cause)}` : message;
}

async function run(): Promise<void> {
  const issuer = new URL(required('ISSUER', 'the issuer identifier of the authorization server'));
  const clientId = required('CLIENT_ID', 'the client_id of the workload at the server');
  const tokenFile = required('TOKEN_FILE', 'the file with the token of the platform');
  const apiUrl = required('API_URL', 'the URL of the API');
  const { SCOPE: scope, CALLS = '1' } = process.env;

  // Asked before each token request, so that the platform may replace the file at any time.
  const assertions = assertionFrom(() => readFile(tokenFile, 'utf8'), { clientId });
  // openid-client refuses http unless it is allowed: here it stays on this machine.
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(issuer.hostname);
  const config = await discovery(
    issuer,
    clientId,
    undefined,
    clientAssertion(assertions), // instead of a client secret
    isLocal ? { execute: [allowInsecureRequests] } : {},
  );
  // Keeps the access token, and gets the next one before it expires.
  const callApi = new ClientTokenManager({ config }).fetch(apiUrl, scope ? { scope } : {});
  for (let call = 0; call < Number(CALLS); call += 1) {
    const response = await callApi(apiUrl);
    console.log(response.status, await response.text());
    if (!response.ok) process.exitCode = 1;
  }
}

try {
  await run();
} catch (error) {
  console.error(messagesOf(error));
  process.exitCode = 1;
}
