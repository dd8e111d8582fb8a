import { cpus, totalmem } from 'node:os';
import type { Answer, Table, Target } from './question.js';

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  row(head),
  row(head.map((_, column) => (column === 0 ? '---' : '---:'))),
  ...rows.map(row),
];

const targetRow = ({ what, target, measured, met }: Target): string[] => [
  what,
  target,
  measured,
  met ? 'met' : '**missed**',
];

const targetTable = (targets: readonly Target[]): string[] =>
  targets.length === 0
    ? []
    : [...table(['figure', 'target', 'measured', ''], targets.map(targetRow)), ''];

const tableLines = ({ caption, head, rows }: Table): string[] => [
  `${caption}:`,
  '',
  ...table(head, rows),
  '',
];

/** An answer in Markdown. */
export const answerLines = ({ title, text, tables, targets }: Answer): string[] => [
  `## ${title}`,
  '',
  ...text.flatMap((paragraph) => [paragraph, '']),
  ...targetTable(targets),
  ...tables.flatMap(tableLines),
];

/** What the figures were measured on. */
export function machineLines(versions: Readonly<Record<string, string>>): string[] {
  const [cpu] = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const { node, openssl, v8 } = process.versions;
  const all = { node, openssl, v8, ...versions };
  return [
    `${cpus().length} cores (${cpu?.model ?? 'unknown'}), ${gigabytes} GiB, ${process.platform}.`,
    `${Object.entries(all)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    '',
  ];
}
