import { readFile } from 'node:fs/promises';
import * as client from 'openid-client';
import { AssertionService, clientAssertion } from 'passport-private-key-jwt/client';
import { printExchange } from './report.js';

/** A variable of the environment that must be set. */
function required(name: string, what: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set: it must be ${what}.`);
}

async function readKey(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(
      `CLIENT_KEY ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
    );
  }
}

/** Gets a token for the client itself, and prints what was sent and answered. */
async function run(): Promise<void> {
  const issuer = required('ISSUER', 'the issuer identifier of the authorization server');
  const clientId = required('CLIENT_ID', 'the client_id of the client at the server');
  const keyFile = required('CLIENT_KEY', 'the path of the private key, in PEM or as a JWK');
  if (!URL.canParse(issuer)) throw new Error('ISSUER must be a URL.');

  const assertions = new AssertionService({ clientId, key: await readKey(keyFile) });
  // openid-client refuses http unless it is allowed: here it stays on this machine.
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(issuer).hostname);
  const config = await client.discovery(
    new URL(issuer),
    clientId,
    undefined,
    clientAssertion(assertions), // instead of a client secret
    isLocal ? { execute: [client.allowInsecureRequests] } : {},
  );

  config[client.customFetch] = async (url, options) => {
    const request = new Request(url, options as RequestInit);
    const response = await fetch(request.clone());
    await printExchange(request, response.clone());
    return response;
  };
  const { SCOPE: scope } = process.env;
  await client.clientCredentialsGrant(config, scope ? { scope } : {});
}

try {
  await run();
} catch (error) {
  const { message, cause } = error as Error;
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  process.stderr.write(`${message}${detail}\n`);
  process.exitCode = 1;
}
