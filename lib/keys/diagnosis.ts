import { Buffer } from 'node:buffer';
import { constants, verify } from 'node:crypto';
import type { FetchError } from '../net/fetch-error.js';
import type { AuthenticationWarning } from '../shared/events.js';
import type { Failure, Reason } from '../shared/reasons.js';
import type { CompactJws } from './compact-jws.js';
import { importSecret } from './import.js';
import type { ImportedKeys } from './jwk.js';
import type { RemoteJwkSets } from './jwks-uri.js';
import type { KeyCache } from './key-cache.js';
import { describeSecret, expirationOf, type KeySecret, type Secret } from './secret.js';
import { certificateState, MAX_TRIES, type VerificationKey, verifySignature } from './signature.js';

/** RFC 7515 §4.1.4. 1: same `kid`. 2: same thumbprint. 3: one has no `kid`. 4: another `kid`. */
export type Rank = 1 | 2 | 3 | 4;

export interface SignerQuery {
  readonly jws: CompactJws;
  readonly secrets: readonly Secret[];
  /** Seconds since the epoch. */
  readonly now: number;
  readonly settings: {
    readonly keys: KeyCache;
    readonly certificateValidity: boolean;
    readonly jwksUri: RemoteJwkSets;
  };
}

export interface Candidate {
  readonly key: VerificationKey;
  readonly secret: Secret;
  readonly rank: Rank;
  /** The earlier end of the secret and its certificate, in seconds since the epoch. */
  readonly expiresAt: number | undefined;
}

export interface Search extends SignerQuery {
  readonly tried: Candidate[];
  readonly warnings: AuthenticationWarning[];
  /** Unexpired secrets with a `jwks_uri`, and their sets if known. */
  sets: Map<KeySecret, ImportedKeys | undefined> | undefined;
  missing: FetchError | undefined;
}

// Explains to the operator why no key made a signature; never shows a value. Runs only after a failure.

interface UntimelyKey {
  readonly key?: VerificationKey;
  readonly secret: Secret;
  /** In seconds since the epoch. */
  readonly time: number;
  readonly state: 'expired' | 'early';
}

