import type { Server } from 'node:http';

/** How long requests may take to finish, in milliseconds. */
const GRACE = 5000;

/**
 * Ends the process on SIGTERM and SIGINT: no new requests are taken, those that run are finished,
 * what was opened is closed. A second signal changes nothing.
 */
export function closeOnSignals(server: Server, close: () => Promise<void>): void {
  let closing = false;
  // A connection that is kept alive and busy would never end by itself.
  server.prependListener('request', (_request, response) => {
    if (closing) response.setHeader('Connection', 'close');
  });
  const stop = () => {
    if (closing) return;
    closing = true;
    setTimeout(() => server.closeAllConnections(), GRACE).unref();
    server.close(() => {
      close().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
