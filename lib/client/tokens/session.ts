import { AsyncLocalStorage } from 'node:async_hooks';
import { isThenable, withDeadline } from '../../shared/deadline.js';

/** What is used of a request whose user has tokens. */
export interface UserTokenRequest {
  /** The session of express-session or @fastify/session, or another that is an object. */
  readonly session?: object | null;
  /** The id of the session, as express-session sets it. */
  readonly sessionID?: string;
}

/** A session of express-session, @fastify/session or another framework, as far as it is used. */
export type Session = Record<string, unknown>;

type Done = (error?: unknown, value?: unknown) => void;

/** What the packages for sessions add to a request. */
interface SessionRequest extends UserTokenRequest {
  readonly headers?: { readonly cookie?: unknown };
  readonly sessionStore?: SessionStore | undefined;
}

/** A store of express-session or @fastify/session. */
interface SessionStore {
  readonly get?: unknown;
  destroy?: unknown;
}

/** Calls a method that takes a callback, returns a promise, or does both. */
function completed(target: object, method: unknown, ...parameters: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done: Done = (error, value) => (error ? reject(error) : resolve(value));
    const call = method as (...all: unknown[]) => unknown;
    const returned = call.call(target, ...parameters, done);
    // What does both may fulfil its promise with nothing: the callback goes first.
    if (isThenable(returned)) returned.then((value) => setImmediate(resolve, value), reject);
  });
}

/** @throws {TypeError} if the request has no session, or one that cannot be ended */
export function isSession({ session }: UserTokenRequest): Session {
  if (typeof session !== 'object' || session === null) {
    throw new TypeError('The request has no session: use express-session before');
  }
  // cookie-session keeps the session in the browser, which can bring an old one at any time.
  if ('isPopulated' in session && 'isChanged' in session) {
    throw new TypeError(
      'cookie-session cannot end a session, and would keep the tokens in the browser: use express-session',
    );
  }
  return session as Session;
}

/** The id of the session, as express-session or @fastify/session have it. */
export function sessionIdOf(request: UserTokenRequest): string | undefined {
  const { sessionID, session } = request;
  if (typeof sessionID === 'string') return sessionID;
  const { sessionId } = (session ?? {}) as { readonly sessionId?: unknown };
  return typeof sessionId === 'string' ? sessionId : undefined;
}

/** Whether the browser has sent this id, so that the session was there when the request came. */
function cameWithRequest({ headers }: SessionRequest, id: string): boolean {
  const cookies = String(headers?.cookie ?? '');
  return cookies.includes(id) || cookies.includes(encodeURIComponent(id));
}

/**
 * The session as its store has it now.
 *
 * @returns `unknown` if the store cannot be asked or has not seen the session yet; `ended` if the
 *   session was there when the request came and is gone
 */
export async function storedSession(
  request: SessionRequest,
): Promise<Session | 'ended' | 'unknown'> {
  const id = sessionIdOf(request);
  const { sessionStore } = request;
  if (id === undefined || typeof sessionStore?.get !== 'function') return 'unknown';
  const stored = await completed(sessionStore, sessionStore.get, id);
  if (typeof stored === 'object' && stored !== null) return stored as Session;
  return cameWithRequest(request, id) ? 'ended' : 'unknown';
}

/** How long one step of a session waits for the one before it, in seconds. */
const MAX_WAIT = 10;

/** Waits until something is over, whatever has come of it, but not for ever. */
const inTime = (step: Promise<unknown>): Promise<unknown> =>
  withDeadline(step, MAX_WAIT, 'A step of the session').catch(() => undefined);

/**
 * What is under way for the sessions of one store. A store cannot compare and set, so a session that
 * is destroyed while it is written would come back. Therefore one waits for the other, in this process.
 */
class SessionSteps {
  /** The session that is being written by what runs now. */
  readonly #writer = new AsyncLocalStorage<string>();
  /** The last write of each session: one waits for the other. */
  readonly #writing = new Map<string, Promise<unknown>>();
  readonly #ending = new Set<string>();

  /** Whether a session is just being destroyed. */
  isEnding = (id: string): boolean => this.#ending.has(id);

  async write<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#writing.get(id);
    const step = () => this.#writer.run(id, work);
    const result = before === undefined ? step() : inTime(before).then(step);
    this.#writing.set(id, result);
    try {
      return await result;
    } finally {
      if (this.#writing.get(id) === result) this.#writing.delete(id);
    }
  }

  /** @param destroy calls back when the session is gone */
  destroy(id: string, destroy: (gone: () => void) => unknown): unknown {
    this.#ending.add(id);
    const run = () => destroy(() => this.#ending.delete(id));
    const writing = this.#writing.get(id);
    // A store may destroy a session that has expired while it writes it: waiting would never end.
    const isOfWriter = this.#writer.getStore() === id;
    return writing === undefined || isOfWriter ? run() : inTime(writing).then(run);
  }
}

const stepsOfStores = new WeakMap<SessionStore, SessionSteps>();

/** The steps of a store, whose `destroy` is made to wait for them once. */
function stepsOf(store: SessionStore): SessionSteps {
  const known = stepsOfStores.get(store);
  if (known !== undefined) return known;
  const steps = new SessionSteps();
  stepsOfStores.set(store, steps);
  const { destroy } = store;
  if (typeof destroy !== 'function') return steps;
  store.destroy = function (this: unknown, id: string, done?: Done) {
    return steps.destroy(id, (gone) =>
      destroy.call(this, id, (...outcome: unknown[]) => {
        gone();
        done?.(...outcome);
      }),
    );
  };
  return steps;
}

/** The session as its store has it now, unless it is just being destroyed. */
async function sessionNow(request: SessionRequest): Promise<Session | 'ended' | 'unknown'> {
  const id = sessionIdOf(request);
  const isEnding = () =>
    id !== undefined &&
    request.sessionStore !== undefined &&
    stepsOf(request.sessionStore).isEnding(id);
  if (isEnding()) return 'ended';
  const stored = await storedSession(request);
  return isEnding() ? 'ended' : stored;
}

/** Whether the session was destroyed or renewed since the request came. */
export const sessionHasEnded = async (request: SessionRequest): Promise<boolean> =>
  (await sessionNow(request)) === 'ended';

/**
 * Changes a session and writes it now, unless it has ended. Nothing of it is left to be written when
 * the request ends. Requests of one session do so one after the other.
 *
 * @param change is given the session of the request, and what is stored now: the same if that is not
 *   known. If it returns false, nothing is written
 * @returns whether it was written
 */
export async function changeSession(
  request: SessionRequest,
  change: (session: Session, stored: Session) => unknown,
): Promise<boolean> {
  const id = sessionIdOf(request);
  const { sessionStore } = request;
  const write = async () => {
    const stored = await sessionNow(request);
    if (stored === 'ended') return false;
    const session = request.session as Session;
    if (change(session, stored === 'unknown' ? session : stored) === false) return false;
    if (typeof session['save'] === 'function') await completed(session, session['save']);
    return true;
  };
  return id === undefined || sessionStore === undefined
    ? write()
    : stepsOf(sessionStore).write(id, write);
}

/**
 * Gives the browser a new session if its own has ended since the request came. It is
 * `request.session` afterwards, so that nothing is written to the ended one when the request ends.
 */
export async function leaveEndedSession(request: UserTokenRequest): Promise<void> {
  if (!(await sessionHasEnded(request))) return;
  const { regenerate } = request.session as Session;
  if (typeof regenerate === 'function') await completed(request.session as Session, regenerate);
}
