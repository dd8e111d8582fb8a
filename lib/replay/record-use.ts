import { hash } from 'node:crypto';
import { isThenable, withDeadline } from '../shared/deadline.js';
import { withoutFinalSlash } from '../shared/jose.js';
import type { Failure } from '../shared/reasons.js';
import { type ReplayStore, ReplayStoreFullError } from './store.js';

export interface Use {
  /** The issuer identifier of the called server. */
  readonly issuer: string;
  readonly clientId: string;
  readonly jti: string;
  /** When the assertion expires for good, tolerance included, in seconds since the epoch. */
  readonly expiresAt: number;
  /** The `iss` of an assertion that a platform signed for the client. */
  readonly platform?: string | undefined;
}

const withLength = (text: string): string => `${text.length}:${text}`;

/**
 * The replay key: a hash of server, client and `jti`, each with its length, so that no two uses
 * share a key. A client cannot use up the `jti` of another client, or of another issuer in the same
 * process.
 */
export function replayKey({ issuer, clientId, jti, platform }: Omit<Use, 'expiresAt'>): string {
  const own = withLength(withoutFinalSlash(issuer)) + withLength(clientId) + withLength(jti);
  return hash('sha256', platform === undefined ? own : own + withLength(platform), 'base64url');
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
 * @returns the failure if the assertion was used before, or the store cannot tell; a promise only
 *   if the store returns one
 */
export function recordUse(
  use: Use,
  { replay, replayTimeout }: { readonly replay: ReplayStore; readonly replayTimeout: number },
): Failure | undefined | Promise<Failure | undefined> {
  const { issuer, clientId, expiresAt } = use;
  // The lookup and the signature took time. If the assertion has expired since, it must not reach
  // the store, which may have forgotten the first use.
  if (Date.now() / 1000 >= expiresAt) return { reason: 'expired' };
  try {
    const answer = replay.insert({
      key: replayKey(use),
      issuer: withoutFinalSlash(issuer),
      clientId,
      expiresAt,
    });
    if (typeof answer === 'boolean') return failureIn(answer);
    return isThenable(answer) ? waitForStore(answer, replayTimeout) : failureIn(answer);
  } catch (cause) {
    return failureOf(cause);
  }
}
