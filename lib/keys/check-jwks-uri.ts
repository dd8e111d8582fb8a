import { parseRemoteUrl } from '../net/remote-url.js';
import { KeyError } from './algorithms.js';

/**
 * Checks the form of a `jwks_uri`, without fetching it.
 *
 * @throws {KeyError}
 */
export function checkJwksUri(value: unknown): void {
  try {
    parseRemoteUrl(value);
  } catch (error) {
    throw new KeyError((error as Error).message);
  }
}
