/** What would move a cursor or reorder a text: control and format characters. */
const NOT_PRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const escapeCharacter = (character: string): string =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

/** Makes a text from outside safe to show in one line. */
export const printable = (text: string): string => text.replace(NOT_PRINTABLE, escapeCharacter);

/** A value from outside in JSON, safe to show; what is escaped stays the same JSON. */
export const json = (value: unknown, indentation = 0): string =>
  JSON.stringify(value, null, indentation)
    .split('\n')
    .map((line) => printable(line))
    .join('\n');
