import { hash } from 'node:crypto';

/**
 * The name under which a use is remembered: a hash over the client's id and the `jti`, so that one
 * client cannot use up another's. The length keeps the pair unambiguous.
 */
export function replayKey(clientId: string, jti: string): string {
  return hash('sha256', `${clientId.length}:${clientId}${jti}`, 'base64url');
}
