/**
 * A time that was given in seconds. One that is too long was meant in milliseconds.
 *
 * @throws {TypeError}
 */
export function seconds(name: string, value: number, minimum: number, maximum: number): number {
  if (Number.isFinite(value) && value >= minimum && value <= maximum) return value;
  throw new TypeError(
    `${name} must be a number of seconds, at least ${minimum} and at most ${maximum}`,
  );
}
