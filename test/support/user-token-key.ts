import { createHash } from 'node:crypto';
import type { Configuration } from 'openid-client';

/** Names a client at its provider, as the keys of its users' tokens do. */
export function clientName(config: Configuration): string {
  const named = [config.serverMetadata().issuer, config.clientMetadata().client_id];
  return createHash('sha256').update(JSON.stringify(named)).digest('base64url').slice(0, 16);
}

/** The key of a session's tokens in a store. */
export const userTokenKey = (config: Configuration, sessionId: string): string =>
  `user-token:${clientName(config)}:${sessionId}`;
