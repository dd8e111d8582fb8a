import { type FindClient, lookUpClient } from '../clients/lookup.js';
import { findSigner } from '../keys/find-signer.js';
import type { AssertionClient } from '../keys/secret.js';
import { type AssertionSubject, isNonEmptyString } from './checks/check.js';
import { CLIENT_CHECKS } from './checks/client.js';
import {
  type CheckReport,
  checkAlone,
  type Explanation,
  type ExplanationRequest,
  explanationOf,
  reportOf,
  run,
  SIGNATURE_STEPS,
  STEPS,
  skip,
  withoutClient,
} from './explain-alone.js';
import type { Settings } from './options.js';

export type { Explanation } from './explain-alone.js';

/** Looks the client up and runs the checks that depend on it. */
async function checkWithClient<Client extends AssertionClient>(
  subject: AssertionSubject,
  context: unknown,
  settings: Settings,
  findClient: FindClient<Client>,
): Promise<CheckReport[]> {
  const { jws, now } = subject;
  const { iss } = jws.claims;
  if (!isNonEmptyString(iss)) return withoutClient();
  const found = await lookUpClient(findClient, iss, context, settings.lookupTimeout);
  if (found.failure !== undefined) {
    return [reportOf(STEPS.client, found.failure), ...SIGNATURE_STEPS.map(skip)];
  }
  const { client } = found;
  const { failure } = await findSigner({ jws, secrets: client.secrets ?? [], now, settings });
  const isAboutKey = failure !== undefined && failure.reason !== 'signature_invalid';
  return [
    reportOf(STEPS.client, undefined),
    ...CLIENT_CHECKS.map((check) => run(check, { ...subject, client })),
    reportOf(STEPS.key, isAboutKey ? failure : undefined),
    isAboutKey ? skip(STEPS.signature) : reportOf(STEPS.signature, failure),
    skip(STEPS.replay),
  ];
}

/**
 * Runs the checks of the pipeline on an assertion, all of them, and reports each. What depends on
 * something that failed or is not known is skipped. The assertion is not used up.
 *
 * @param findClient without it, the checks that depend on the client are skipped
 */
export async function explainAssertion<Client extends AssertionClient>(
  request: ExplanationRequest,
  settings: Settings,
  findClient: FindClient<Client> | undefined,
): Promise<Explanation> {
  const alone = checkAlone(request, settings);
  const { subject } = alone;
  const clientChecks =
    subject === undefined || findClient === undefined
      ? withoutClient()
      : await checkWithClient(subject, request.context, settings, findClient);
  return explanationOf(alone, clientChecks);
}
