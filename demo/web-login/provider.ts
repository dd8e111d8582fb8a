import { readFile } from 'node:fs/promises';
import { allowInsecureRequests, type Configuration, discovery } from 'openid-client';
import {
  AssertionService,
  type AssertionServiceOptions,
  clientAssertion,
} from 'passport-private-key-jwt/client';
import { type Settings, SettingsError } from './settings.js';

/** The OpenID provider, and what this client proves itself with. */
export interface Provider {
  readonly config: Configuration;
  readonly assertions: AssertionService;
}

async function readKey(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SettingsError(`CLIENT_KEY ${path} cannot be read (${code}).`);
  }
}

function audienceOf(setting: string): AssertionServiceOptions['audience'] {
  if (setting === 'issuer') return undefined;
  return setting === 'token_endpoint' ? ({ token_endpoint }) => token_endpoint : setting;
}

async function assertionService(settings: Settings): Promise<AssertionService> {
  const { clientId, keyFile, keyPassphrase, kid, audience, typ } = settings;
  // What is no algorithm is refused here, with the names of those that are.
  const alg = settings.alg as
    | NonNullable<AssertionServiceOptions['algorithms']>[number]
    | undefined;
  const key = await readKey(keyFile);
  try {
    return new AssertionService({
      clientId,
      key: { key, passphrase: keyPassphrase, alg, kid },
      audience: audienceOf(audience),
      typ,
    });
  } catch (error) {
    throw new SettingsError((error as Error).message);
  }
}

/** Whether http will do, which openid-client refuses elsewhere. */
const isThisMachine = ({ hostname }: URL): boolean =>
  ['localhost', '127.0.0.1', '[::1]'].includes(hostname);

/**
 * Reads the key and the provider's metadata.
 *
 * @throws {SettingsError} if either cannot be used
 */
export async function connect(settings: Settings): Promise<Provider> {
  const { issuer, clientId } = settings;
  const assertions = await assertionService(settings);
  const authentication = clientAssertion(assertions);
  const options = isThisMachine(issuer) ? { execute: [allowInsecureRequests] } : {};
  try {
    const config = await discovery(issuer, clientId, undefined, authentication, options);
    return { config, assertions };
  } catch (error) {
    throw new SettingsError(`ISSUER ${issuer.href}: ${(error as Error).message}.`);
  }
}
