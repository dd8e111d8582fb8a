import { type FindClient, lookUpClient } from '../clients/lookup.js';
import { KeyError } from '../keys/algorithms.js';
import { fetchFailure } from '../keys/diagnosis.js';
import { type Candidate, findSigner, type SignerSearch } from '../keys/find-signer.js';
import { checkIdentity } from '../keys/import.js';
import {
  type AssertionClient,
  describeSecret,
  expirationOf,
  type FederatedIdentity,
  type KeySecret,
} from '../keys/secret.js';
import { recordUse } from '../replay/record-use.js';
import type {
  AuthenticationRecorder,
  AuthenticationWarning,
  StricterModes,
} from '../shared/events.js';
import { type Algorithm, FAPI2_ALGORITHMS } from '../shared/jose.js';
import type { Failure } from '../shared/reasons.js';
import { safeText } from '../shared/safe.js';
import { type AssertionSubject, type ClientSubject, firstFailure } from './checks/check.js';
import { isExplicitTyp } from './checks/header.js';
import {
  PLATFORM_CHECKS,
  PLATFORM_CLIENT_CHECKS,
  TRUST_CHECKS,
  type TrustCheck,
} from './checks/platform.js';
import type { Settings } from './options.js';
import { copyOf } from './stricter.js';

// Only keys of the client's FederatedIdentity secrets are tried here, and they are tried nowhere else.

export function identitiesOf({ secrets }: AssertionClient): {
  readonly identities: readonly FederatedIdentity[];
  readonly warnings: readonly AuthenticationWarning[];
} {
  const identities: FederatedIdentity[] = [];
  const warnings: AuthenticationWarning[] = [];
  for (const secret of secrets ?? []) {
    if (secret?.type !== 'FederatedIdentity') continue;
    try {
      checkIdentity(secret);
      identities.push(secret);
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      const { message } = error;
      warnings.push({ code: 'secret_refused', secret: describeSecret(secret), message });
    }
  }
  return { identities, warnings };
}

type Trusted =
  | { readonly identities: readonly FederatedIdentity[]; readonly failure?: undefined }
  | { readonly identities?: undefined; readonly failure: Failure };

function trustedIdentities(
  subject: ClientSubject,
  given: readonly FederatedIdentity[],
  checks: readonly TrustCheck[] = TRUST_CHECKS,
): Trusted {
  let identities = given;
  for (const check of checks) {
    const left = identities.filter((identity) => check.trusts(identity, subject));
    if (left.length === 0) {
      return { failure: firstFailure([check], { ...subject, identities }) as Failure };
    }
    identities = left;
  }
  return { identities };
}

const isDiscovered = ({ jwks, jwksUri }: FederatedIdentity): boolean =>
  (jwks ?? jwksUri ?? undefined) === undefined;

function keySecretOf(identity: FederatedIdentity, discovered: string | undefined): KeySecret {
  const { jwks, jwksUri, issuer, expiration } = identity;
  const attributes = { description: `keys of ${issuer}`, expiration };
  const isGiven = jwks !== undefined && jwks !== null;
  return isGiven
    ? { type: 'JsonWebKeySet', value: jwks, ...attributes }
    : { type: 'JwksUri', value: jwksUri ?? discovered ?? '', ...attributes };
}

async function search(
  { jws, now }: ClientSubject,
  identities: readonly FederatedIdentity[],
  discovered: string | undefined,
  settings: Settings,
): Promise<SignerSearch> {
  const identityOf = new Map(
    identities.map((identity) => [keySecretOf(identity, discovered), identity] as const),
  );
  const found = await findSigner({ jws, secrets: [...identityOf.keys()], now, settings });
  if (found.signer === undefined) return found;
  const { signer } = found;
  const secret = identityOf.get(signer.secret as KeySecret) as FederatedIdentity;
  if (signer.secret.type === 'JwksUri') {
    const issuer = isDiscovered(secret) ? secret.issuer : undefined;
    settings.jwksUri.noteProved(signer.secret.value, issuer);
  }
  return { ...found, signer: { ...signer, secret } };
}

