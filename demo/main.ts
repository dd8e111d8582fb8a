import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { keyOf, writeClients } from './keys.js';
import { Services } from './services.js';
import { printLastTrace } from './trace.js';

// Starts the demo: an authorization server, a web login and, once, a machine client.

const { TOKEN_SERVER_PORT = '3000', WEB_LOGIN_PORT = '3001' } = process.env;
// Where the keys are kept between starts; git ignores it.
const { KEYS_FOLDER = fileURLToPath(new URL('.keys/', import.meta.url)) } = process.env;
const webLoginUrl = `http://localhost:${WEB_LOGIN_PORT}`;

let stopping = false;
const services = new Services((how) => stop(how === 0 ? 0 : 1));

async function stop(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  await services.stop();
  process.exit(code);
}

async function start(): Promise<void> {
  const machine = await keyOf('machine', KEYS_FOLDER);
  const web = await keyOf('mvc.jar.jwt', KEYS_FOLDER);
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
        grant_types: ['authorization_code', 'refresh_token'],
        scope: 'openid profile email offline_access',
        require_signed_request_object: true,
      },
    ],
    KEYS_FOLDER,
  );

  const issuer = await services.start('server', {
    PORT: TOKEN_SERVER_PORT,
    CLIENTS_FILE: clientsFile,
    TRACES: '20',
  });
  await services.start('web-login', {
    PORT: WEB_LOGIN_PORT,
    BASE_URL: webLoginUrl,
    ISSUER: issuer,
    CLIENT_ID: 'mvc.jar.jwt',
    CLIENT_KEY: web.file,
    SESSION_SECRET: randomBytes(32).toString('base64url'),
  });
  process.stdout.write('\nA machine client gets a token:\n');
  await services.run('../samples/machine-to-machine', {
    ISSUER: issuer,
    CLIENT_ID: 'machine',
    CLIENT_KEY: machine.file,
    SCOPE: 'api1',
  });
  await printLastTrace(issuer);

  process.stdout.write(
    `\nLog in at ${webLoginUrl}. What is sent and checked is at ${issuer}/inspector. Ctrl+C ends it all.\n`,
  );
}

process.on('SIGINT', () => stop(0));
process.on('SIGTERM', () => stop(0));
try {
  await start();
} catch (error) {
  if (!stopping) process.stderr.write(`${(error as Error).message}\n`);
  await stop(1);
}
