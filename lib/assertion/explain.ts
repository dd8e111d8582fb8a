import { type FindClient, lookUpClient } from '../clients/lookup.js';
import type { Failure, Reason } from '../reasons.js';
import { safe } from '../safe.js';
import type { AssertionClient } from '../secrets/secret.js';
import { type Check, isNonEmptyString } from './check.js';
import { ASSERTION_CHECKS, AUDIENCE_CHECK, CLIENT_CHECKS } from './checks.js';
import type { JsonObject } from './compact-jws.js';
import { readAssertion } from './read.js';
import { searchSigner } from './search-signer.js';
import type { Settings } from './settings.js';
import { type ClientAssertionRequest, readRequest, subjectOf } from './validate.js';

/** An assertion to explain; without an issuer, its audience cannot be judged. */
export interface ExplanationRequest extends Omit<ClientAssertionRequest, 'issuer'> {
  readonly issuer?: string | undefined;
}

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

/** An assertion taken apart, with every check and its outcome, in the pipeline's order. */
export interface Explanation {
  /** Whether all checks passed. The replay store is not asked. */
  readonly accepted: boolean;
  readonly header?: JsonObject | undefined;
  readonly claims?: JsonObject | undefined;
  readonly checks: readonly CheckReport[];
}

/** The steps of the pipeline that are more than a check on values. */
const STEPS = {
  request: { check: 'request', source: 'RFC 7521 §4.2, RFC 6749 §2.3' },
  encoding: { check: 'encoding', source: 'RFC 7515 §3.1, RFC 7519 §7.2' },
  client: { check: 'client', source: 'RFC 6749 §5.2' },
  key: { check: 'key', source: 'RFC 7515 §6, RFC 8725 §3.1' },
  signature: { check: 'signature', source: 'RFC 7523 §3 (9), RFC 7515 §5.2' },
  replay: { check: 'replay', source: 'RFC 7523 §3 (7)' },
} as const;

function reportOf(
  step: { readonly check: string; readonly source: string },
  failure: Failure | undefined,
): CheckReport {
  if (failure === undefined) return { ...step, outcome: 'passed' };
  const { reason, expected, actual } = failure;
  return { ...step, outcome: 'failed', reason, expected: safe(expected), actual: safe(actual) };
}

function run<Subject>(check: Check<Subject>, subject: Subject): CheckReport {
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

type Step = Pick<CheckReport, 'check' | 'source'>;

const stepOf = ({ name, source }: Pick<Check<never>, 'name' | 'source'>): Step => ({
  check: name,
  source,
});

const skip = ({ check, source }: Step): CheckReport => ({ check, source, outcome: 'skipped' });

const ASSERTION_STEPS: readonly Step[] = [...ASSERTION_CHECKS.map(stepOf), STEPS.client];

const SIGNATURE_STEPS: readonly Step[] = [
  ...CLIENT_CHECKS.map(stepOf),
  STEPS.key,
  STEPS.signature,
  STEPS.replay,
];

/**
 * Runs the checks of the pipeline on an assertion, all of them, and reports each. What depends on
 * something that failed or that is not known is skipped. The assertion is not used up.
 *
 * @param findClient without it, what depends on the client is not known
 */
export async function explainAssertion<Client extends AssertionClient>(
  request: ExplanationRequest,
  settings: Settings,
  findClient: FindClient<Client> | undefined,
): Promise<Explanation> {
  const checks: CheckReport[] = [];
  const finish = (rest?: { header: JsonObject; claims: JsonObject }): Explanation => ({
    accepted: checks.every(({ check, outcome }) => outcome === 'passed' || check === 'replay'),
    ...rest,
    checks,
  });

  const sent = readRequest(request, settings);
  checks.push(reportOf(STEPS.request, sent.failure));
  if (sent.failure !== undefined) {
    checks.push(...[STEPS.encoding, ...ASSERTION_STEPS, ...SIGNATURE_STEPS].map(skip));
    return finish();
  }
  const read = readAssertion(sent.assertion, settings);
  checks.push(reportOf(STEPS.encoding, read.failure));
  if (read.failure !== undefined) {
    checks.push(...[...ASSERTION_STEPS, ...SIGNATURE_STEPS].map(skip));
    return finish();
  }

  const { jws } = read;
  const decoded = { header: jws.header, claims: jws.claims };
  const { issuer } = request;
  const subject = subjectOf({ ...request, issuer: issuer ?? '' }, sent, jws, settings);
  for (const check of ASSERTION_CHECKS) {
    const isUnknown = check === AUDIENCE_CHECK && issuer === undefined;
    checks.push(isUnknown ? skip(stepOf(check)) : run(check, subject));
  }

  const { iss } = jws.claims;
  if (findClient === undefined || !isNonEmptyString(iss)) {
    checks.push(...[STEPS.client, ...SIGNATURE_STEPS].map(skip));
    return finish(decoded);
  }
  const found = await lookUpClient(findClient, iss, request.context, settings.lookupTimeout);
  checks.push(reportOf(STEPS.client, found.failure));
  if (found.failure !== undefined) {
    checks.push(...SIGNATURE_STEPS.map(skip));
    return finish(decoded);
  }

  const { client } = found;
  checks.push(...CLIENT_CHECKS.map((check) => run(check, { ...subject, client })));
  const { failure } = await searchSigner(jws, client, subject.now, settings);
  if (failure === undefined || failure.reason === 'signature_invalid') {
    checks.push(reportOf(STEPS.key, undefined), reportOf(STEPS.signature, failure));
  } else {
    checks.push(reportOf(STEPS.key, failure), skip(STEPS.signature));
  }
  checks.push(skip(STEPS.replay));
  return finish(decoded);
}
