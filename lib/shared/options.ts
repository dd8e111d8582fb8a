/** Ignores how the words of a name are joined. */
const plain = (name: string): string => name.replace(/[^a-z\d]/gi, '').toLowerCase();

function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, character] of [...one].entries()) {
    const next = [index + 1];
    for (const [column, value] of row.slice(1).entries()) {
      const replaced = (row[column] ?? 0) + (character === other[column] ? 0 : 1);
      next.push(Math.min(value + 1, (next[column] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Undefined if no name is close. */
export function nearestName(misspelt: string, names: readonly string[]): string | undefined {
  const wanted = plain(misspelt);
  const [nearest] = names
    .map((name) => ({ name, distance: editDistance(wanted, plain(name)) }))
    .sort((one, other) => one.distance - other.distance);
  return nearest && nearest.distance <= wanted.length / 3 ? nearest.name : undefined;
}

/** Checks the value and fills in the default. The TypeError says what the option must be. */
export type Reader<T> = (name: string, value: unknown) => T;

/** With `satisfies OptionTable<Options>`, the compiler reports missing and extra readers. */
export type OptionTable<Options> = {
  readonly [Name in keyof Required<Options>]: Reader<unknown>;
};

/** Arguments are not settings, so `npm run surface` counts them separately. */
export type ArgumentTable<Arguments> = OptionTable<Arguments>;

export type Settings<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Reader<infer T> ? T : never;
};

/** Advice for option names that belong elsewhere or that users may expect. */
export type Hints = Readonly<Record<string, string>>;

/** Inherited and computed options count: class instances have them. `owner` is for the error. */
export function readOptions<const Table extends Readonly<Record<string, Reader<unknown>>>>(
  owner: string,
  options: object | null | undefined,
  table: Table,
  hints: Hints = {},
): Settings<Table> {
  const given = knownOptions(owner, options, table, hints);
  const settings: Record<string, unknown> = {};
  for (const name of Object.keys(table)) settings[name] = table[name]?.(name, given[name]);
  return settings as Settings<Table>;
}

/** Including inherited and computed options, without reading them. */
export function knownOptions(
  owner: string,
  options: object | null | undefined,
  table: Readonly<Record<string, unknown>>,
  hints: Hints = {},
): Readonly<Record<string, unknown>> {
  const given = (options ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof given !== 'object') throw new TypeError(`The options of ${owner} must be an object`);
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(table, name));
  if (unknown !== undefined)
    throw new TypeError(`${owner} ${unknownOption(unknown, table, hints)}`);
  const known: Record<string, unknown> = {};
  for (const name of Object.keys(table)) known[name] = given[name];
  return known;
}

function unknownOption(unknown: string, table: object, hints: Hints): string {
  const names = Object.keys(table);
  const nearest = nearestName(unknown, names);
  const hint = Object.hasOwn(hints, unknown) ? hints[unknown] : undefined;
  const remedy = hint ?? (nearest ? `use ${nearest}` : `there are ${names.join(', ')}`);
  return `has no option ${unknown}: ${remedy}`;
}

export const number =
  (fallback: number, minimum: number, maximum = Number.POSITIVE_INFINITY): Reader<number> =>
  (name, value = fallback) => {
    const given = value as number;
    if (Number.isFinite(value) && given >= minimum && given <= maximum) return given;
    const most = maximum === Number.POSITIVE_INFINITY ? '' : ` and at most ${maximum}`;
    throw new TypeError(`${name} must be a finite number of at least ${minimum}${most}`);
  };

export const wholeNumber =
  (fallback: number, minimum: number): Reader<number> =>
  (name, value = fallback) => {
    if (Number.isSafeInteger(value) && (value as number) >= minimum) return value as number;
    throw new TypeError(`${name} must be a whole number of at least ${minimum}`);
  };

/** The maximum catches times in milliseconds. */
export const seconds =
  (fallback: number, minimum: number, maximum: number): Reader<number> =>
  (name, value = fallback) => {
    if (typeof value === 'number' && value >= minimum && value <= maximum) return value;
    throw new TypeError(
      `${name} must be a number of seconds, at least ${minimum} and at most ${maximum}`,
    );
  };

export const flag =
  (fallback: boolean): Reader<boolean> =>
  (name, value = fallback) => {
    if (typeof value === 'boolean') return value;
    throw new TypeError(`${name} must be true or false`);
  };

export const callback =
  <F>(): Reader<F | undefined> =>
  (name, value) => {
    if (value === undefined || typeof value === 'function') return value as F | undefined;
    throw new TypeError(`${name} must be a function`);
  };

/** Non-empty. The fallback may be undefined. */
export const text =
  <Fallback extends string | undefined>(fallback: Fallback): Reader<string | Fallback> =>
  (name, value = fallback) => {
    if (value === undefined || (typeof value === 'string' && value !== '')) {
      return value as string | Fallback;
    }
    throw new TypeError(`${name} must be a non-empty string`);
  };

export const requiredText: Reader<string> = (name, value) => {
  if (typeof value === 'string' && value !== '') return value;
  throw new TypeError(`${name} must be a non-empty string`);
};

export const texts =
  (fallback: readonly string[] = []): Reader<readonly string[]> =>
  (name, value = fallback) => {
    if (Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '')) {
      return [...value];
    }
    throw new TypeError(`${name} must be an array of non-empty strings`);
  };

/** Checked where it is used. */
export const unchecked =
  <T>(): Reader<T> =>
  (_name, value) =>
    value as T;

/** `localhost:3000` is not. */
export const isWebUrl = (value: unknown): boolean =>
  URL.canParse(String(value)) && ['https:', 'http:'].includes(new URL(String(value)).protocol);
