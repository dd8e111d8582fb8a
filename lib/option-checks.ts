/**
 * A finite number of at least `minimum`.
 *
 * @throws {TypeError}
 */
export function number(name: string, value: unknown, fallback: number, minimum: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isFinite(value) && value >= minimum) return value;
  throw new TypeError(`${name} must be a finite number of at least ${minimum}`);
}

/** @throws {TypeError} for anything else than true or false */
export function flag(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw new TypeError(`${name} must be true or false`);
}

/** @throws {TypeError} for anything else than a function */
export function callback<F>(name: string, value: F | undefined): F | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw new TypeError(`${name} must be a function`);
}

/** Options, or an object without any where there are none: what is missing is then said by name. */
export const given = <Options extends object>(options: Options): Options =>
  options ?? ({} as Options);
