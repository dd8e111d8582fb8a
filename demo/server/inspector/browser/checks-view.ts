import type { Explanation } from 'passport-private-key-jwt/explain';
import { type Content, element } from './element.js';
import { describeReason } from './page-server.js';
import { valueElement } from './values.js';

type CheckReport = Explanation['checks'][number];

const MARKS = { passed: '✓', failed: '✗', skipped: '–' } as const;

const labelled = (label: string, value: unknown): HTMLElement =>
  element('div', {}, `${label} `, valueElement(value));

/** What a value had to be more or less than. */
const limitText = (expected: unknown): string =>
  /^[<>]/.test(String(expected)) ? ` ${expected}` : '';

/** What was found, and where the check failed why, and what would have been accepted. */
function findings({ outcome, reason, expected, actual }: CheckReport): Content[] {
  if (outcome !== 'failed' || reason === undefined) {
    return actual === undefined ? [] : [valueElement(actual), limitText(expected)];
  }
  const why = element('div', {}, element('strong', {}, reason), `: ${describeReason(reason)}`);
  const isAboutValue = actual !== undefined || expected !== undefined;
  return isAboutValue ? [why, labelled('found', actual), labelled('expected', expected)] : [why];
}

function checkRow(report: CheckReport): HTMLElement {
  const { check, source, outcome } = report;
  return element(
    'tr',
    { class: outcome },
    element('td', { class: 'outcome' }, `${MARKS[outcome]} ${outcome}`),
    element('th', { scope: 'row' }, check),
    element(
      'td',
      { class: 'finding' },
      element('div', {}, ...findings(report)),
      element('small', {}, source),
    ),
  );
}

/** Every check with its outcome, in the pipeline's order. */
export function checksTable(checks: readonly CheckReport[]): HTMLTableElement {
  const headings = ['Outcome', 'Check', 'Finding and rule'].map((name) =>
    element('th', { scope: 'col' }, name),
  );
  return element(
    'table',
    { class: 'checks' },
    element('caption', {}, 'Checks'),
    element('thead', {}, element('tr', {}, ...headings)),
    element('tbody', {}, ...checks.map(checkRow)),
  );
}
