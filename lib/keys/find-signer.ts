import type { AuthenticationWarning } from '../shared/events.js';
import type { Failure } from '../shared/reasons.js';
import { KeyError, shown } from './algorithms.js';
import type { CompactJws } from './compact-jws.js';
import { type Candidate, diagnose, type Rank, type Search, type SignerQuery } from './diagnosis.js';
import type { ImportedKeys } from './jwk.js';
import type { FetchedSet, RemoteJwkSets } from './jwks-uri.js';
import { documentKeysOf } from './key-cache.js';
import { describeSecret, expirationOf, type KeySecret, type Secret } from './secret.js';
import { certificateState, MAX_TRIES, type VerificationKey, verifySignature } from './signature.js';

/** Up to this many secrets, trying all of them is as fast as remembering the last signer. */
const FEW_SECRETS = 4;

export type { Candidate } from './diagnosis.js';

export type SignerSearch = { readonly warnings: readonly AuthenticationWarning[] } & (
  | { readonly signer: Candidate; readonly failure?: undefined }
  | { readonly signer?: undefined; readonly failure: Failure }
);

function rankOf(key: VerificationKey, header: CompactJws['header']): Rank {
  const { kid, x5t, 'x5t#S256': x5tS256 } = header;
  if (kid !== undefined && key.kid === kid) return 1;
  if (x5tS256 !== undefined && key.x5tS256 === x5tS256) return 2;
  if (x5t !== undefined && key.x5t === x5t) return 2;
  return kid === undefined || key.kid === undefined ? 3 : 4;
}

interface Location {
  readonly jwksUri: RemoteJwkSets;
  readonly uri: string | undefined;
}

/** Where the keys of a secret are fetched from, and by which rules. */
function locationOf(secret: KeySecret, { settings }: SignerQuery): Location | undefined {
  if (secret.type === 'JwksUri') return { jwksUri: settings.jwksUri, uri: secret.value };
  return documentKeysOf(secret);
}

function keysAtHand(secret: KeySecret, search: Search): ImportedKeys | undefined {
  const isLocal = secret.type !== 'JwksUri' && secret.type !== 'MetadataDocument';
  const location = isLocal ? undefined : locationOf(secret, search);
  if (location?.uri === undefined) return search.settings.keys.keysOf(secret);
  const set = location.jwksUri.atHand(location.uri);
  search.sets ??= new Map();
  search.sets.set(secret, set);
  return set;
}

function warnOfRefused(secret: Secret, imported: ImportedKeys, search: Search): void {
  for (const { message, isPrivate } of imported.refused) {
    const code = isPrivate ? 'private_key_published' : 'secret_refused';
    search.warnings.push({ code, secret: describeSecret(secret), message });
  }
}

function addCandidates(
  found: Candidate[],
  secret: Secret,
  { keys }: ImportedKeys,
  expiration: number | undefined,
  search: Search,
): void {
  const { header } = search.jws;
  const { certificateValidity } = search.settings;
  const alg = header['alg'] as string;
  for (const key of keys) {
    if (!(key.algorithms as readonly string[]).includes(alg)) continue;
    const isDated = certificateValidity && key.notAfter !== undefined;
    if (isDated && certificateState(key, search.now) !== 'valid') continue;
    const expiresAt = isDated
      ? Math.min(expiration ?? Number.POSITIVE_INFINITY, key.notAfter)
      : expiration;
    found.push({ key, secret, rank: rankOf(key, header), expiresAt });
  }
}

/** An unusable secret becomes a warning. */
function look(secret: Secret, search: Search, found: Candidate[]): void {
  try {
    const expiration = expirationOf(secret);
    // A platform's keys verify neither the client's own assertions nor its request objects.
    if (secret.type === 'FederatedIdentity') return;
    if (expiration !== undefined && expiration <= search.now) {
      search.settings.keys.forget(secret);
      return;
    }
    const imported = keysAtHand(secret, search);
    if (imported === undefined) return;
    if (imported.refused.length > 0) warnOfRefused(secret, imported, search);
    addCandidates(found, secret, imported, expiration, search);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    const { message } = error;
    search.warnings.push({ code: 'secret_refused', secret: describeSecret(secret), message });
  }
}

const lifeOf = ({ expiresAt }: Candidate): number => expiresAt ?? Number.POSITIVE_INFINITY;

function compare(a: Candidate, b: Candidate): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  // If neither has an end, this is NaN, and sort treats NaN as 0.
  return lifeOf(b) - lifeOf(a);
}

/** By rank; within a rank by later expiration, then by later position in the list. */
const inOrder = (found: Candidate[]): Candidate[] =>
  found.length < 2 ? found : found.reverse().sort(compare);

function nameIn({ jws, secrets }: SignerQuery): string | undefined {
  if (secrets.length <= FEW_SECRETS) return undefined;
  const { kid, 'x5t#S256': x5tS256, x5t } = jws.header;
  const name = kid ?? x5tS256 ?? x5t;
  return typeof name === 'string' ? name : undefined;
}

