import { randomBytes } from 'node:crypto';

/** A setting that is missing or wrong. The message is a sentence for the person who starts the server. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** What the environment says. */
export interface Settings {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** The URL that browsers know this server by; undefined for `http://localhost:PORT`. */
  readonly baseUrl: string | undefined;
  readonly issuer: URL;
  /** The inspector of the provider, which the pages link to. */
  readonly inspectorUrl: URL | undefined;
  readonly clientId: string;
  /** The file of the private key: PEM or JWK. */
  readonly keyFile: string;
  readonly keyPassphrase: string | undefined;
  /** The `kid` of the key; false for none, undefined for the key's own or its thumbprint. */
  readonly kid: string | false | undefined;
  /** The `alg` of assertions and request objects; undefined for what follows from the key. */
  readonly alg: string | undefined;
  /** The `aud` of assertions: `issuer`, `token_endpoint`, or the value itself. */
  readonly audience: string;
  /** The `typ` of assertions; undefined for the library's default. */
  readonly typ: string | undefined;
  readonly scope: string;
  readonly prompt: string | undefined;
  readonly signRequests: boolean;
  /** Undefined for what the server's metadata demands. */
  readonly usePAR: boolean | undefined;
  readonly sessionSecret: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

function required(env: Environment, name: string, what: string): string {
  const value = env[name];
  if (value) return value;
  throw new SettingsError(`${name} is not set: it must be ${what}.`);
}

function url(name: string, value: string): URL {
  if (/^https?:/.test(value) && URL.canParse(value)) return new URL(value);
  throw new SettingsError(
    `${name} is ${JSON.stringify(value)}: it must be a URL with http or https.`,
  );
}

function flag(env: Environment, name: string): boolean | undefined {
  const value = env[name] || undefined;
  if (value === undefined) return undefined;
  if (value === '0' || value === '1') return value === '1';
  throw new SettingsError(`${name} is ${JSON.stringify(value)}: it must be 1, 0 or not set.`);
}

function portOf(env: Environment): number {
  const value = env['PORT'] || '3001';
  if (/^\d+$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new SettingsError(`PORT is ${JSON.stringify(value)}: it must be a port.`);
}

/**
 * Reads the settings from the environment. A variable that is empty counts as not set.
 *
 * @throws {SettingsError} for the first one that cannot work
 */
export function readSettings(env: Environment): Settings {
  const issuer = required(env, 'ISSUER', 'the issuer identifier of the OpenID provider');
  const baseUrl = env['BASE_URL'] || undefined;
  const inspectorUrl = env['INSPECTOR_URL'] || undefined;
  return {
    host: env['HOST'] || '127.0.0.1',
    port: portOf(env),
    baseUrl: baseUrl === undefined ? undefined : url('BASE_URL', baseUrl).href.replace(/\/$/, ''),
    issuer: url('ISSUER', issuer),
    inspectorUrl: inspectorUrl === undefined ? undefined : url('INSPECTOR_URL', inspectorUrl),
    clientId: required(env, 'CLIENT_ID', 'the client_id of this server at the provider'),
    keyFile: required(env, 'CLIENT_KEY', 'the path of the private key, in PEM or as a JWK'),
    keyPassphrase: env['CLIENT_KEY_PASSPHRASE'] || undefined,
    kid: env['KID'] === 'none' ? false : env['KID'] || undefined,
    alg: env['ALG'] || undefined,
    audience: env['AUDIENCE'] || 'issuer',
    typ: env['TYP'] || undefined,
    scope: env['SCOPE'] || 'openid profile email offline_access',
    prompt: env['PROMPT'] || undefined,
    signRequests: flag(env, 'SIGN_REQUESTS') ?? true,
    usePAR: flag(env, 'USE_PAR'),
    sessionSecret: env['SESSION_SECRET'] || randomBytes(32).toString('base64url'),
  };
}
