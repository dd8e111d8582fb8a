/** Thrown where something took longer than it may. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** Whether a value is a promise of any kind: database libraries have their own. */
export const isThenable = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  typeof (value as Partial<PromiseLike<T>>).then === 'function';

/**
 * Waits for a promise, or what else has a `then`, at most so long. What comes after the deadline is
 * ignored.
 *
 * @param seconds how long to wait
 * @throws {DeadlineError}
 */
export function withDeadline<T>(
  promise: PromiseLike<T>,
  seconds: number,
  what: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const expire = () => reject(new DeadlineError(`${what} took longer than ${seconds} s.`));
    // Where this process was too busy to look, the answer may be waiting: it is read first.
    const timer = setTimeout(() => setImmediate(expire), seconds * 1000);
    Promise.resolve(promise)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}
