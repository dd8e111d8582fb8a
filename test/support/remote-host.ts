import type { LookupAddress } from 'node:dns';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import { certificateAuthority } from './certificate-authority.js';

/** Addresses that stand for the public internet in tests; 127.0.0.1 stays a local one. */
export const PUBLIC_NETWORK = '127.0.1.0/24';
export const PUBLIC_ADDRESS = '127.0.1.1';

/** An HTTPS server that a name leads to, for the time of a test. */
export interface RemoteHost {
  /** `https://name:port` */
  readonly origin: string;
  readonly port: number;
  /** How many requests have come. */
  readonly requests: number;
  /** How many connections have come, with a request or without one. */
  readonly connections: number;
  close(): Promise<void>;
}

/** Starts an HTTPS server of the tests' own authority. */
export async function remoteHost(
  listener: RequestListener,
  { name = 'client.example', address = PUBLIC_ADDRESS } = {},
): Promise<RemoteHost> {
  const { cert, key } = await (await certificateAuthority()).issue(name, address);
  const count = { requests: 0, connections: 0 };
  const server = createServer({ cert, key }, (request, response) => {
    count.requests += 1;
    listener(request, response);
  });
  server.on('connection', () => {
    count.connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `https://${name}:${port}`,
    port,
    get requests() {
      return count.requests;
    },
    get connections() {
      return count.connections;
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

/** What a name resolves to, each time it is asked for. */
export type NameTable = Readonly<Record<string, () => readonly string[]>>;

/** A `dns.lookup` that knows the names of the table alone; other names under .example are public. */
export function lookupIn(table: NameTable = {}): LookupFunction {
  return (hostname, _options, callback) => {
    const known = table[hostname]?.() ?? (hostname.endsWith('.example') ? [PUBLIC_ADDRESS] : []);
    const found: LookupAddress[] = known.map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    const missing = Object.assign(new Error(`getaddrinfo ${hostname}`), { code: 'ENOTFOUND' });
    setImmediate(() => callback(found.length === 0 ? missing : null, found));
  };
}

/** The options with which the remote hosts of a test can be fetched from. */
export async function remoteOptions(table: NameTable = {}) {
  return {
    allowedNetworks: [PUBLIC_NETWORK],
    ca: (await certificateAuthority()).pem,
    lookup: lookupIn(table),
  };
}

/** Answers every request with a JSON document. */
export const json =
  (document: () => unknown, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(document()));
  };
