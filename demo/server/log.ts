import type { AuthenticationEvent } from 'passport-private-key-jwt';

/** Writes one event of the operator's log: a line of JSON on stdout. */
export type Log = (event: string, details: object) => void;

/** In bytes. If the reader of the log is slower, lines are dropped and counted. */
const MAX_WAITING = 1_048_576;

let dropped = 0;

// The reader of the log has gone; the server goes on.
process.stdout.on('error', () => {});

export const log: Log = (event, details) => {
  if (process.stdout.writableLength > MAX_WAITING) {
    dropped += 1;
    return;
  }
  const line = {
    time: new Date().toISOString(),
    event,
    ...details,
    ...(dropped > 0 && { dropped }),
  };
  dropped = 0;
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** What the log says of an authentication by assertion. The event holds nothing secret. */
export function logAuthentication(log: Log, event: AuthenticationEvent): void {
  const { cause, warnings, ...rest } = event;
  log('authentication', {
    ...rest,
    ...(cause !== undefined && { cause: cause instanceof Error ? cause.message : String(cause) }),
    ...(warnings.length > 0 && { warnings }),
  });
}
