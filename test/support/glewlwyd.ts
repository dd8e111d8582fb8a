import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { newKeyPair } from './keys.js';

const SCHEMA = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3';
const MODULES = '/usr/lib/glewlwyd';

/** Debian's packages of it, as apt-get takes them. */
export const GLEWLWYD_PACKAGES = 'glewlwyd dbconfig-sqlite3 sqlite3';

const runs = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

export const hasGlewlwyd = (): boolean => runs('glewlwyd') && runs('sqlite3');

/** Glewlwyd, an OpenID provider written in C, on loopback, with a database of its own. */
export interface Glewlwyd {
  readonly issuer: string;
  /** Registers a confidential client that authenticates by private_key_jwt. */
  addClient(clientId: string, publicJwk: unknown, scope: string): Promise<void>;
  stop(): Promise<void>;
}

const settings = (port: number, folder: string): string => `
  port=${port}
  bind_address="127.0.0.1"
  external_url="http://127.0.0.1:${port}"
  login_url="login.html"
  api_prefix="api"
  log_mode="console"
  log_level="INFO"
  session_key="GLEWLWYD2_SESSION_ID"
  session_expiration=3600
  login_api_enabled=true
  admin_scope="g_admin"
  profile_scope="g_profile"
  user_module_path="${MODULES}/user"
  client_module_path="${MODULES}/client"
  user_auth_scheme_module_path="${MODULES}/scheme"
  plugin_module_path="${MODULES}/plugin"
  hash_algorithm="SHA512"
  database = { type = "sqlite3"; path = "${join(folder, 'database')}" };
`;

/** The OpenID Connect plugin, as its administration would set it up. */
function openIdPlugin(issuer: string): object {
  const { privateKey, publicKey } = newKeyPair('RS256');
  return {
    module: 'oidc',
    name: 'oidc',
    display_name: 'OpenID Connect',
    order_rank: 0,
    readonly: false,
    parameters: {
      iss: issuer,
      'jwt-type': 'rsa',
      'jwt-key-size': '256',
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      cert: publicKey.export({ type: 'spki', format: 'pem' }),
      'access-token-duration': 3600,
      'refresh-token-duration': 3600,
      'code-duration': 600,
      'allow-non-oidc': true,
      'auth-type-code-enabled': true,
      'auth-type-client-enabled': true,
      'auth-type-refresh-enabled': true,
      'allowed-scope': ['openid'],
      'request-parameter-allow': true,
      'request-maximum-exp': 600,
      'client-jwks-parameter': 'jwks',
      'introspection-revocation-allowed': true,
      'introspection-revocation-allow-target-client': true,
      'secret-type': 'pairwise',
      'oauth-par-allowed': true,
      'oauth-par-duration': 60,
      'oauth-par-request_uri-prefix': 'urn:ietf:params:oauth:request_uri:',
    },
  };
}

async function waitUntilReady(url: string, server: ChildProcess, log: () => string): Promise<void> {
  for (let tries = 0; tries < 100 && server.exitCode === null; tries += 1) {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await delay(100);
  }
  throw new Error(`Glewlwyd does not answer at ${url}:\n${log()}`);
}

/** Starts it with one scope, `api1`. */
export async function startGlewlwyd(): Promise<Glewlwyd> {
  const folder = await mkdtemp(join(tmpdir(), 'glewlwyd-'));
  const port = await freePort();
  const configuration = join(folder, 'glewlwyd.conf');
  await writeFile(configuration, settings(port, folder));
  spawnSync('sqlite3', [join(folder, 'database')], { input: await readFile(SCHEMA) });
  const server = spawn('glewlwyd', ['-c', configuration], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
  }
  const ended = once(server, 'exit');
  const api = `http://127.0.0.1:${port}/api`;
  let cookie = '';

  async function post(path: string, body: object): Promise<Response> {
    const response = await fetch(`${api}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie },
      body: JSON.stringify(body),
    });
    if (response.ok) return response;
    throw new Error(`${path}: ${response.status} ${await response.text()}\n${log}`);
  }

  const stop = async () => {
    server.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true });
  };
  try {
    await waitUntilReady(`http://127.0.0.1:${port}/config`, server, () => log);
    // What every new database of Glewlwyd has.
    const session = await post('/auth', { username: 'admin', password: 'password' });
    cookie = session.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
    await post('/mod/plugin/', openIdPlugin(`${api}/oidc`));
    const scope = { name: 'api1', display_name: 'An API', password_required: false, scheme: {} };
    await post('/scope/', scope);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    issuer: `${api}/oidc`,
    async addClient(clientId, publicJwk, scope) {
      await post('/client/', {
        client_id: clientId,
        name: clientId,
        enabled: true,
        confidential: true,
        scope: [scope],
        redirect_uri: ['https://client.example/cb'],
        authorization_type: ['client_credentials', 'code', 'refresh_token'],
        token_endpoint_auth_method: ['private_key_jwt'],
        jwks: { keys: [publicJwk] },
      });
    },
    stop,
  };
}
