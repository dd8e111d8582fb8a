import { isThenable, withDeadline } from '../shared/deadline.js';
import type { Failure } from '../shared/reasons.js';
import { replayKey } from './replay-key.js';
import { type ReplayStore, ReplayStoreFullError } from './store.js';

/** One use of an assertion. */
export interface Use {
  readonly clientId: string;
  readonly jti: string;
  /** From when on the assertion is refused anyway, in seconds since the epoch. */
  readonly expiresAt: number;
}

function failureIn(inserted: unknown): Failure | undefined {
  if (inserted === true) return undefined;
  if (inserted === false) return { reason: 'replayed' };
  throw new TypeError('The replay store must answer true or false.');
}

function failureOf(cause: unknown): Failure {
  const reason = cause instanceof ReplayStoreFullError ? cause.code : 'replay_store_failed';
  return { reason, cause };
}

async function waitForStore(
  answer: PromiseLike<boolean>,
  timeout: number,
): Promise<Failure | undefined> {
  try {
    return failureIn(await withDeadline(answer, timeout, 'The replay store'));
  } catch (cause) {
    return failureOf(cause);
  }
}

/**
 * Uses an assertion up.
 *
 * @returns the failure where it was used before, or where the store cannot tell; a promise only
 *   where the store returns one
 */
export function recordUse(
  { clientId, jti, expiresAt }: Use,
  { replay, replayTimeout }: { readonly replay: ReplayStore; readonly replayTimeout: number },
): Failure | undefined | Promise<Failure | undefined> {
  // Since the check of exp, the lookup and the signature took their time. A store may have forgotten
  // by now that the assertion was used, so what has expired meanwhile must not reach it.
  if (Date.now() / 1000 >= expiresAt) return { reason: 'expired' };
  try {
    const answer = replay.insert({ key: replayKey(clientId, jti), clientId, expiresAt });
    return isThenable(answer) ? waitForStore(answer, replayTimeout) : failureIn(answer);
  } catch (cause) {
    return failureOf(cause);
  }
}
