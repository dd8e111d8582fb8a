import type { Reader } from '../../shared/options.js';

/** A lock that several processes share, so that one of them refreshes tokens and the others wait. */
export interface TokenLock {
  /**
   * Takes the lock of a key, if need be after waiting for it. A lock whose owner has died must be
   * free again after a while.
   *
   * @returns a value that names this owner
   * @throws if the lock could not be had within a deadline of its own
   */
  acquire(key: string): Promise<string>;
  /** Gives the lock back, if this owner still has it. */
  release(key: string, owner: string): unknown;
}

/** Reads the option `lock`. */
export const tokenLock: Reader<TokenLock | undefined> = (name, value) => {
  if (value === undefined) return undefined;
  const { acquire, release } = (value ?? {}) as Partial<TokenLock>;
  if (typeof acquire === 'function' && typeof release === 'function') return value as TokenLock;
  throw new TypeError(`${name} must have the methods acquire and release of a TokenLock`);
};

/** Runs while the lock is held, if there is one. */
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
    // What cannot be given back is free again when its time is over.
    await Promise.resolve(lock.release(key, owner)).catch(() => undefined);
  }
}

/** Does one thing at a time for each key: who asks meanwhile gets the result that is under way. */
export class SingleFlight<Result> {
  readonly #underWay = new Map<string, Promise<Result>>();

  /** What is under way for a key. */
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
