import { KeyError } from './algorithms.js';
import type { ImportedKeys } from './candidate.js';
import type { CompactJws } from './compact-jws.js';
import { type FetchedSet, fetchSet, renewSets, warningsOf } from './fetched-sets.js';
import { expirationOf } from './import.js';
import type { RemoteJwkSets } from './jwks-uri.js';
import type { KeyCache } from './key-cache.js';
import type { AssertionClient, JwksUriSecret, Secret } from './secret.js';
import type { SignerHints } from './signer-hints.js';
import { type Search, type SignerSearch, triedNamedKey, tryKeys, withExpired } from './try-keys.js';

/** So many secrets are looked through as fast as a hint is found. */
const FEW_SECRETS = 4;

interface SearchSettings {
  readonly keys: KeyCache;
  readonly certificateValidity: boolean;
  readonly jwksUri: RemoteJwkSets;
  readonly hints: SignerHints;
}

// A database may hold anything; selectKeys reports what is no secret.
const isJwksUri = (secret: Secret | null | undefined): secret is JwksUriSecret =>
  secret?.type === 'JwksUri';

function isExpired(secret: Secret, now: number): boolean {
  try {
    const expiration = expirationOf(secret);
    return expiration !== undefined && expiration <= now;
  } catch (error) {
    // selectKeys reports it.
    if (error instanceof KeyError) return true;
    throw error;
  }
}

async function searchFetched(
  jws: CompactJws,
  secrets: readonly Secret[],
  now: number,
  settings: SearchSettings,
  fetched: readonly FetchedSet[],
): Promise<Search> {
  const keys: ImportedKeys = {
    keysOf: (secret) =>
      isJwksUri(secret)
        ? (fetched.find((one) => one.secret === secret)?.set?.keys ?? [])
        : settings.keys.keysOf(secret),
    forget: (secret) => settings.keys.forget(secret),
  };
  const found = await tryKeys(jws, secrets, now, { ...settings, keys }, false);
  const warnings = [...found.warnings, ...fetched.flatMap(warningsOf)];
  const missing = fetched.find(({ set }) => set === undefined)?.error;
  if (found.signer !== undefined || missing === undefined) return { ...found, warnings };
  const reason = missing.code === 'too_many_fetches' ? 'too_many_fetches' : 'jwks_uri_failed';
  return { ...found, warnings, failure: { reason, actual: missing.code, cause: missing } };
}

async function searchRemote(
  jws: CompactJws,
  secrets: readonly Secret[],
  now: number,
  settings: SearchSettings,
): Promise<Search> {
  const uris = secrets.filter(isJwksUri).filter((secret) => !isExpired(secret, now));
  const fetched = await Promise.all(uris.map((secret) => fetchSet(secret, settings.jwksUri)));
  const found = await searchFetched(jws, secrets, now, settings, fetched);
  if (found.signer !== undefined) return found;
  // A named key that did not sign was the right one to try: a newer set has no better one.
  const renewed = triedNamedKey(found) ? undefined : await renewSets(fetched, settings.jwksUri);
  const latest =
    renewed === undefined ? found : await searchFetched(jws, secrets, now, settings, renewed);
  return withExpired(jws, latest);
}

const searchAll = (
  jws: CompactJws,
  secrets: readonly Secret[],
  now: number,
  settings: SearchSettings,
): Promise<Search> =>
  secrets.some(isJwksUri)
    ? searchRemote(jws, secrets, now, settings)
    : tryKeys(jws, secrets, now, settings, true);

/** Tries the secret that has verified the `kid` before, and the others only where it does not. */
async function searchHinted(
  jws: CompactJws,
  secrets: readonly Secret[],
  now: number,
  settings: SearchSettings,
): Promise<Search> {
  const { hints } = settings;
  const { kid } = jws.header;
  const hint = hints.find(secrets, kid);
  if (hint !== undefined) {
    const found = await tryKeys(jws, [hint], now, settings, false);
    if (found.signer?.key.kid === kid) return found;
  }
  const found = await searchAll(jws, secrets, now, settings);
  const { signer, warnings } = found;
  // Where there is something to warn of, all secrets are looked through each time.
  if (signer !== undefined && signer.key.kid === kid && warnings.length === 0) {
    hints.note(secrets, kid, signer.secret);
  }
  return found;
}

/**
 * Finds the key of the client that made the signature. Keys that are published at a `jwks_uri` are
 * fetched, and fetched again once where none of them fits; clients without one wait for nothing.
 *
 * @param now seconds since the epoch
 */
export function searchSigner(
  jws: CompactJws,
  client: AssertionClient,
  now: number,
  settings: SearchSettings,
): Promise<SignerSearch> {
  // In JavaScript, a client of another method may well have none.
  const secrets: readonly Secret[] = client.secrets ?? [];
  return secrets.length > FEW_SECRETS
    ? searchHinted(jws, secrets, now, settings)
    : searchAll(jws, secrets, now, settings);
}
