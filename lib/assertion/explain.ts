import { type FindClient, lookUpClient } from '../clients/lookup.js';
import type { Failure, Reason } from '../reasons.js';
import { safe } from '../safe.js';
import type { AssertionClient } from '../secrets/secret.js';
import type { Check } from './check.js';
import { ASSERTION_CHECKS, CLIENT_CHECKS } from './checks.js';
import type { JsonObject } from './compact-jws.js';
import { readAssertion } from './read.js';
import { searchSigner } from './search-signer.js';
import type { Settings } from './settings.js';
import { type ClientAssertionRequest, readRequest, subjectOf } from './validate.js';

/** What became of one check. */
export interface CheckReport {
  readonly check: string;
  /** Where the rule is written. */
  readonly source: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** The stable code, where the check failed. */
  readonly reason?: Reason | undefined;
  readonly expected?: unknown;
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

/**
 * Runs the checks of the pipeline on an assertion, all of them, and reports each. What depends on
 * something that failed is skipped. The assertion is not used up.
 */
export async function explainAssertion<Client extends AssertionClient>(
  request: ClientAssertionRequest,
  settings: Settings,
  findClient: FindClient<Client>,
): Promise<Explanation> {
  const checks: CheckReport[] = [];
  const skip = (...steps: { readonly check: string; readonly source: string }[]) =>
    steps.forEach(({ check, source }) => {
      checks.push({ check, source, outcome: 'skipped' });
    });
  const named = (list: readonly Check<never>[]) =>
    list.map(({ name, source }) => ({ check: name, source }));
  const finish = (rest?: { header: JsonObject; claims: JsonObject }): Explanation => ({
    accepted: checks.every(({ check, outcome }) => outcome === 'passed' || check === 'replay'),
    ...rest,
    checks,
  });

  const sent = readRequest(request, settings);
  checks.push(reportOf(STEPS.request, 'failure' in sent ? sent.failure : undefined));
  const read = 'failure' in sent ? sent : readAssertion(sent.assertion, settings);
  if ('failure' in sent) skip(STEPS.encoding);
  else checks.push(reportOf(STEPS.encoding, 'failure' in read ? read.failure : undefined));
  if ('failure' in sent || 'failure' in read) {
    skip(...named(ASSERTION_CHECKS), STEPS.client, ...named(CLIENT_CHECKS));
    skip(STEPS.key, STEPS.signature, STEPS.replay);
    return finish();
  }

  const { jws } = read;
  const subject = subjectOf(request, sent, jws, settings);
  checks.push(...ASSERTION_CHECKS.map((check) => run(check, subject)));

  const { iss } = jws.claims;
  const found =
    typeof iss === 'string' && iss !== ''
      ? await lookUpClient(findClient, iss, request.context, settings.lookupTimeout)
      : { failure: { reason: 'unknown_client' } as const };
  checks.push(reportOf(STEPS.client, 'failure' in found ? found.failure : undefined));
  if ('failure' in found) {
    skip(...named(CLIENT_CHECKS), STEPS.key, STEPS.signature, STEPS.replay);
    return finish({ header: jws.header, claims: jws.claims });
  }

  const { client } = found;
  checks.push(...CLIENT_CHECKS.map((check) => run(check, { ...subject, client })));
  const { failure } = await searchSigner(jws, client, subject.now, settings);
  if (failure === undefined || failure.reason === 'signature_invalid') {
    checks.push(reportOf(STEPS.key, undefined), reportOf(STEPS.signature, failure));
  } else {
    checks.push(reportOf(STEPS.key, failure));
    skip(STEPS.signature);
  }
  skip(STEPS.replay);
  return finish({ header: jws.header, claims: jws.claims });
}
