import { randomBytes } from 'node:crypto';

/** What the environment says. */
export interface Settings {
  readonly port: number;
  /** The OpenID provider. */
  readonly issuer: URL;
  readonly clientId: string;
  /** The file of the client's private key: PEM or JWK. */
  readonly clientKey: string;
  /** Where browsers find this server. */
  readonly baseUrl: URL;
  readonly sessionSecret: string;
  readonly scope: string;
  readonly usePAR: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

function url(env: Environment, name: string, fallback?: string): URL {
  const value = env[name] || fallback;
  if (value !== undefined && /^https?:/.test(value) && URL.canParse(value)) return new URL(value);
  throw new Error(`${name} must be a URL with http or https.`);
}

/**
 * Reads the settings from the environment.
 *
 * @throws {Error} with a sentence for whoever starts the server
 */
export function readSettings(env: Environment): Settings {
  const port = Number(env['PORT'] || '3001');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('PORT must be a port.');
  const clientKey = env['CLIENT_KEY'];
  if (!clientKey) throw new Error('CLIENT_KEY must name the file of the private key: PEM or JWK.');
  return {
    port,
    issuer: url(env, 'ISSUER'),
    clientId: env['CLIENT_ID'] || 'mvc.jar.jwt',
    clientKey,
    baseUrl: url(env, 'BASE_URL', `http://localhost:${port}`),
    sessionSecret: env['SESSION_SECRET'] || randomBytes(32).toString('base64url'),
    scope: env['SCOPE'] || 'openid profile email offline_access',
    usePAR: env['USE_PAR'] === '1',
  };
}
