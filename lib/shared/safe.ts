const MAX_TEXT = 200;
const MAX_ITEMS = 20;
const MAX_SCANNED = 4096;

/** Starts like a JSON object and has a long second segment. */
const JWT = /(?<![\w-])e[w-z0-9_-][\w-]{8,}\.[\w-]{40,}[\w.-]*/g;

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Fast path: most texts are too short for a JWT and need no cleaning. */
const HARMLESS = /^[ -~]{0,50}$/;

function safeString(text: string): string {
  if (HARMLESS.test(text)) return text;
  const flat = text.slice(0, MAX_SCANNED).replace(JWT, '[JWT]').replace(UNPRINTABLE, '\ufffd');
  if (text.length <= MAX_TEXT) return flat;
  return `${flat.slice(0, MAX_TEXT)}… (${text.length} characters)`;
}

/** Short, flat, without control characters or a JWT, which may be a misplaced assertion. */
export function safe(value: unknown): unknown {
  if (typeof value === 'string') return safeString(value);
  if (Array.isArray(value)) {
    const some = value
      .slice(0, MAX_ITEMS)
      .map((item) => (typeof item === 'object' && item !== null ? '[object]' : safe(item)));
    return value.length > MAX_ITEMS ? [...some, `… (${value.length} values)`] : some;
  }
  if (typeof value === 'object' && value !== null) return '[object]';
  return value;
}

export function safeText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  return HARMLESS.test(value) ? value : safeString(value);
}

/** The value can be anything, and its text may throw too. */
export function thrownText(thrown: unknown): string {
  try {
    return String(safe(thrown instanceof Error ? String(thrown) : thrown));
  } catch {
    return 'something that has no text';
  }
}

/** Express and Passport read a falsy value as success, and `'route'` as "next handler". */
export const errorFrom = (thrown: unknown): object =>
  typeof thrown === 'object' && thrown !== null
    ? thrown
    : new Error(`Something threw a value that is not an error: ${thrownText(thrown)}`);

/** Issuer identifiers and audiences are often written with and without it. */
export const withoutFinalSlash = (url: string): string =>
  url.endsWith('/') ? url.slice(0, -1) : url;
