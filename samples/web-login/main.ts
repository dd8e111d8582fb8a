import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { allowInsecureRequests, discovery } from 'openid-client';
import { AssertionService, clientAssertion } from 'passport-private-key-jwt/client';
import { createApp } from './app.js';
import { readSettings } from './settings.js';

/** How long requests may take to finish at the end, in milliseconds. */
const GRACE = 5000;

async function start(): Promise<void> {
  const settings = readSettings(process.env);
  const { issuer, clientId } = settings;
  const assertions = new AssertionService({ clientId, key: await readFile(settings.clientKey) });
  // No client secret: every request to the provider carries a fresh assertion.
  const config = await discovery(issuer, clientId, undefined, clientAssertion(assertions), {
    // A provider on this machine, for development.
    execute: issuer.protocol === 'http:' ? [allowInsecureRequests] : [],
  });

  const server = createApp(config, assertions, settings).listen(settings.port, 'localhost');
  server.on('listening', () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`listening on http://localhost:${port}\n`);
  });
  server.on('error', fail);
  const stop = () => {
    setTimeout(() => server.closeAllConnections(), GRACE).unref();
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

start().catch(fail);
