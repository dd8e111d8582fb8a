import { createHash, timingSafeEqual } from 'node:crypto';
import type { ClientsFile } from './clients/clients-file.js';
import type { RegisteredClient } from './clients/registered-client.js';
import type { Log } from './log.js';

type Done = (error: unknown, client?: RegisteredClient | false) => void;

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares in a time that tells nothing, not even of the lengths. */
const isEqual = (a: string, b: string): boolean => timingSafeEqual(sha256(a), sha256(b));

/** Why a client_secret is refused; undefined if it is right. */
function reasonToRefuse(
  client: RegisteredClient | undefined,
  method: string,
  sent: string,
): string | undefined {
  const isRight = isEqual(client?.clientSecret ?? '', sent) && sent !== '';
  if (client === undefined) return 'unknown_client';
  if (!client.clientSecretMethods.includes(method)) return 'method_not_registered';
  if (!isRight) return 'client_secret_wrong';
  const { clientSecretExpiresAt: expiresAt } = client;
  if (expiresAt !== undefined && expiresAt * 1000 <= Date.now()) return 'client_secret_expired';
  return undefined;
}

/** Undoes application/x-www-form-urlencoded, as RFC 6749 §2.3.1 asks for in the Basic scheme. */
export function decodeFormComponent(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return '';
  }
}

/** The verify callback of a strategy that takes a plain client_secret. */
export function clientSecretVerifier(
  method: 'client_secret_basic' | 'client_secret_post',
  clients: ClientsFile,
  log: Log,
): (clientId: string, clientSecret: string, done: Done) => void {
  return (clientId, clientSecret, done) => {
    clients.find(clientId).then((client) => {
      const reason = reasonToRefuse(client, method, clientSecret);
      const outcome = reason === undefined ? 'success' : 'failure';
      // The name of a client that does not exist could be anything, a secret by mistake too.
      const known = client === undefined ? {} : { clientId };
      log('authentication', { outcome, reason, method, ...known });
      done(null, reason === undefined && client !== undefined ? client : false);
    }, done);
  };
}