const namesOf = (names: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(names).flatMap(([name, value]) =>
    typeof value === 'string' ? [`${name}=${value}`] : [],
  );

function wantedNames({ jws }: Search): string[] {
  const { alg, kid, 'x5t#S256': x5tS256, x5t } = jws.header;
  return namesOf({ alg, kid, x5t, 'x5t#S256': x5tS256 });
}

function describeKey({ key, secret }: Pick<Candidate, 'key' | 'secret'>, { jws }: Search): string {
  const { kid, x5t, x5tS256, algorithms } = key;
  const { header } = jws;
  const names = namesOf({
    kid,
    'x5t#S256': kid === undefined || header['x5t#S256'] !== undefined ? x5tS256 : undefined,
    x5t: header['x5t'] === undefined ? undefined : x5t,
  });
  const name = names.length === 0 ? 'no kid' : names.join(', ');
  return `${describeSecret(secret)}: ${name}, ${algorithms.join('/')}`;
}

const describeUntimely = ({ secret, time, state }: UntimelyKey): string =>
  `${describeSecret(secret)}, ${state === 'expired' ? 'expired on' : 'not valid before'} ${new Date(time * 1000).toISOString()}`;

const stateOf = (key: VerificationKey, { now, settings }: Search) =>
  settings.certificateValidity ? certificateState(key, now) : 'valid';

const fits = (key: VerificationKey, { jws }: Search): boolean =>
  (key.algorithms as readonly unknown[]).includes(jws.header['alg']);

/** The search before has thrown what is not the fault of a secret. */
function orElse<T>(get: () => T, otherwise: T): T {
  try {
    return get();
  } catch {
    return otherwise;
  }
}

const isExpired = (secret: Secret, now: number): boolean =>
  orElse(() => (expirationOf(secret) ?? Number.POSITIVE_INFINITY) <= now, false);

function keysOf(secret: Secret, search: Search): readonly VerificationKey[] {
  const { sets } = search;
  if (sets?.has(secret as KeySecret)) return sets.get(secret as KeySecret)?.keys ?? [];
  return search.settings.keys.keysOf(secret).keys;
}

interface Known {
  readonly secret: Secret;
  readonly key: VerificationKey;
}

function knownKeys(search: Search): Known[] {
  return search.secrets.flatMap((secret) => {
    const usable = () =>
      (expirationOf(secret) ?? Number.POSITIVE_INFINITY) > search.now
        ? keysOf(secret, search).map((key) => ({ secret, key }))
        : [];
    return orElse(usable, []);
  });
}

function usable(known: readonly Known[], search: Search): string | string[] {
  const told = known
    .filter(({ key }) => stateOf(key, search) === 'valid')
    .slice(0, MAX_TRIES)
    .map((one) => describeKey(one, search));
  return told.length === 0 ? 'the client has no key that can be used' : told;
}

/** Not cached. The keys of large sets are skipped. */
const expiredKeysIn = (secret: Secret): readonly VerificationKey[] =>
  orElse(() => importSecret(secret, MAX_TRIES).keys, []);

/** The last of many expired secrets only; the set of an expired `jwks_uri` is not fetched. */
function* untimelyKeys(known: readonly Known[], search: Search): Generator<UntimelyKey> {
  for (const { secret, key } of known) {
    const state = stateOf(key, search);
    if (state === 'valid' || !fits(key, search)) continue;
    const time = (state === 'expired' ? key.notAfter : key.notBefore) as number;
    yield { key, secret, time, state };
  }
  const expired = search.secrets.filter((secret) => isExpired(secret, search.now));
  for (const secret of expired.slice(-MAX_TRIES)) {
    const time = expirationOf(secret) as number;
    if (secret.type === 'JwksUri') yield { secret, time, state: 'expired' };
    for (const key of expiredKeysIn(secret)) {
      if (fits(key, search)) yield { key, secret, time, state: 'expired' };
    }
  }
}

const hasKey = (one: UntimelyKey): one is UntimelyKey & { readonly key: VerificationKey } =>
  one.key !== undefined;

/** Keys that the header names come first. Tries as many keys as remain, and at least one. */
async function untimelySigner(
  untimely: readonly UntimelyKey[],
  search: Search,
): Promise<UntimelyKey | undefined> {
  const { kid } = search.jws.header;
  const order = ({ key }: UntimelyKey) => (key?.kid === kid ? 0 : 1);
  const keys = untimely.filter(hasKey).sort((a, b) => order(a) - order(b));
  for (const one of keys.slice(0, Math.max(1, MAX_TRIES - search.tried.length))) {
    if (await verifySignature(search.jws, one.key)) return one;
  }
  return undefined;
}

const reasonOf = ({ state }: UntimelyKey): Reason =>
  state === 'expired' ? 'secret_expired' : 'secret_not_yet_valid';

function noKeyFailure(
  known: readonly Known[],
  untimely: readonly UntimelyKey[],
  search: Search,
): Failure {
  const told = new Set(untimely.map(describeUntimely));
  const first = untimely.find(({ state }) => state === 'expired') ?? untimely[0];
  const refused = search.warnings.some(({ code }) => code !== 'jwks_uri_failed');
  const otherwise: Reason = refused ? 'secret_refused' : 'no_matching_key';
  return {
    reason: first === undefined ? otherwise : reasonOf(first),
    expected: usable(known, search),
    actual: [...wantedNames(search), ...[...told].slice(0, MAX_TRIES)],
  };
}

function leftOut(
  known: readonly Known[],
  untimely: readonly UntimelyKey[],
  search: Search,
): string[] {
  const { alg, kid } = search.jws.header;
  const told = known.flatMap(({ secret, key }) => {
    if (search.tried.some((one) => one.key === key)) return [];
    const name = describeKey({ secret, key }, search);
    if (!fits(key, search)) {
      // Only a key that the header names was meant.
      return key.kid !== undefined && key.kid === kid ? [`not tried: ${name}: not for ${alg}`] : [];
    }
    if (stateOf(key, search) !== 'valid') return [];
    return [`not tried: ${name}: ${MAX_TRIES} others came first`];
  });
  const late = untimely.map((key) => `not tried: ${describeUntimely(key)}`);
  const all = [...told, ...new Set(late)];
  const more = all.length - MAX_TRIES;
  return more > 0 ? [...all.slice(0, MAX_TRIES), `not tried: ${more} more`] : all;
}

const ECDSA_HASHES: Readonly<Record<string, string>> = {
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
};

/** One in 256 other signatures begins with it, so few cost another verification. */
const DER_SEQUENCE = 0x30;

function formMistake({ jws, tried }: Search): string[] {
  const { signature, signingInput, header } = jws;
  const alg = String(header['alg']);
  const data = Buffer.from(signingInput, 'latin1');
  const hash = ECDSA_HASHES[alg];
  for (const { key } of tried.slice(0, 2)) {
    const { keyObject } = key;
    if (hash !== undefined && signature[0] === DER_SEQUENCE) {
      if (!isVerified(() => verify(hash, data, keyObject, signature))) continue;
      return ['the signature is in DER: RFC 7518 §3.4 requires R and S, each in full length'];
    }
    if (alg.startsWith('PS')) {
      const saltLength = constants.RSA_PSS_SALTLEN_AUTO;
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const pss = { key: keyObject, padding, saltLength };
      if (!isVerified(() => verify(`sha${alg.slice(2)}`, data, pss, signature))) continue;
      return ['the PSS salt has the wrong length: RFC 7518 §3.5 requires the length of the hash'];
    }
  }
  return [];
}

function isVerified(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}

function sizeGuess({ jws, tried }: Search): string[] {
  const sizes = tried.map(
    ({ key }) => (key.keyObject.asymmetricKeyDetails?.modulusLength ?? 0) / 8,
  );
  const { length } = jws.signature;
  if (sizes.some((size) => size === 0 || size === length)) return [];
  return [`probably another RSA key: the signature has ${length} bytes, not ${sizes[0]}`];
}

function signatureFailure(
  known: readonly Known[],
  untimely: readonly UntimelyKey[],
  search: Search,
): Failure {
  const mistake = formMistake(search);
  return {
    reason: 'signature_invalid',
    expected: search.tried.map((candidate) => describeKey(candidate, search)),
    actual: [
      ...wantedNames(search),
      ...(mistake.length === 0 ? sizeGuess(search) : mistake),
      ...leftOut(known, untimely, search),
    ],
  };
}

export const fetchFailure = (error: FetchError): Failure => ({
  reason: error.code === 'too_many_fetches' ? 'too_many_fetches' : 'jwks_uri_failed',
  actual: error.code,
  cause: error,
});

export async function diagnose(search: Search): Promise<Failure> {
  const { missing, tried } = search;
  if (missing !== undefined) return fetchFailure(missing);
  const known = knownKeys(search);
  // Expired secrets are imported for it.
  const untimely = [...untimelyKeys(known, search)];
  if (tried.length === 0) return noKeyFailure(known, untimely, search);
  const signer = await untimelySigner(untimely, search);
  if (signer === undefined) return signatureFailure(known, untimely, search);
  return {
    reason: reasonOf(signer),
    expected: usable(known, search),
    actual: [...wantedNames(search), describeUntimely(signer)],
  };
}
