import { storedTokens, type TokenSet, type TokenStore } from './token-store.js';

/** What is used of an Express request whose user has tokens. */
export interface UserTokenRequest {
  /** The session of express-session, or another that is an object and guarded as well. */
  readonly session?: object | null;
  /** The id of the session, as express-session sets it. */
  readonly sessionID?: string;
}

/** Where the tokens of the user of a request are. */
export interface UserTokenStore {
  get(request: UserTokenRequest): Promise<TokenSet | undefined>;
  set(request: UserTokenRequest, tokens: TokenSet, lifetime: number): Promise<void>;
  delete(request: UserTokenRequest): Promise<void>;
}

type Session = Record<string, unknown> & { save?: (done: (error?: unknown) => void) => unknown };

function sessionOf({ session }: UserTokenRequest): Session {
  if (typeof session === 'object' && session !== null) return session as Session;
  throw new TypeError('The request has no session: use express-session before');
}

/** Writes the session now: a refresh token that was replaced is worth nothing any more. */
const save = (session: Session): Promise<void> =>
  new Promise((resolve, reject) => {
    if (typeof session.save !== 'function') resolve();
    else session.save((error) => (error ? reject(error) : resolve()));
  });

/** Keeps the tokens in the session, as its member `tokens`. */
export const tokensInSession: UserTokenStore = {
  async get(request) {
    return storedTokens(sessionOf(request)['tokens']);
  },
  async set(request, tokens) {
    const session = sessionOf(request);
    session['tokens'] = tokens;
    await save(session);
  },
  async delete(request) {
    const session = sessionOf(request);
    delete session['tokens'];
    await save(session);
  },
};

/** Keeps the tokens in a store, under the id of the session. */
export function tokensInStore(store: TokenStore): UserTokenStore {
  const keyOf = ({ sessionID }: UserTokenRequest): string => {
    if (typeof sessionID === 'string') return `user-token:${sessionID}`;
    throw new TypeError('The request has no sessionID: use express-session before');
  };
  return {
    async get(request) {
      return storedTokens(await store.get(keyOf(request)));
    },
    async set(request, tokens, lifetime) {
      await store.set(keyOf(request), tokens, lifetime);
    },
    async delete(request) {
      await store.delete(keyOf(request));
    },
  };
}
