import { type SessionData, Store } from 'express-session';
import { ExpiringMap } from './expiring-map.js';

/** How long a login lasts after the last request, in seconds. */
const SESSION_LIFETIME = 3600;

/** In bytes: anybody can open sessions, before any login. */
const MAX_SIZE = 64 * 1024 * 1024;

/** A character takes up to two bytes; 200 are for what is around it. */
const sizeOf = (text: string): number => 2 * text.length + 200;

/** Sessions in the memory of this process: bounded, and gone when it ends. */
export class SessionStore extends Store {
  private readonly sessions = new ExpiringMap<string>(SESSION_LIFETIME, {
    maxSize: MAX_SIZE,
    sizeOf,
  });

  override get(id: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    const session = this.sessions.get(id);
    callback(null, session === undefined ? null : JSON.parse(session));
  }

  override set(id: string, session: SessionData, callback?: (error?: unknown) => void): void {
    try {
      this.sessions.set(id, JSON.stringify(session));
      callback?.();
    } catch (error) {
      callback?.(error);
    }
  }

  override destroy(id: string, callback?: (error?: unknown) => void): void {
    this.sessions.delete(id);
    callback?.();
  }

  override touch(id: string, session: SessionData, callback?: () => void): void {
    this.set(id, session, callback);
  }
}
