import { AsyncLocalStorage } from 'node:async_hooks';
import { isThenable, withDeadline } from '../../shared/deadline.js';
import { withoutSecrets } from './failures.js';

/** The members of a request from which the tokens of its user are found. */
export interface UserTokenRequest {
  /** The session of express-session or @fastify/session, or any other object. */
  readonly session?: object | null;
  /** The id of the session, as express-session sets it. */
  readonly sessionID?: string;
}

export type Session = Record<string, unknown>;

type Done = (error?: unknown, value?: unknown) => void;

interface SessionRequest extends UserTokenRequest {
  readonly headers?: { readonly cookie?: unknown };
  readonly sessionStore?: SessionStore | undefined;
}

interface SessionStore {
  readonly get?: unknown;
  destroy?: unknown;
}

/** ioredis adds the command to its errors, and with it the session and its tokens. */
const withoutCommand = (error: unknown): unknown =>
  error instanceof Error && 'command' in error ? withoutSecrets(error) : error;

function completed(target: object, method: unknown, ...parameters: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(withoutCommand(error));
    const done: Done = (error, value) => (error ? fail(error) : resolve(value));
    const call = method as (...all: unknown[]) => unknown;
    const returned = call.call(target, ...parameters, done);
    // A method that does both may resolve to nothing: prefer the callback.
    if (isThenable(returned)) returned.then((value) => setImmediate(resolve, value), fail);
  });
}

/** @throws {TypeError} if the request has no session, or a session that cannot be ended */
export function isSession({ session }: UserTokenRequest): Session {
  if (typeof session !== 'object' || session === null) {
    throw new TypeError('The request has no session: mount express-session first');
  }
  // cookie-session keeps the session in the browser, which can send an old session at any time.
  if ('isPopulated' in session && 'isChanged' in session) {
    throw new TypeError(
      'cookie-session cannot end a session, and would keep the tokens in the browser: use express-session',
    );
  }
  return session as Session;
}

export function sessionIdOf(request: UserTokenRequest): string | undefined {
  const { sessionID, session } = request;
  if (typeof sessionID === 'string') return sessionID;
  const { sessionId } = (session ?? {}) as { readonly sessionId?: unknown };
  return typeof sessionId === 'string' ? sessionId : undefined;
}

/** The browser sent this id, so the session existed when the request arrived. */
function cameWithRequest({ headers }: SessionRequest, id: string): boolean {
  const cookies = String(headers?.cookie ?? '');
  return cookies.includes(id) || cookies.includes(encodeURIComponent(id));
}

/** `unknown`: the store cannot say. `ended`: the session came with the request and is gone. */
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

/** In seconds. */
const MAX_WAIT = 10;

const inTime = (step: Promise<unknown>): Promise<unknown> =>
  withDeadline(step, MAX_WAIT, 'A step of the session').catch(() => undefined);

/** A session that is destroyed during a write would come back: its steps wait for each other. */
class SessionSteps {
  /** The session that the current async context is writing. */
  readonly #writer = new AsyncLocalStorage<string>();
  readonly #writing = new Map<string, Promise<unknown>>();
  readonly #ending = new Set<string>();

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

  destroy(id: string, destroy: (gone: () => void) => unknown): unknown {
    this.#ending.add(id);
    const run = () => destroy(() => this.#ending.delete(id));
    const writing = this.#writing.get(id);
    // While a store writes an expired session it may destroy the session: waiting would never end.
    const isOfWriter = this.#writer.getStore() === id;
    return writing === undefined || isOfWriter ? run() : inTime(writing).then(run);
  }
}

const stepsOfStores = new WeakMap<SessionStore, SessionSteps>();

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

export const sessionHasEnded = async (request: SessionRequest): Promise<boolean> =>
  (await sessionNow(request)) === 'ended';

/** Saves now, not at the end of the request. If `change` returns false, nothing is saved. */
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

/** The new `request.session` keeps the end of the request from saving the ended session. */
export async function leaveEndedSession(request: UserTokenRequest): Promise<void> {
  if (!(await sessionHasEnded(request))) return;
  const { regenerate } = request.session as Session;
  if (typeof regenerate === 'function') await completed(request.session as Session, regenerate);
}
