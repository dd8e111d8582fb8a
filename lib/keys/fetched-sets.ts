import { FetchError } from '../net/fetch-error.js';
import type { AuthenticationWarning } from '../shared/events.js';
import { describeSecret } from './assert-secrets.js';
import type { RemoteJwkSet, RemoteJwkSets } from './jwks-uri.js';
import { ownKeysOf } from './own-keys.js';
import type { JwksUriSecret } from './secret.js';

/** What came of fetching the set of a `jwks_uri`. */
export interface FetchedSet {
  readonly secret: JwksUriSecret;
  readonly set?: RemoteJwkSet | undefined;
  /** Whether it was fetched for this search. */
  readonly isNew?: boolean | undefined;
  readonly error?: FetchError | undefined;
}

/** The client's own, or else those that clients share. */
const jwkSetsOf = (secret: JwksUriSecret, shared: RemoteJwkSets): RemoteJwkSets =>
  ownKeysOf(secret)?.jwksUri ?? shared;

/** Fetches the set of a secret, unless it is kept. */
export async function fetchSet(secret: JwksUriSecret, shared: RemoteJwkSets): Promise<FetchedSet> {
  try {
    const { document, isNew, error } = await jwkSetsOf(secret, shared).get(secret.value);
    return { secret, set: document, isNew, error };
  } catch (error) {
    if (error instanceof FetchError) return { secret, error };
    throw error;
  }
}

/** Fetches again what did not have the key. Undefined where nothing new came of it. */
export async function renewSets(
  fetched: readonly FetchedSet[],
  shared: RemoteJwkSets,
): Promise<readonly FetchedSet[] | undefined> {
  let renewed = false;
  const sets = await Promise.all(
    fetched.map(async (before) => {
      if (before.set === undefined || before.isNew === true) return before;
      const { secret, set: seen } = before;
      const set = await jwkSetsOf(secret, shared).renew(secret.value, seen);
      if (set === undefined) return before;
      renewed = true;
      return { secret, set };
    }),
  );
  return renewed ? sets : undefined;
}

/** What the operator should know of a set. */
export function warningsOf({ secret, set, error }: FetchedSet): AuthenticationWarning[] {
  const name = describeSecret(secret);
  const warnings: AuthenticationWarning[] = (set?.refused ?? []).map((message) => ({
    code: 'secret_refused',
    secret: name,
    message,
  }));
  if (error !== undefined) {
    const message =
      set === undefined ? error.message : `${error.message}; the last good keys are used`;
    warnings.push({ code: 'jwks_uri_failed', secret: name, message });
  }
  return warnings;
}
