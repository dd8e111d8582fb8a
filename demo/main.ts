import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { keyOf, writeClients } from './keys.js';
import { Services } from './services.js';
import { lastTrace } from './trace.js';

// Starts the demo: an authorization server, a web login and, once, a machine client.

const NODE = [20, 19] as const;

/** A setting that cannot work. The message is a sentence for the person who starts the demo. */
class DemoError extends Error {}

function requireNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return;
  throw new DemoError(
    `The demo needs Node.js ${NODE.join('.')} or later, and this is ${process.versions.node}.`,
  );
}

function portOf(name: string, standard: string): string {
  const port = process.env[name] || standard;
  if (/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535) return port;
  throw new DemoError(`${name} is ${JSON.stringify(port)}: it must be a port from 1 to 65535.`);
}

let stopping = false;
const isTraced = process.argv.includes('--trace');
const services = new Services((how) => stop(how === 0 ? 0 : 1), isTraced);

async function stop(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  await services.stop();
  process.exit(code);
}

async function start(): Promise<void> {
  requireNode();
  const serverPort = portOf('TOKEN_SERVER_PORT', '3000');
  const webLoginPort = portOf('WEB_LOGIN_PORT', '3001');
  const webLoginUrl = `http://localhost:${webLoginPort}`;
  // Keys stay between starts; git ignores them. Demos on other ports have their own.
  const standard = new URL(`.keys/${serverPort}-${webLoginPort}/`, import.meta.url);
  const folder = process.env['KEYS_FOLDER'] || fileURLToPath(standard);

  const machine = await keyOf('machine', folder);
  const web = await keyOf('mvc.jar.jwt', folder);
  const clientsFile = await writeClients(
    [
      {
        client_id: 'machine',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [machine.publicJwk] },
        grant_types: ['client_credentials'],
        scope: 'api1 api2',
      },
      {
        client_id: 'mvc.jar.jwt',
        client_name: 'The web login',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [web.publicJwk] },
        redirect_uris: [`${webLoginUrl}/callback`],
        post_logout_redirect_uris: [`${webLoginUrl}/`],
        grant_types: ['authorization_code', 'refresh_token'],
        scope: 'openid profile email offline_access',
        require_signed_request_object: true,
      },
    ],
    folder,
  );

  const issuer = await services.start('server', 'TOKEN_SERVER_PORT', {
    PORT: serverPort,
    CLIENTS_FILE: clientsFile,
    TRACES: '20',
    WEB_LOGIN_URL: webLoginUrl,
  });
  await services.start('web-login', 'WEB_LOGIN_PORT', {
    PORT: webLoginPort,
    BASE_URL: webLoginUrl,
    ISSUER: issuer,
    INSPECTOR_URL: `${issuer}/inspector`,
    CLIENT_ID: 'mvc.jar.jwt',
    CLIENT_KEY: web.file,
    SESSION_SECRET: randomBytes(32).toString('base64url'),
  });
  await services.run('../samples/machine-to-machine', {
    ISSUER: issuer,
    CLIENT_ID: 'machine',
    CLIENT_KEY: machine.file,
    SCOPE: 'api1',
  });
  const trace = await lastTrace(issuer);

  const more = isTraced ? '' : ' To see every check: npm start -- --trace';
  process.stdout.write(
    `${isTraced ? trace.text : ''}Log in:     ${webLoginUrl} (as alice or bob, without a password; Ctrl+C ends the demo)
Inspector:  ${issuer}/inspector
Just now:   the client "machine" got a token with a signed assertion, which passed ${trace.passed} checks.${more}
`,
  );
}

process.on('SIGINT', () => stop(0));
process.on('SIGTERM', () => stop(0));
try {
  await start();
} catch (error) {
  const { message, stack } = error as Error;
  const text = error instanceof DemoError || services.hasFailed ? message : stack;
  if (!stopping && text !== '') process.stderr.write(`${text}\n`);
  await stop(1);
}
