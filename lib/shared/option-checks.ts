import { nearestName } from './nearest-name.js';

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

/** Options of these names, also those that are inherited or computed, as class instances have them. */
export const pick = <Options extends object>(
  options: Options,
  names: Readonly<Record<string, true>>,
): Options =>
  Object.fromEntries(
    Object.keys(names).map((name) => [name, options[name as keyof Options]]),
  ) as Options;

/**
 * The names of all options of an interface. An object and not a list, so that the compiler sees
 * which is missing and which is none.
 */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Refuses an option that would be ignored, since it was misspelt or belongs elsewhere.
 *
 * @param owner what the options are for, as the sentence names it
 * @param options undefined or null where there are none
 * @param hints what to do in place of options that others have, or that one may expect
 * @throws {TypeError} which names the option and what was meant, or all that there are
 */
export function assertKnownOptions(
  owner: string,
  options: object | null | undefined,
  known: Readonly<Record<string, true>>,
  hints: Readonly<Record<string, string>> = {},
): void {
  if (options === undefined || options === null) return;
  if (typeof options !== 'object') throw new TypeError(`The options of ${owner} must be an object`);
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  const names = Object.keys(known);
  const nearest = nearestName(unknown, names);
  const hint = Object.hasOwn(hints, unknown) ? hints[unknown] : undefined;
  const remedy = hint ?? (nearest ? `use ${nearest}` : `there are ${names.join(', ')}`);
  throw new TypeError(`${owner} has no option ${unknown}: ${remedy}`);
}

/**
 * Refuses an option that is nearly one of these, among others that are somebody else's and pass.
 *
 * @throws {TypeError} which names the option and what was meant
 */
export function assertNotMisspelt(owner: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    const nearest = names.includes(name) ? undefined : nearestName(name, names);
    if (nearest === undefined) continue;
    throw new TypeError(`${owner} has no option ${name}: use ${nearest}`);
  }
}
