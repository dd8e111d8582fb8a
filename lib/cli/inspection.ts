import type { CheckReport, Explanation } from '../assertion/explain-alone.js';
import { REASONS } from '../shared/reasons.js';
import { style } from './output.js';
import { json, printable } from './printable.js';

/** An explanation, and what it could not know. */
export interface Inspection extends Explanation {
  /** The time that was judged by, in seconds since the epoch. */
  readonly now: number;
  /** What was not given, so that the checks which need it were skipped. */
  readonly unknown: { readonly issuer: boolean; readonly client: boolean };
  /** What is wrong with the client's secrets. */
  readonly warnings: readonly string[];
}

/** Whether a check failed, all passed, or some that matter were skipped. */
export type Outcome = 'accepted' | 'refused' | 'undecided';

export function outcomeOf({ accepted, checks }: Explanation): Outcome {
  if (accepted) return 'accepted';
  return checks.some(({ outcome }) => outcome === 'failed') ? 'refused' : 'undecided';
}

const NEEDS_CLIENT = 'Give --client to check it.';

/** What a failed or skipped check has to say; undefined for one that passed. */
function explain({ check, outcome, reason }: CheckReport, inspection: Inspection) {
  if (outcome === 'passed') return undefined;
  if (reason !== undefined) return REASONS[reason].description;
  if (check === 'replay') return 'Only the server knows whether the assertion was used before.';
  if (inspection.claims === undefined) return 'The assertion could not be read.';
  if (check === 'aud') return 'Give --issuer to judge it.';
  return inspection.unknown.client ? NEEDS_CLIENT : 'It depends on what failed above.';
}

/** The inspection as it goes into a JSON document. */
export function inspectionJson(inspection: Inspection): object {
  const { header, claims, now, warnings } = inspection;
  const checks = inspection.checks.map((report) => ({
    ...report,
    description: explain(report, inspection),
  }));
  return { outcome: outcomeOf(inspection), now, header, claims, checks, warnings };
}

function duration(seconds: number): string {
  const [size, unit] =
    [[86_400, 'd'] as const, [3600, 'h'] as const, [60, 'min'] as const].find(
      ([size]) => Math.abs(seconds) >= 2 * size,
    ) ?? ([1, 's'] as const);
  return `${Math.round(Math.abs(seconds) / size)} ${unit}`;
}

/** A NumericDate for people: the date, and how far it is from now. */
function timeLine(name: string, value: unknown, now: number): string[] {
  if (typeof value !== 'number' || Number.isNaN(new Date(value * 1000).getTime())) return [];
  const distance = duration(value - now);
  const relation = value > now ? `in ${distance}` : `${distance} ago`;
  const date = new Date(value * 1000).toISOString();
  return [`  ${name}  ${date}${value === now ? '' : `  (${relation})`}`];
}

/** Of the longest name of a check. */
const WIDTH = 23;

const MARKS = {
  passed: style('green', 'passed '),
  failed: style('red', 'failed '),
  skipped: style('dim', 'skipped'),
} as const;

function checkLines(report: CheckReport, inspection: Inspection): string[] {
  const { check, source, outcome, reason, expected, actual } = report;
  const description = explain(report, inspection);
  const lines = [`  ${MARKS[outcome]}  ${check.padEnd(WIDTH)}  ${style('dim', source)}`];
  if (description === undefined) return lines;
  lines.push(`           ${reason === undefined ? '' : `${reason}: `}${description}`);
  if (expected !== undefined) lines.push(`           expected  ${json(expected)}`);
  if (outcome === 'failed' && reason !== undefined && (expected ?? actual) !== undefined) {
    lines.push(`           actual    ${actual === undefined ? 'absent' : json(actual)}`);
  }
  return lines;
}

/** The checks for people: what needs the client, where it is not known, is one line. */
function checksLines(inspection: Inspection): string[] {
  const { checks, claims } = inspection;
  // Where nothing could be read, there is nothing to say of the checks that follow.
  const told = checks.filter(({ outcome }) => claims !== undefined || outcome !== 'skipped');
  const clientless = told.filter((report) => explain(report, inspection) === NEEDS_CLIENT);
  return told.flatMap((report) => {
    if (!clientless.includes(report)) return checkLines(report, inspection);
    if (report !== clientless[0]) return [];
    const what = `${clientless.length} checks of the client, its keys and the signature`;
    return [`  ${MARKS.skipped}  ${what}: give --client to run them`];
  });
}

function conclusion(inspection: Inspection): string {
  const outcome = outcomeOf(inspection);
  if (outcome === 'accepted') {
    return style(
      'green',
      'Every check passed: the assertion is accepted unless it was used before.',
    );
  }
  if (outcome === 'refused') {
    const reasons = inspection.checks.flatMap(({ reason }) => reason ?? []);
    return style('red', `The assertion is refused: ${reasons.join(', ')}.`);
  }
  return style('yellow', 'Nothing failed, but not everything was checked.');
}

/** The inspection for people. */
export function inspectionLines(inspection: Inspection): string[] {
  const { header, claims, now, warnings } = inspection;
  const part = (title: string, lines: readonly string[]) => [style('bold', title), ...lines, ''];
  const object = (value: object) =>
    json(value, 2)
      .split('\n')
      .map((line) => `  ${line}`);
  const times = ['nbf', 'iat', 'exp'].flatMap((name) => timeLine(name, claims?.[name], now));
  return [
    ...(header === undefined ? [] : part('Header', object(header))),
    ...(claims === undefined ? [] : part('Claims', object(claims))),
    ...(times.length === 0 ? [] : part('Times', [...timeLine('now', now, now), ...times])),
    ...part('Checks', checksLines(inspection)),
    ...warnings.map((warning) => `${style('yellow', 'warning:')} ${printable(warning)}`),
    conclusion(inspection),
  ];
}
