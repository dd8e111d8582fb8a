import type { JsonObject } from '../keys/compact-jws.js';
import { type CheckReport, reportOf, run, type Step, skip, stepOf } from './check-report.js';
import { ASSERTION_CHECKS, AUDIENCE_CHECK, CLIENT_CHECKS } from './checks/claims.js';
import { readAssertion } from './read.js';
import type { Rules } from './settings.js';
import type { AssertionSubject } from './subject.js';
import { type ClientAssertionRequest, readRequest, subjectOf } from './validate.js';

// What of an explanation needs neither client nor keys, so that it can be made anywhere: nothing
// here may lead to node:crypto or the network.

/** An assertion to explain; without an issuer, its audience cannot be judged. */
export interface ExplanationRequest extends Omit<ClientAssertionRequest, 'issuer'> {
  readonly issuer?: string | undefined;
}

/** An assertion taken apart, with every check and its outcome, in the pipeline's order. */
export interface Explanation {
  /** Whether all checks passed. The replay store is not asked. */
  readonly accepted: boolean;
  readonly header?: JsonObject | undefined;
  readonly claims?: JsonObject | undefined;
  readonly checks: readonly CheckReport[];
}

/** The steps of the pipeline that are more than a check on values. */
export const STEPS = {
  request: { check: 'request', source: 'RFC 7521 §4.2, RFC 6749 §2.3' },
  encoding: { check: 'encoding', source: 'RFC 7515 §3.1, RFC 7519 §7.2' },
  client: { check: 'client', source: 'RFC 6749 §5.2' },
  key: { check: 'key', source: 'RFC 7515 §6, RFC 8725 §3.1' },
  signature: { check: 'signature', source: 'RFC 7523 §3 (9), RFC 7515 §5.2' },
  replay: { check: 'replay', source: 'RFC 7523 §3 (7)' },
} as const;

/** What follows once the client is known. */
export const SIGNATURE_STEPS: readonly Step[] = [
  ...CLIENT_CHECKS.map(stepOf),
  STEPS.key,
  STEPS.signature,
  STEPS.replay,
];

/** What the checks say of an assertion before its client is looked up. */
export interface AloneReport {
  readonly checks: readonly CheckReport[];
  /** Undefined where the assertion could not be read. */
  readonly subject?: AssertionSubject | undefined;
}

/** Runs the checks that need neither client nor keys, all of them. */
export function checkAlone(request: ExplanationRequest, rules: Rules): AloneReport {
  const assertionSteps = ASSERTION_CHECKS.map(stepOf);
  const sent = readRequest(request, rules);
  if (sent.failure !== undefined) {
    const skipped = [STEPS.encoding, ...assertionSteps].map(skip);
    return { checks: [reportOf(STEPS.request, sent.failure), ...skipped] };
  }
  const read = readAssertion(sent.assertion, rules);
  const isSent = reportOf(STEPS.request, undefined);
  if (read.failure !== undefined) {
    const skipped = assertionSteps.map(skip);
    return { checks: [isSent, reportOf(STEPS.encoding, read.failure), ...skipped] };
  }
  const { issuer } = request;
  const subject = subjectOf({ ...request, issuer: issuer ?? '' }, sent, read.jws, rules);
  const checks = ASSERTION_CHECKS.map((check) =>
    check === AUDIENCE_CHECK && issuer === undefined ? skip(stepOf(check)) : run(check, subject),
  );
  return { checks: [isSent, reportOf(STEPS.encoding, undefined), ...checks], subject };
}

/** Puts an explanation together. */
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

/** What is reported of the client, its keys and the replay where no client is known. */
export const withoutClient = (): CheckReport[] => [STEPS.client, ...SIGNATURE_STEPS].map(skip);

/** Explains an assertion as far as neither client nor keys are needed. */
export const explainAlone = (request: ExplanationRequest, rules: Rules): Explanation =>
  explanationOf(checkAlone(request, rules), withoutClient());
