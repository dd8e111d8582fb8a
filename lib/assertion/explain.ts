import { type FindClient, lookUpClient } from '../clients/lookup.js';
import { findSigner, type SignerSearch } from '../keys/find-signer.js';
import type { AssertionClient, FederatedIdentity } from '../keys/secret.js';
import { type AssertionSubject, type ClientSubject, isNonEmptyString } from './checks/check.js';
import { CLIENT_CHECKS } from './checks/client.js';
import { isOfPlatform, PLATFORM_CLIENT_CHECKS, TRUST_CHECKS } from './checks/platform.js';
import {
  type AloneReport,
  type CheckReport,
  checkAlone,
  clientSteps,
  type Explanation,
  type ExplanationRequest,
  explanationOf,
  reportOf,
  run,
  STEPS,
  skip,
  stepOf,
  withoutClient,
} from './explain-alone.js';
import type { Settings } from './options.js';
import { findPlatformSigner, identitiesOf } from './platform.js';

export type { Explanation } from './explain-alone.js';

function keyReports({ failure }: SignerSearch): CheckReport[] {
  const isAboutKey = failure !== undefined && failure.reason !== 'signature_invalid';
  return [
    reportOf(STEPS.key, isAboutKey ? failure : undefined),
    isAboutKey ? skip(STEPS.signature) : reportOf(STEPS.signature, failure),
    skip(STEPS.replay),
  ];
}

function trustReports(subject: ClientSubject, given: readonly FederatedIdentity[]) {
  let identities = given;
  let isTrusted = true;
  const reports = TRUST_CHECKS.map((check): CheckReport => {
    const left = identities.filter((identity) => check.trusts(identity, subject));
    // Without an issuer, the default audience is unknown.
    const isUnknown = check.name === 'aud' && subject.server.issuer === '';
    if (identities.length === 0 ? check !== TRUST_CHECKS[0] : isUnknown && left.length === 0) {
      return skip(stepOf(check));
    }
    const report = run(check, { ...subject, identities });
    if (left.length === 0) isTrusted = false;
    // If no issuer matches, there is nothing left to compare. If only the subject differs, there
    // is.
    if (left.length > 0 || check === TRUST_CHECKS[0]) identities = left;
    return report;
  });
  return { reports, identities: isTrusted ? identities : [] };
}

async function reportsOfPlatform(subject: ClientSubject, settings: Settings) {
  const { reports, identities } = trustReports(subject, identitiesOf(subject.client).identities);
  return [
    ...PLATFORM_CLIENT_CHECKS.map((check) => run(check, subject)),
    ...reports,
    ...(identities.length === 0
      ? [STEPS.key, STEPS.signature, STEPS.replay].map(skip)
      : keyReports(await findPlatformSigner(subject, identities, settings))),
  ];
}

async function checkWithClient<Client extends AssertionClient>(
  alone: AloneReport,
  subject: AssertionSubject,
  context: unknown,
  settings: Settings,
  findClient: FindClient<Client>,
): Promise<CheckReport[]> {
  const { jws, now } = subject;
  const isPlatforms = isOfPlatform(subject);
  const clientId = isPlatforms ? subject.clientIdParameter : jws.claims['iss'];
  if (!isNonEmptyString(clientId)) return withoutClient(alone);
  const found = await lookUpClient(findClient, clientId, context, settings.lookupTimeout);
  if (found.failure !== undefined) {
    return [reportOf(STEPS.client, found.failure), ...clientSteps(subject).map(skip)];
  }
  const { client } = found;
  const clientSubject: ClientSubject = { ...subject, client };
  const isKnown = reportOf(STEPS.client, undefined);
  if (isPlatforms) return [isKnown, ...(await reportsOfPlatform(clientSubject, settings))];
  const query = { jws, secrets: client.secrets ?? [], now, settings };
  return [
    isKnown,
    ...CLIENT_CHECKS.map((check) => run(check, clientSubject)),
    ...keyReports(await findSigner(query)),
  ];
}

/**
 * Reports every check. A check is skipped if it depends on a failed check or on missing
 * information. The assertion is not used up.
 */
export async function explainWithClient<Client extends AssertionClient>(
  request: ExplanationRequest,
  settings: Settings,
  findClient: FindClient<Client> | undefined,
): Promise<Explanation> {
  const alone = checkAlone(request, settings);
  const { subject } = alone;
  const clientChecks =
    subject === undefined || findClient === undefined
      ? withoutClient(alone)
      : await checkWithClient(alone, subject, request.context, settings, findClient);
  return explanationOf(alone, clientChecks);
}
