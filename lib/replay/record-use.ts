import { hash } from 'node:crypto';
import { isThenable, withDeadline } from '../shared/deadline.js';
import type { Failure } from '../shared/reasons.js';
import { withoutFinalSlash } from '../shared/safe.js';
import { type ReplayStore, ReplayStoreFullError } from './store.js';

export interface Use {
  readonly issuer: string;
  readonly clientId: string;
  readonly jti: string;
  /** Tolerance included, in seconds since the epoch. */
  readonly expiresAt: number;
  readonly platform?: string | undefined;
}

const withLength = (text: string): string => `${text.length}:${text}`;

/** With the length of each part, so that no two uses share a key. */
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

/** Undefined if the assertion is new. */
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
    if (!isThenable(answer)) return failureIn(answer);
    return withDeadline(answer, replayTimeout, 'The replay store').then(failureIn).catch(failureOf);
  } catch (cause) {
    return failureOf(cause);
  }
}
