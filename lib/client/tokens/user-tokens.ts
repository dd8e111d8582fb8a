import { isThenable } from '../../shared/deadline.js';
import { LoginRequiredError } from './failures.js';
import {
  changeSession,
  isSession,
  type Session,
  sessionHasEnded,
  sessionIdOf,
  storedSession,
  type UserTokenRequest,
} from './session.js';
import {
  isSame,
  MemoryTokenStore,
  storedTokens,
  type TokenSet,
  type TokenStore,
} from './token-store.js';

/** Where the tokens of the user of a request are. Lifetimes are in seconds. */
export interface UserTokens {
  /** Names the session; undefined if it has no id. */
  keyOf(request: UserTokenRequest): string | undefined;
  /** The tokens as the request knows them; undefined if there are none, or the session has ended. */
  get(request: UserTokenRequest): Promise<TokenSet | undefined> | TokenSet | undefined;
  /** The tokens as they are now, whatever the request has read before. */
  current(request: UserTokenRequest): Promise<TokenSet | undefined>;
  /**
   * Says that this request is about to refresh tokens, which shows that they can be saved.
   *
   * @returns what is there from now on; undefined if it is no longer `current`
   */
  claim(
    request: UserTokenRequest,
    current: TokenSet,
    refreshing: TokenSet,
    lifetime: number,
  ): Promise<TokenSet | undefined>;
  /** Puts tokens, or nothing, in the place of others. False if something else is there now. */
  replace(
    request: UserTokenRequest,
    expected: TokenSet,
    tokens: TokenSet | undefined,
    lifetime: number,
  ): Promise<boolean>;
  /** Lets a request know what another one of its session has got. */
  adopt(request: UserTokenRequest, tokens: TokenSet): Promise<void>;
  /**
   * Keeps the tokens of a login.
   *
   * @throws {LoginRequiredError} if the session has ended
   */
  start(request: UserTokenRequest, tokens: TokenSet, lifetime: number): Promise<void>;
  /** Ends the session for tokens: nothing is kept for it any more. Returns what was there. */
  end(request: UserTokenRequest): Promise<TokenSet | undefined>;
}

/** For how long it is remembered that a session has ended: longer than any request takes. */
const ENDED_FOR = 3600;

/** What is kept for a session that has ended. */
const ENDED: TokenSet = { accessToken: '', tokenType: 'ended', expiresAt: 0, renewAt: 0 };

const isEnded = (entry: TokenSet | undefined): boolean => entry?.tokenType === ENDED.tokenType;

/** How often an entry is read again that somebody else changes at the same time. */
const MAX_ATTEMPTS = 20;

const contended = (): Error =>
  new Error('Other requests keep changing the tokens of this session.');

const sessionEnded = (): LoginRequiredError =>
  new LoginRequiredError(
    'The session has ended, so no tokens can be saved for it. Renew the session at login first.',
  );

