import type { Explanation } from 'passport-private-key-jwt/explain';
import { type Content, element } from './element.js';
import { describeReason } from './page-server.js';
import { findingOf, hasLimit, ruleOf } from './words.js';

type CheckReport = Explanation['checks'][number];

const MARKS = { passed: '✓', failed: '✗', skipped: '–' } as const;

const labelled = (label: string, text: string): HTMLElement =>
  element('div', {}, `${label} `, element('code', {}, text));

/** What was found; if the check failed, why, and what would have been accepted. */
function findings(report: CheckReport): Content[] {
  const { outcome, reason, expected, actual } = report;
  const found = findingOf(report, actual);
  const accepted = findingOf(report, expected);
  if (outcome !== 'failed' || reason === undefined) {
    if (actual === undefined) return [];
    return [element('code', {}, found), hasLimit(report) ? `; allowed: ${accepted}` : ''];
  }
  const why = element('div', {}, element('strong', {}, reason), `: ${describeReason(reason)}`);
  const isAboutValue = actual !== undefined || expected !== undefined;
  return isAboutValue ? [why, labelled('found', found), labelled('expected', accepted)] : [why];
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
      element('small', {}, ruleOf(report), ' ', element('span', {}, source)),
    ),
  );
}

function checksTable(caption: string, checks: readonly CheckReport[]): HTMLTableElement {
  const headings = ['Outcome', 'Check', 'Finding and rule'].map((name) =>
    element('th', { scope: 'col' }, name),
  );
  return element(
    'table',
    { class: 'checks' },
    element('caption', {}, caption),
    element('thead', {}, element('tr', {}, ...headings)),
    element('tbody', {}, ...checks.map(checkRow)),
  );
}

/** Every check with its outcome: those that failed first, the others folded. */
export function checksView(checks: readonly CheckReport[]): HTMLElement[] {
  const having = (outcome: CheckReport['outcome']) =>
    checks.filter((check) => check.outcome === outcome);
  const folded = (caption: string, some: readonly CheckReport[]) =>
    some.length === 0
      ? []
      : [
          element(
            'details',
            { class: 'folded' },
            element('summary', {}, `${caption}: ${some.length}`),
            checksTable(caption, some),
          ),
        ];
  const failed = having('failed');
  return [
    ...(failed.length === 0 ? [] : [checksTable('Checks that failed', failed)]),
    ...folded('Checks that passed', having('passed')),
    ...folded('Not checked', having('skipped')),
  ];
}
