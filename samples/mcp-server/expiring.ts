import { randomBytes } from 'node:crypto';

/** Values under random names that nobody can guess, each for a while. */
export class Expiring<T> {
  readonly #entries = new Map<string, { readonly value: T; readonly until: number }>();
  readonly #seconds: number;

  /** @param seconds how long a value is kept */
  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** Keeps a value. Returns its name. */
  add(value: T): string {
    this.#dropExpired();
    const name = randomBytes(32).toString('base64url');
    this.#entries.set(name, { value, until: Date.now() + this.#seconds * 1000 });
    return name;
  }

  get(name: string): T | undefined {
    const entry = this.#entries.get(name);
    return entry !== undefined && entry.until > Date.now() ? entry.value : undefined;
  }

  /** Gives a value once. */
  take(name: string): T | undefined {
    const value = this.get(name);
    this.#entries.delete(name);
    return value;
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }

  // The oldest come first, since all are kept for the same time.
  #dropExpired(): void {
    for (const [name, { until }] of this.#entries) {
      if (until > Date.now()) return;
      this.#entries.delete(name);
    }
  }
}
