import type { RequestHandler } from 'express';
import session from 'express-session';
import { SessionStore } from '../../shared/session-store.js';
import type { Transaction } from '../authorization/transactions.js';
import { randomToken } from '../random.js';

/** Who logged in, and when. */
export interface Login {
  readonly sub: string;
  /** In milliseconds since the epoch. */
  readonly at: number;
}

declare module 'express-session' {
  interface SessionData {
    login: Login;
    /** Proves that a form comes from this session. */
    csrfToken: string;
    /** The authorization requests that wait for the user, by their id. */
    transactions: Record<string, Transaction>;
    /** What the user allowed: scopes by client. */
    consents: Record<string, readonly string[]>;
  }
}

/**
 * The browser's sessions. Where the issuer is https, TLS ends at a proxy in front of this server,
 * which must send X-Forwarded-Proto.
 */
export function browserSessions(issuer: string): RequestHandler {
  const secure = new URL(issuer).protocol === 'https:';
  return session({
    name: secure ? '__Host-session' : 'session',
    secret: randomToken(),
    store: new SessionStore(({ login }) => login !== undefined),
    resave: false,
    saveUninitialized: false,
    proxy: secure,
    cookie: { httpOnly: true, sameSite: 'lax', secure, path: '/' },
  });
}
