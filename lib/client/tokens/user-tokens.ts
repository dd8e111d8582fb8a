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

export interface UserTokens {
  keyOf(request: UserTokenRequest): string | undefined;
  /** As the request sees them; undefined if there are none, or the session has ended. */
  get(request: UserTokenRequest): Promise<TokenSet | undefined> | TokenSet | undefined;
  /** In storage now, even if the request has read older ones. */
  current(request: UserTokenRequest): Promise<TokenSet | undefined>;
  /** Before a refresh; proves that saving works. Undefined if `current` is outdated. */
  claim(
    request: UserTokenRequest,
    current: TokenSet,
    refreshing: TokenSet,
    lifetime: number,
  ): Promise<TokenSet | undefined>;
  /** False if the stored tokens are different by now. */
  replace(
    request: UserTokenRequest,
    expected: TokenSet,
    tokens: TokenSet | undefined,
    lifetime: number,
  ): Promise<boolean>;
  /** Gives a request the tokens that another request of its session obtained. */
  adopt(request: UserTokenRequest, tokens: TokenSet): Promise<void>;
  /** @throws {LoginRequiredError} if the session has ended */
  start(request: UserTokenRequest, tokens: TokenSet, lifetime: number): Promise<void>;
  /** Ends the session for tokens: nothing is saved for it from now on. Returns the last tokens. */
  end(request: UserTokenRequest): Promise<TokenSet | undefined>;
}

/** In seconds. Longer than any request takes. */
const ENDED_FOR = 3600;

const ENDED: TokenSet = { accessToken: '', tokenType: 'ended', expiresAt: 0, renewAt: 0 };

const isEnded = (entry: TokenSet | undefined): boolean => entry?.tokenType === ENDED.tokenType;

const MAX_ATTEMPTS = 20;

const contended = (): Error =>
  new Error('Other requests keep changing the tokens of this session.');

const sessionEnded = (): LoginRequiredError =>
  new LoginRequiredError(
    'The session has ended, so no tokens can be saved for it. Renew the session at login first.',
  );

/** `client` names the client and its provider: no provider may be sent the tokens of another. */
export function tokensInStore(store: TokenStore, client: string): UserTokens {
  const keyOf = (request: UserTokenRequest): string => {
    const id = sessionIdOf(request);
    if (id !== undefined) return `user-token:${client}:${id}`;
    throw new TypeError('The request has no sessionID: mount express-session first');
  };
  const read = async (request: UserTokenRequest) => storedTokens(await store.get(keyOf(request)));
  const unlessEnded = (value: unknown): TokenSet | undefined => {
    const entry = storedTokens(value);
    return isEnded(entry) ? undefined : entry;
  };
  const get = (request: UserTokenRequest) => {
    const value = store.get(keyOf(request));
    // No promise if the store returns none: nearly every call takes this path.
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
        // The store may have written the mark anyway, or may write it late.
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

export function tokensInSession(client: string): UserTokens {
  const member = `tokens:${client}`;
  const ended = new MemoryTokenStore();
  const endedObjects = new WeakSet<object>();

  const keyOf = (request: UserTokenRequest): string | undefined => {
    const id = sessionIdOf(request);
    return id === undefined ? undefined : `user-token:${client}:${id}`;
  };
  const wasEnded = (request: UserTokenRequest): boolean => {
    const key = keyOf(request);
    const session = isSession(request);
    return key === undefined ? endedObjects.has(session) : ended.get(key) !== undefined;
  };
  const get = (request: UserTokenRequest): TokenSet | undefined => {
    const session = isSession(request);
    return wasEnded(request) ? undefined : storedTokens(session[member]);
  };
  const current = async (request: UserTokenRequest): Promise<TokenSet | undefined> => {
    const own = get(request);
    const stored = await storedSession(request);
    if (wasEnded(request) || stored === 'ended') return undefined;
    return stored === 'unknown' ? own : storedTokens(stored[member]);
  };
  const put = (session: Session, tokens: TokenSet | undefined): void => {
    if (tokens === undefined) delete session[member];
    else session[member] = tokens;
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
    // A session has no atomic operation, so no mark. Saving still proves that saving works.
    claim: async (request, expected, refreshing) => {
      const { refreshing: _mark, ...tokens } = refreshing;
      return (await replace(request, expected, tokens, 0)) ? tokens : undefined;
    },
    replace,
    async adopt(request, tokens) {
      if (isSame(storedTokens(isSession(request)[member]), tokens)) return;
      await write(request, tokens);
    },
    start: write,
    async end(request) {
      const session = isSession(request);
      const tokens = (await current(request)) ?? get(request);
      const key = keyOf(request);
      if (key === undefined) endedObjects.add(session);
      else ended.replace(key, ended.get(key), ENDED, ENDED_FOR);
      delete session[member];
      await changeSession(request, (own) => put(own, undefined));
      return tokens;
    },
  };
}
