import { ExpiringMap } from '../../shared/expiring-map.js';
import { randomToken } from '../random.js';

/**
 * Tokens that are good for one use, and remembered after it: one that comes again shows that
 * somebody else has it.
 */
export class OneTimeTokens<Value> {
  /** In seconds. */
  readonly lifetime: number;
  private readonly unused: ExpiringMap<Value>;
  private readonly used: ExpiringMap<Value>;

  constructor(lifetime: number) {
    this.lifetime = lifetime;
    this.unused = new ExpiringMap(lifetime);
    this.used = new ExpiringMap(lifetime);
  }

  /** A new token that stands for a value. */
  issue(value: Value): string {
    const token = randomToken();
    this.unused.set(token, value);
    return token;
  }

  /** What a token stands for that was not used yet. */
  find(token: string): Value | undefined {
    return this.unused.get(token);
  }

  /** What a token stood for that was used before. */
  findUsed(token: string): Value | undefined {
    return this.used.get(token);
  }

  /** Uses a token up. */
  use(token: string): void {
    const value = this.unused.take(token);
    if (value !== undefined) this.used.set(token, value);
  }
}
