import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AuthenticationEvent } from 'passport-private-key-jwt';
import { createApp } from './app.js';
import { Clients, readClients } from './clients.js';

const { PORT = '3001', ISSUER, CLIENTS_FILE, ALLOW_LOCAL_NETWORK } = process.env;

/** One line of JSON for each authentication. The event holds nothing secret. */
function logAuthentication({ cause, ...event }: AuthenticationEvent): void {
  const line = { ...event, ...(cause instanceof Error && { cause: cause.message }) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const clients = CLIENTS_FILE ? await readClients(CLIENTS_FILE) : new Clients();
const server = createServer();
server.listen(Number(PORT), 'localhost');
await once(server, 'listening');
const url = `http://localhost:${(server.address() as AddressInfo).port}`;
const app = createApp({
  url: new URL(ISSUER || url),
  clients,
  allowLocalNetwork: ALLOW_LOCAL_NETWORK === '1',
  onAuthentication: logAuthentication,
});
server.on('request', app);
const stop = () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.stdout.write(`listening on ${url}\n`);
