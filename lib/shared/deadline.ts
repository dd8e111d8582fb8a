export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** Database libraries have their own promises. */
export const isThenable = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  typeof (value as Partial<PromiseLike<T>>).then === 'function';

/** Later results are ignored. */
export function withDeadline<T>(
  promise: PromiseLike<T>,
  seconds: number,
  what: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const expire = () => reject(new DeadlineError(`${what} took longer than ${seconds} s.`));
    // If this process was too busy to check, the answer may already be waiting: read it first.
    const timer = setTimeout(() => setImmediate(expire), seconds * 1000);
    Promise.resolve(promise)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}