const NONE: readonly Candidate[] = [];

/** The keys of the last signer, if there are many secrets. */
function likeliest(search: Search): readonly Candidate[] {
  const name = nameIn(search);
  if (name === undefined) return NONE;
  const last = search.settings.keys.lastSigner(search.secrets, name);
  if (last === undefined) return NONE;
  const found: Candidate[] = [];
  look(last, search, found);
  return found.filter(({ rank }) => rank <= 2);
}

function allAtHand(search: Search): Candidate[] {
  // The secret of the last signer is read again here, and so are its warnings.
  search.warnings.length = 0;
  const found: Candidate[] = [];
  for (const secret of search.secrets) look(secret, search, found);
  return inOrder(found);
}

const AT_HAND = [likeliest, allAtHand] as const;

function wasTried({ key }: Candidate, { tried }: Search): boolean {
  return tried.some(
    ({ key: { keyObject } }) =>
      keyObject === key.keyObject ||
      (keyObject.asymmetricKeyType === key.keyObject.asymmetricKeyType &&
        keyObject.equals(key.keyObject)),
  );
}

interface Arrival extends FetchedSet {
  readonly secret: KeySecret;
  readonly fault?: unknown;
}

function startFetches(search: Search): Map<KeySecret, Promise<Arrival>> {
  const arrivals = new Map<KeySecret, Promise<Arrival>>();
  for (const [secret, seen] of search.sets ?? []) {
    const { jwksUri, uri } = locationOf(secret, search) as Location;
    const fetched = jwksUri.fetch(uri as string, seen);
    const arrival = fetched.then(
      (result) => ({ ...result, secret }),
      (fault: unknown) => ({ secret, fault }),
    );
    arrivals.set(secret, arrival);
  }
  return arrivals;
}

function noteArrival({ secret, set, error, fault }: Arrival, search: Search): void {
  if (fault !== undefined) throw fault;
  if (error !== undefined) {
    const message =
      set === undefined ? error.message : `${error.message}; the last good keys are still used`;
    search.warnings.push({ code: 'jwks_uri_failed', secret: describeSecret(secret), message });
    if (set === undefined) search.missing ??= error;
  }
  if (set === undefined) return;
  search.sets?.set(secret, set);
  warnOfRefused(secret, set, search);
}

/** Each set as it arrives: no request waits for a set that it does not need. */
async function* fetchedCandidates(search: Search): AsyncGenerator<Candidate> {
  const arrivals = startFetches(search);
  let tries = 0;
  while (arrivals.size > 0) {
    const arrival = await Promise.race(arrivals.values());
    arrivals.delete(arrival.secret);
    noteArrival(arrival, search);
    if (arrival.set === undefined) continue;
    const found: Candidate[] = [];
    addCandidates(found, arrival.secret, arrival.set, expirationOf(arrival.secret), search);
    for (const candidate of inOrder(found)) {
      if (wasTried(candidate, search)) continue;
      if (tries === MAX_TRIES) break;
      tries += 1;
      yield candidate;
    }
  }
}

function accepted(signer: Candidate, search: Search): SignerSearch {
  const { jws, secrets, settings, warnings } = search;
  if (signer.rank === 4) {
    const message = `The header names the kid ${shown(jws.header['kid'])}, but the key with the kid ${shown(signer.key.kid)} made the signature.`;
    warnings.push({ code: 'kid_mismatch', secret: describeSecret(signer.secret), message });
  }
  const name = nameIn(search);
  // If there are warnings, every request checks all secrets.
  if (name !== undefined && signer.rank <= 2 && warnings.length === 0) {
    settings.keys.noteSigner(secrets, name, signer.secret);
  }
  return { signer, warnings };
}

async function findFetchedSigner(search: Search): Promise<SignerSearch> {
  for await (const candidate of fetchedCandidates(search)) {
    search.tried.push(candidate);
    if (await verifySignature(search.jws, candidate.key)) return accepted(candidate, search);
  }
  return { failure: await diagnose(search), warnings: search.warnings };
}

/** Keys at hand get eight tries, then fetched keys eight more. */
export async function findSigner(query: SignerQuery): Promise<SignerSearch> {
  const { jws, secrets, now, settings } = query;
  const search: Search = {
    jws,
    secrets,
    now,
    settings,
    tried: [],
    warnings: [],
    sets: undefined,
    missing: undefined,
  };
  for (const candidatesIn of AT_HAND) {
    for (const candidate of candidatesIn(search)) {
      if (search.tried.length === MAX_TRIES) break;
      if (wasTried(candidate, search)) continue;
      search.tried.push(candidate);
      if (await verifySignature(jws, candidate.key)) return accepted(candidate, search);
    }
  }
  return findFetchedSigner(search);
}
