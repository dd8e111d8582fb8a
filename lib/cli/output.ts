import { styleText } from 'node:util';

/** These could move the cursor or reorder text. */
const NOT_PRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const escapeCharacter = (character: string): string =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

export const printable = (text: string): string => text.replace(NOT_PRINTABLE, escapeCharacter);

/** Far more than any claim needs; JSON.stringify fails at some thousand levels. */
const MAX_LEVELS = 100;

function pruned(value: unknown, levels = MAX_LEVELS): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return '…';
  if (Array.isArray(value)) return value.map((item) => pruned(item, levels - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, pruned(member, levels - 1)]),
  );
}

/** Escaping does not change the meaning of the JSON. */
export const json = (value: unknown, indentation = 0): string =>
  JSON.stringify(pruned(value), null, indentation)
    .split('\n')
    .map((line) => printable(line))
    .join('\n');

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Plain if stdout is not a terminal or NO_COLOR is set. */
export const style = (format: Style, text: string): string =>
  styleText(format, text, { stream: process.stdout });

export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

export const printJson = (value: unknown): void => print(json(value, 2));

/** Stdout has only the result. */
export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}
