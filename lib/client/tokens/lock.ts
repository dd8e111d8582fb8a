import type { Reader } from '../../shared/options.js';

/** A lock that several processes share: one process refreshes tokens while the others wait. */
export interface TokenLock {
  /**
   * Acquires the lock of a key, waiting if necessary. If the owner has died, the lock must become
   * free after a while.
   * @returns a value that identifies this owner
   * @throws if the lock is not free within the lock's own deadline
   */
  acquire(key: string): Promise<string>;
  /** Releases the lock, if this owner still holds it. */
  release(key: string, owner: string): unknown;
}

export const tokenLock: Reader<TokenLock | undefined> = (name, value) => {
  if (value === undefined) return undefined;
  const { acquire, release } = (value ?? {}) as Partial<TokenLock>;
  if (typeof acquire === 'function' && typeof release === 'function') return value as TokenLock;
  throw new TypeError(`${name} must have the methods acquire and release of a TokenLock`);
};

export async function locked<Result>(
  lock: TokenLock | undefined,
  key: string,
  run: () => Promise<Result>,
): Promise<Result> {
  if (lock === undefined) return run();
  const owner = await lock.acquire(key);
  try {
    return await run();
  } finally {
    await (async () => lock.release(key, owner))().catch(() => undefined);
  }
}

/** Concurrent callers of one key share one result. */
export class SingleFlight<Result> {
  readonly #underWay = new Map<string, Promise<Result>>();

  underWay(key: string): Promise<Result> | undefined {
    return this.#underWay.get(key);
  }

  run(key: string, work: () => Promise<Result>): Promise<Result> {
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const started = work().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, started);
    return started;
  }
}
