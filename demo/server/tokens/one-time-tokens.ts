import { ExpiringMap } from '../../shared/expiring-map.js';
import { randomToken } from '../random.js';
import type { Grant } from './grant.js';

/**
 * Tokens that are good for one use, and remembered after it: a token that comes again shows that
 * somebody else has it. Each client has its own share of both tables.
 */
export class OneTimeTokens<Value extends { readonly grant: Grant }> {
  /** In seconds. */
  readonly lifetime: number;
  readonly #unused: ExpiringMap<Value>;
  readonly #used: ExpiringMap<Value>;

  constructor(lifetime: number, maxShare?: number) {
    this.lifetime = lifetime;
    this.#unused = new ExpiringMap(lifetime, maxShare);
    this.#used = new ExpiringMap(lifetime, maxShare);
  }

  /** A new token that stands for a value. */
  issue(value: Value): string {
    const token = randomToken();
    this.#unused.set(token, value, value.grant.clientId);
    return token;
  }

  /** What a token stands for that was not used yet. */
  find(token: string): Value | undefined {
    return this.#unused.get(token);
  }

  /** What a token stood for that was used before. */
  findUsed(token: string): Value | undefined {
    return this.#used.get(token);
  }

  /**
   * Uses a token up.
   *
   * @throws {OAuthError} `temporarily_unavailable` if the use cannot be remembered. The token stays
   *   good, since nothing was taken away before
   */
  use(token: string): void {
    const value = this.#unused.get(token);
    if (value === undefined) return;
    this.#used.set(token, value, value.grant.clientId);
    this.#unused.delete(token);
  }
}
