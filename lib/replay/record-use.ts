import { hash } from 'node:crypto';
import { isThenable, withDeadline } from '../shared/deadline.js';
import type { Failure } from '../shared/reasons.js';
import { type ReplayStore, ReplayStoreFullError } from './store.js';

/** One use of an assertion. */
export interface Use {
  /** The issuer identifier of the server that it was sent to. */
  readonly issuer: string;
  readonly clientId: string;
  readonly jti: string;
  /** From when on the assertion is refused anyway, in seconds since the epoch. */
  readonly expiresAt: number;
  /** The `iss` of an assertion that a platform signed for the client. */
  readonly platform?: string | undefined;
}

const withoutFinalSlash = (issuer: string): string =>
  issuer.endsWith('/') ? issuer.slice(0, -1) : issuer;

const withLength = (text: string): string => `${text.length}:${text}`;

/**
 * The name under which a use is remembered: a hash of who was asked, who asked, and the `jti`, each
 * with its length, so that no two uses share a name. One client cannot use up another's `jti`, nor
 * one issuer that of another in the same process.
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
 *
 * @returns the failure if it was used before, or if the store cannot tell; a promise only if the
 *   store returns one
 */
export function recordUse(
  use: Use,
  { replay, replayTimeout }: { readonly replay: ReplayStore; readonly replayTimeout: number },
): Failure | undefined | Promise<Failure | undefined> {
  const { issuer, clientId, expiresAt } = use;
  // The lookup and the signature took time since exp was checked. A store may have forgotten the
  // first use by now, so an assertion that has expired meanwhile must not reach it.
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
