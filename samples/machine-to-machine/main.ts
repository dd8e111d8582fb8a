import { readFile } from 'node:fs/promises';
import * as client from 'openid-client';
import { AssertionService, clientAssertion } from 'passport-private-key-jwt/client';
import { printExchange } from './report.js';
import { readSettings, SettingsError } from './settings.js';

async function readKey(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SettingsError(`CLIENT_KEY ${path} cannot be read (${code}).`);
  }
}

/** Whether http will do, which openid-client refuses elsewhere. */
const isThisMachine = ({ hostname }: URL): boolean =>
  ['localhost', '127.0.0.1', '[::1]'].includes(hostname);

/** Gets a token for the client itself, and prints what was sent and answered. */
async function run(): Promise<void> {
  const { issuer, clientId, keyFile, scope } = readSettings(process.env);
  const assertions = new AssertionService({ clientId, key: await readKey(keyFile) });

  const config = await client.discovery(
    issuer,
    clientId,
    undefined,
    clientAssertion(assertions),
    isThisMachine(issuer) ? { execute: [client.allowInsecureRequests] } : {},
  );
  config[client.customFetch] = async (url, options) => {
    const request = new Request(url, options as RequestInit);
    const response = await fetch(request.clone());
    await printExchange(request, response.clone());
    return response;
  };
  await client.clientCredentialsGrant(config, scope === undefined ? {} : { scope });
}

try {
  await run();
} catch (error) {
  const { message, cause } = error as Error;
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  process.stderr.write(`${message}${detail}\n`);
  process.exitCode = 1;
}
