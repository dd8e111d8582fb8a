/** A setting that is missing or wrong. The message is a sentence for whoever starts the client. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** What the environment says. */
export interface Settings {
  readonly issuer: URL;
  readonly clientId: string;
  /** The file of the private key: PEM or JWK. */
  readonly keyFile: string;
  /** Undefined for all that the client may have. */
  readonly scope: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

function required(env: Environment, name: string, what: string): string {
  const value = env[name];
  if (value) return value;
  throw new SettingsError(`${name} is not set: it must be ${what}.`);
}

/**
 * Reads the settings from the environment.
 *
 * @throws {SettingsError}
 */
export function readSettings(env: Environment): Settings {
  const issuer = required(env, 'ISSUER', 'the issuer identifier of the authorization server');
  if (!URL.canParse(issuer)) throw new SettingsError('ISSUER must be a URL.');
  return {
    issuer: new URL(issuer),
    clientId: required(env, 'CLIENT_ID', 'the client_id that the server knows the client by'),
    keyFile: required(env, 'CLIENT_KEY', 'the path of the private key, in PEM or as a JWK'),
    scope: env['SCOPE'] || undefined,
  };
}