/** Keys that need no discovery first; a document is fetched again at most once per cooldown. */
export async function findPlatformSigner(
  subject: ClientSubject,
  identities: readonly FederatedIdentity[],
  settings: Settings,
): Promise<SignerSearch> {
  const { jwksUri } = settings;
  const [discovered] = identities.filter(isDiscovered);
  const seen = discovered && jwksUri.discoveredAtHand(discovered.issuer);
  const known = seen === undefined ? identities.filter((one) => !isDiscovered(one)) : identities;
  const first = known.length > 0 ? await search(subject, known, seen, settings) : undefined;
  if (discovered === undefined || first?.signer !== undefined) return first as SignerSearch;

  const { uri, error } = await jwksUri.discover(discovered.issuer, seen);
  const warnings = [...(first?.warnings ?? [])];
  if (error !== undefined) {
    const message =
      uri === undefined ? error.message : `${error.message}; the last good document is still used`;
    warnings.push({ code: 'jwks_uri_failed', secret: describeSecret(discovered), message });
  }
  if (uri !== undefined && uri !== seen) {
    const second = await search(subject, identities.filter(isDiscovered), uri, settings);
    return { ...second, warnings: [...warnings, ...second.warnings] };
  }
  if (first !== undefined && error === undefined) return first;
  return { failure: fetchFailure(error as NonNullable<typeof error>), warnings };
}

function stricterModesOfPlatform(subject: ClientSubject): StricterModes {
  const isAllowed = FAPI2_ALGORITHMS.has(subject.jws.header['alg'] as Algorithm);
  return {
    issuer: [],
    'issuer-string': [],
    fapi2: isAllowed ? [] : ['algorithm_not_allowed'],
    requireTyp: isExplicitTyp(subject) ? [] : ['typ_not_allowed'],
  };
}

/** If several identities match, one with `singleUse` is enough. */
const isSingleUse = (identities: readonly FederatedIdentity[], now: number): boolean =>
  identities.some(
    (identity) =>
      identity.singleUse === true && (expirationOf(identity) ?? Number.POSITIVE_INFINITY) > now,
  );

type Outcome<Client> =
  | { readonly client: Client; readonly authentication: Proof; readonly failure?: undefined }
  | { readonly failure: Failure };

interface Proof {
  readonly clientId: string;
  readonly method: 'private_key_jwt';
  readonly alg: string;
  readonly keyId: string | undefined;
  readonly audienceForm: 'issuer' | 'additional';
  readonly wouldFail: StricterModes;
  readonly claims: Readonly<Record<string, unknown>>;
}

const keyIdOf = ({ key }: Candidate): string | undefined => key.kid ?? key.x5tS256;

export async function validatePlatformAssertion<Client extends AssertionClient>(
  subject: AssertionSubject,
  context: unknown,
  settings: Settings,
  findClient: FindClient<Client>,
  recorder: AuthenticationRecorder,
): Promise<Outcome<Client>> {
  const { jws, claims, server, now } = subject;
  const clientId = subject.clientIdParameter as string;
  const platform = claims['iss'] as string;
  recorder.note({
    clientId: safeText(clientId),
    platform: safeText(platform),
    subject: safeText(claims['sub']),
  });
  const fault = firstFailure(PLATFORM_CHECKS, subject);
  if (fault !== undefined) return { failure: fault };

  const found = await lookUpClient(findClient, clientId, context, settings.lookupTimeout);
  if (found.failure !== undefined) return { failure: found.failure };
  const { client } = found;
  const clientSubject: ClientSubject = { ...subject, client };
  const clientFault = firstFailure(PLATFORM_CLIENT_CHECKS, clientSubject);
  if (clientFault !== undefined) return { failure: clientFault };

  const given = identitiesOf(client);
  recorder.warn(...given.warnings);
  const { identities, failure: mistrust } = trustedIdentities(clientSubject, given.identities);
  if (mistrust !== undefined) return { failure: mistrust };
  const audienceForm = [claims['aud']].flat().includes(server.issuer) ? 'issuer' : 'additional';
  recorder.note({ audienceForm });

  const { signer, failure, warnings } = await findPlatformSigner(
    clientSubject,
    identities,
    settings,
  );
  recorder.warn(...warnings);
  if (failure !== undefined) return { failure };

  const replayChecked = isSingleUse(identities, now);
  if (replayChecked) {
    const jti = claims['jti'] as string;
    const expiresAt = (claims['exp'] as number) + settings.clockTolerance;
    const use = { issuer: server.issuer, clientId, jti, expiresAt, platform };
    const replay = await recordUse(use, settings);
    if (replay !== undefined) return { failure: replay };
  }

  const keyId = keyIdOf(signer);
  recorder.noteSecret(describeSecret(signer.secret), keyId, signer.expiresAt, now);
  const wouldFail = stricterModesOfPlatform(clientSubject);
  const method = 'private_key_jwt';
  recorder.note({ method, replayChecked, wouldFail: copyOf(wouldFail) });
  const alg = jws.header['alg'] as string;
  return {
    client,
    authentication: { clientId, method, alg, keyId, audienceForm, wouldFail, claims },
  };
}
