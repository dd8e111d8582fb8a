const MAX_TEXT = 200;
const MAX_ITEMS = 20;
const MAX_SCANNED = 4096;

/** A JWT, wherever somebody put it by mistake: a JSON object and a long second segment. */
const JWT = /(?<![\w-])e[w-z0-9_-][\w-]{8,}\.[\w-]{40,}[\w.-]*/g;

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** What most texts are: too short for a JWT, and with nothing to clean. */
const HARMLESS = /^[ -~]{0,50}$/;

function safeString(text: string): string {
  if (HARMLESS.test(text)) return text;
  const flat = text.slice(0, MAX_SCANNED).replace(JWT, '[JWT]').replace(UNPRINTABLE, '\ufffd');
  if (text.length <= MAX_TEXT) return flat;
  return `${flat.slice(0, MAX_TEXT)}… (${text.length} characters)`;
}

/**
 * Makes a value from outside safe to log: short, flat, without control characters, and without a
 * JWT, which may be an assertion in the wrong place.
 */
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

/** The same for a value that should be a text. */
export function safeText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  return HARMLESS.test(value) ? value : safeString(value);
}

/** What was thrown, in a line. Anything can be. */
export const thrownText = (thrown: unknown): string =>
  String(thrown instanceof Error ? thrown : safe(thrown));
