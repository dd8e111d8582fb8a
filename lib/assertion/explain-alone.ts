import type { Failure, Reason } from '../shared/reasons.js';
import { safe } from '../shared/safe.js';
import { AUDIENCE_CHECK } from './checks/audience.js';
import type { AssertionSubject, Check } from './checks/check.js';
import { ASSERTION_CHECKS } from './checks/claims.js';
import { CLIENT_CHECKS } from './checks/client.js';
import {
  isOfPlatform,
  PLATFORM_CHECKS,
  PLATFORM_CLIENT_CHECKS,
  TRUST_CHECKS,
} from './checks/platform.js';
import { assertionFailure, credentialsIn, formOf } from './credentials.js';
import { readJwt, viewOf } from './read.js';
import type { Rules } from './rules.js';

// The part of an explanation that needs neither client nor keys. A browser may run this file:
// import nothing that leads to node:crypto or the network.

/** An assertion to explain. Without an issuer, its audience cannot be judged. */
export interface ExplanationRequest {
  readonly issuer?: string | undefined;
  readonly tokenEndpoint?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly parameters: object | undefined;
  readonly authorization?: string | boolean | undefined;
  readonly context?: unknown;
  /** The time to judge by, in seconds since the epoch. Default: now. */
  readonly now?: number | undefined;
}

/** Every check of an assertion and its outcome, in the pipeline's order. */
export interface Explanation {
  /** Whether all checks passed. The replay store is not consulted. */
  readonly accepted: boolean;
  readonly header?: Readonly<Record<string, unknown>> | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  readonly checks: readonly {
    /** The name of the check. */
    readonly check: string;
    /** The specification section that defines the rule. */
    readonly source: string;
    /** Skipped if the check depends on a failed check or on missing information. */
    readonly outcome: 'passed' | 'failed' | 'skipped';
    /** The stable code, if the check failed. */
    readonly reason?: Reason | undefined;
    /** The value that would have passed; safe to log. */
    readonly expected?: unknown;
    /** The value in the assertion; safe to log. */
    readonly actual?: unknown;
  }[];
}

export type CheckReport = Explanation['checks'][number];

type Step = Pick<CheckReport, 'check' | 'source'>;

export const stepOf = ({ name, source }: Pick<Check<never>, 'name' | 'source'>): Step => ({
  check: name,
  source,
});

export function reportOf(step: Step, failure: Failure | undefined): CheckReport {
  if (failure === undefined) return { ...step, outcome: 'passed' };
  const { reason, expected, actual } = failure;
  return { ...step, outcome: 'failed', reason, expected: safe(expected), actual: safe(actual) };
}

export function run<Subject>(check: Check<Subject>, subject: Subject): CheckReport {
  const passed = check.passes(subject);
  return {
    ...stepOf(check),
    outcome: passed ? 'passed' : 'failed',
    reason: passed ? undefined : check.reason,
    expected: safe(check.expected(subject)),
    actual: safe(check.actual(subject)),
  };
}

export const skip = ({ check, source }: Step): CheckReport => ({
  check,
  source,
  outcome: 'skipped',
});

export const STEPS = {
  request: { check: 'request', source: 'RFC 7521 §4.2, RFC 6749 §2.3' },
  encoding: { check: 'encoding', source: 'RFC 7515 §3.1, RFC 7519 §7.2' },
  client: { check: 'client', source: 'RFC 6749 §5.2' },
  key: { check: 'key', source: 'RFC 7515 §6, RFC 8725 §3.1' },
  signature: { check: 'signature', source: 'RFC 7523 §3 (9), RFC 7515 §5.2' },
  replay: { check: 'replay', source: 'RFC 7523 §3 (7)' },
} as const;

export function clientSteps(subject: AssertionSubject | undefined): readonly Step[] {
  const isPlatforms = subject !== undefined && isOfPlatform(subject);
  const checks = isPlatforms ? [...PLATFORM_CLIENT_CHECKS, ...TRUST_CHECKS] : CLIENT_CHECKS;
  return [...checks.map(stepOf), STEPS.key, STEPS.signature, STEPS.replay];
}

export interface AloneReport {
  readonly checks: readonly CheckReport[];
  readonly subject?: AssertionSubject | undefined;
}

export function checkAlone(request: ExplanationRequest, rules: Rules): AloneReport {
  const { parameters, authorization } = request;
  const assertionSteps = ASSERTION_CHECKS.map(stepOf);
  const sent = credentialsIn(formOf(parameters), authorization);
  const wrong = assertionFailure(sent, rules.acceptGrantTypeAsAssertionType);
  if (wrong !== undefined) {
    const skipped = [STEPS.encoding, ...assertionSteps].map(skip);
    return { checks: [reportOf(STEPS.request, wrong), ...skipped] };
  }
  const read = readJwt(sent.client_assertion as string, rules.maxAssertionLength);
  const isSent = reportOf(STEPS.request, undefined);
  if (read.failure !== undefined) {
    const skipped = assertionSteps.map(skip);
    return { checks: [isSent, reportOf(STEPS.encoding, read.failure), ...skipped] };
  }
  const { jws } = read;
  const { claims, typ } = viewOf(jws, rules);
  const subject: AssertionSubject = {
    jws,
    claims,
    typ,
    clientIdParameter: sent.client_id as string | undefined,
    server: { ...request, issuer: request.issuer ?? '' },
    settings: rules,
    now: request.now ?? Date.now() / 1000,
  };
  const rulesFor = isOfPlatform(subject) ? PLATFORM_CHECKS : ASSERTION_CHECKS;
  const checks = rulesFor.map((check) =>
    check === AUDIENCE_CHECK && request.issuer === undefined
      ? skip(stepOf(check))
      : run(check, subject),
  );
  return { checks: [isSent, reportOf(STEPS.encoding, undefined), ...checks], subject };
}

export function explanationOf(
  { checks, subject }: AloneReport,
  clientChecks: readonly CheckReport[],
): Explanation {
  const all = [...checks, ...clientChecks];
  return {
    accepted: all.every(({ check, outcome }) => outcome === 'passed' || check === 'replay'),
    ...(subject !== undefined && { header: subject.jws.header, claims: subject.jws.claims }),
    checks: all,
  };
}

export const withoutClient = ({ subject }: AloneReport): CheckReport[] =>
  [STEPS.client, ...clientSteps(subject)].map(skip);

export function explainAlone(request: ExplanationRequest, rules: Rules): Explanation {
  const alone = checkAlone(request, rules);
  return explanationOf(alone, withoutClient(alone));
}
