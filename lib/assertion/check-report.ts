import type { Failure, Reason } from '../shared/reasons.js';
import { safe } from '../shared/safe.js';
import type { Check } from './checks/check.js';

/** What became of one check. */
export interface CheckReport {
  /** Its name. */
  readonly check: string;
  /** Where the rule is written. */
  readonly source: string;
  /** Skipped is what depends on something that failed or is not known. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** The stable code, where the check failed. */
  readonly reason?: Reason | undefined;
  /** What would have passed, safe to log. */
  readonly expected?: unknown;
  /** What the assertion has, safe to log. */
  readonly actual?: unknown;
}

/** How a step of the pipeline is called, and where it is written. */
export type Step = Pick<CheckReport, 'check' | 'source'>;

export const stepOf = ({ name, source }: Pick<Check<never>, 'name' | 'source'>): Step => ({
  check: name,
  source,
});

/** Reports a step that is more than a check on values. */
export function reportOf(step: Step, failure: Failure | undefined): CheckReport {
  if (failure === undefined) return { ...step, outcome: 'passed' };
  const { reason, expected, actual } = failure;
  return { ...step, outcome: 'failed', reason, expected: safe(expected), actual: safe(actual) };
}

/** Runs a check and reports it. */
export function run<Subject>(check: Check<Subject>, subject: Subject): CheckReport {
  const passed = check.passes(subject);
  return {
    check: check.name,
    source: check.source,
    outcome: passed ? 'passed' : 'failed',
    reason: passed ? undefined : check.reason,
    expected: safe(check.expected(subject)),
    actual: safe(check.actual(subject)),
  };
}

/** Reports a step that cannot be taken, since what it depends on failed or is not known. */
export const skip = ({ check, source }: Step): CheckReport => ({
  check,
  source,
  outcome: 'skipped',
});
