import { type SessionData, Store } from 'express-session';
import { OAuthError } from 'passport-private-key-jwt';

declare module 'express-session' {
  interface SessionData {
    /** The address that a session without a login was opened from. */
    address: string;
  }
}

/** How long a session lasts after the last request, in seconds. */
const LIFETIME = 3600;

/** In bytes. */
const BUDGETS = {
  /** Of the sessions with a login. None is forgotten before its time. */
  loggedIn: 64 * 1024 * 1024,
  /** Of the sessions without one, which anyone can open. The oldest goes first. */
  open: 16 * 1024 * 1024,
  /** Of those from one address. An address that opens more loses its own oldest ones. */
  perAddress: 1024 * 1024,
};

/** A character takes up to two bytes; 200 are for what is around it. */
const sizeOf = (text: string): number => 2 * text.length + 200;

interface Entry {
  readonly text: string;
  readonly address: string;
  /** In milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Sessions by their id, the oldest first, and what they take up. */
class Sessions {
  readonly entries = new Map<string, Entry>();
  readonly sizes = new Map<string, number>();
  size = 0;

  sizeAt(address: string): number {
    return this.sizes.get(address) ?? 0;
  }

  add(id: string, entry: Entry): void {
    this.entries.set(id, entry);
    this.#count(entry, sizeOf(entry.text));
  }

  delete(id: string): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    this.entries.delete(id);
    this.#count(entry, -sizeOf(entry.text));
  }

  dropExpired(): void {
    const now = Date.now();
    for (const [id, { expiresAt }] of this.entries) {
      if (expiresAt > now) return;
      this.delete(id);
    }
  }

  /** Drops the oldest sessions, of one address or of all, while a condition holds. */
  dropOldestWhile(isTooMuch: () => boolean, address?: string): void {
    for (const [id, entry] of this.entries) {
      if (!isTooMuch()) return;
      if (address === undefined || entry.address === address) this.delete(id);
    }
  }

  #count({ address }: Entry, bytes: number): void {
    this.size += bytes;
    const size = this.sizeAt(address) + bytes;
    if (size === 0) this.sizes.delete(address);
    else this.sizes.set(address, size);
  }
}

/**
 * Sessions in the memory of this process: bounded, and gone when it ends. Sessions without a login
 * have a budget of their own, so that requests of strangers never keep a user from logging in.
 */
export class SessionStore extends Store {
  readonly #loggedIn = new Sessions();
  readonly #open = new Sessions();
  readonly #isLoggedIn: (session: SessionData) => boolean;

  /** @param isLoggedIn whether somebody is logged in in a session */
  constructor(isLoggedIn: (session: SessionData) => boolean) {
    super();
    this.#isLoggedIn = isLoggedIn;
  }

  override get(id: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    const entry = this.#loggedIn.entries.get(id) ?? this.#open.entries.get(id);
    const isValid = entry !== undefined && entry.expiresAt > Date.now();
    callback(null, isValid ? JSON.parse(entry.text) : null);
  }

  override set(id: string, session: SessionData, callback?: (error?: unknown) => void): void {
    const entry = {
      text: JSON.stringify(session),
      address: session.address ?? '',
      expiresAt: Date.now() + LIFETIME * 1000,
    };
    const added = sizeOf(entry.text);
    const table = this.#isLoggedIn(session) ? this.#loggedIn : this.#open;
    table.dropExpired();
    if (table === this.#loggedIn) {
      const old = table.entries.get(id);
      const others = table.size - (old === undefined ? 0 : sizeOf(old.text));
      if (others + added > BUDGETS.loggedIn) {
        callback?.(new OAuthError('temporarily_unavailable', 'The server is too busy.', 503));
        return;
      }
    }
    this.#delete(id);
    if (table === this.#open) {
      const { address } = entry;
      table.dropOldestWhile(() => table.sizeAt(address) + added > BUDGETS.perAddress, address);
      table.dropOldestWhile(() => table.size + added > BUDGETS.open);
    }
    table.add(id, entry);
    callback?.();
  }

  override destroy(id: string, callback?: (error?: unknown) => void): void {
    this.#delete(id);
    callback?.();
  }

  /** Apart from `destroy`, which the library makes wait for a write such as `set` itself. */
  #delete(id: string): void {
    this.#open.delete(id);
    this.#loggedIn.delete(id);
  }

  override touch(id: string, session: SessionData, callback?: () => void): void {
    this.set(id, session, callback);
  }
}