/** Keeps the tokens in a store, under the id of the session. */
export function tokensInStore(store: TokenStore): UserTokens {
  const keyOf = (request: UserTokenRequest): string => {
    const id = sessionIdOf(request);
    if (id !== undefined) return `user-token:${id}`;
    throw new TypeError('The request has no sessionID: use express-session before');
  };
  const read = async (request: UserTokenRequest) => storedTokens(await store.get(keyOf(request)));
  const unlessEnded = (value: unknown): TokenSet | undefined => {
    const entry = storedTokens(value);
    return isEnded(entry) ? undefined : entry;
  };
  const get = (request: UserTokenRequest) => {
    const value = store.get(keyOf(request));
    // Without a promise where there is none: this is what nearly every call does.
    return isThenable(value) ? Promise.resolve(value).then(unlessEnded) : unlessEnded(value);
  };
  return {
    keyOf,
    get,
    current: async (request) => ((await sessionHasEnded(request)) ? undefined : get(request)),
    async claim(request, current, refreshing, lifetime) {
      const key = keyOf(request);
      try {
        const isClaimed = await store.replace(key, current, refreshing, lifetime);
        return isClaimed ? refreshing : undefined;
      } catch (error) {
        // The store may have done it all the same, or do it late: then others would wait in vain.
        const { refreshing: _mark, ...tokens } = refreshing;
        Promise.resolve(store.replace(key, refreshing, tokens, lifetime)).catch(() => undefined);
        throw error;
      }
    },
    async replace(request, expected, tokens, lifetime) {
      if (tokens !== undefined && (await sessionHasEnded(request))) return false;
      return store.replace(keyOf(request), expected, tokens, lifetime);
    },
    async adopt() {
      // Every request reads the store.
    },
    async start(request, tokens, lifetime) {
      const key = keyOf(request);
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const entry = await read(request);
        if (isEnded(entry) || (await sessionHasEnded(request))) throw sessionEnded();
        if (await store.replace(key, entry, tokens, lifetime)) return;
      }
      throw contended();
    },
    async end(request) {
      const key = keyOf(request);
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const entry = await read(request);
        if (isEnded(entry)) return undefined;
        if (await store.replace(key, entry, ENDED, ENDED_FOR)) return entry;
      }
      throw contended();
    },
  };
}

const MEMBER = 'tokens';

/** Keeps the tokens in the session, as its member `tokens`. */
export function tokensInSession(): UserTokens {
  const ended = new MemoryTokenStore();
  const endedObjects = new WeakSet<object>();

  const keyOf = (request: UserTokenRequest): string | undefined => {
    const id = sessionIdOf(request);
    return id === undefined ? undefined : `user-token:${id}`;
  };
  const wasEnded = (request: UserTokenRequest): boolean => {
    const key = keyOf(request);
    const session = isSession(request);
    return key === undefined ? endedObjects.has(session) : ended.get(key) !== undefined;
  };
  const get = (request: UserTokenRequest): TokenSet | undefined => {
    const session = isSession(request);
    return wasEnded(request) ? undefined : storedTokens(session[MEMBER]);
  };
  const current = async (request: UserTokenRequest): Promise<TokenSet | undefined> => {
    const own = get(request);
    const stored = await storedSession(request);
    if (wasEnded(request) || stored === 'ended') return undefined;
    return stored === 'unknown' ? own : storedTokens(stored[MEMBER]);
  };
  const put = (session: Session, tokens: TokenSet | undefined): void => {
    if (tokens === undefined) delete session[MEMBER];
    else session[MEMBER] = tokens;
  };
  const replace: UserTokens['replace'] = async (request, expected, tokens) =>
    isSame(await current(request), expected) &&
    changeSession(request, (session) => put(session, tokens));
  const write = async (request: UserTokenRequest, tokens: TokenSet): Promise<void> => {
    const isWritten =
      !wasEnded(request) && (await changeSession(request, (session) => put(session, tokens)));
    if (!isWritten) throw sessionEnded();
  };
  return {
    keyOf,
    get,
    current,
    // There is no atomic step below a session, so there is no mark: saving it shows that it works.
    claim: async (request, expected, refreshing) => {
      const { refreshing: _mark, ...tokens } = refreshing;
      return (await replace(request, expected, tokens, 0)) ? tokens : undefined;
    },
    replace,
    async adopt(request, tokens) {
      if (isSame(storedTokens(isSession(request)[MEMBER]), tokens)) return;
      await write(request, tokens);
    },
    start: write,
    async end(request) {
      const session = isSession(request);
      const tokens = (await current(request)) ?? get(request);
      const key = keyOf(request);
      if (key === undefined) endedObjects.add(session);
      else ended.replace(key, ended.get(key), ENDED, ENDED_FOR);
      delete session[MEMBER];
      await changeSession(request, (own) => put(own, undefined));
      return tokens;
    },
  };
}
