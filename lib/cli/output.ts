import { styleText } from 'node:util';
import { json } from './printable.js';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Styles a text for a terminal; plain where stdout is none, or NO_COLOR is set. */
export const style = (format: Style, text: string): string =>
  styleText(format, text, { stream: process.stdout });

/** Writes lines to stdout. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Writes a JSON document to stdout. */
export const printJson = (value: unknown): void => print(json(value, 2));

/** Writes a line to stderr, where it is in nobody's way. */
export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}
