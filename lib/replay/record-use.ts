import { withDeadline } from '../assertion/deadline.js';
import type { Failure } from '../reasons.js';
import { replayKey } from './replay-key.js';
import type { ReplayStore } from './store.js';

/**
 * Uses an assertion up.
 *
 * @param expiresAt from when on the assertion is refused anyway, in seconds since the epoch
 * @param timeout how long the store may take, in seconds
 * @returns the failure where it was used before, or where the store cannot tell
 */
export async function recordUse(
  store: ReplayStore,
  use: { readonly clientId: string; readonly jti: string; readonly expiresAt: number },
  timeout: number,
): Promise<Failure | undefined> {
  const { clientId, jti, expiresAt } = use;
  try {
    const pending = store.insert({ key: replayKey(clientId, jti), clientId, expiresAt });
    const inserted =
      typeof pending === 'boolean'
        ? pending
        : await withDeadline(pending, timeout, 'The replay store');
    if (inserted === true) return undefined;
    if (inserted === false) return { reason: 'replayed' };
    throw new TypeError('The replay store must answer true or false.');
  } catch (cause) {
    return { reason: 'replay_store_failed', cause };
  }
}
