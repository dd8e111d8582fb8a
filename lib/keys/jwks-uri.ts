import { type CachedDocument, DocumentCache } from '../net/document-cache.js';
import { type DocumentCacheOptions, documentCacheOptions } from '../net/options.js';
import { number, type OptionTable, readOptions } from '../shared/options.js';
import { safeText } from '../shared/safe.js';
import { MAX_REMOTE_KEYS, publicKeysFromJwkSet } from './jwk-set.js';
import type { VerificationKey } from './verification-key.js';

/**
 * How the JWK Sets of `jwks_uri` are fetched and kept. Times are in seconds. `maxBytes` is 65536,
 * `maxAge` an hour and `maxStale` 900 unless they are set.
 */
export interface JwksUriOptions extends DocumentCacheOptions {
  /**
   * How long a `jwks_uri` is left in peace after it was asked for a key that was not in its set.
   * Whoever makes up key ids can cause one fetch in this time. Default 30.
   */
  readonly cooldown?: number | undefined;
  /** How many keys a set may have; one with more is refused. Default 50. */
  readonly maxKeys?: number | undefined;
}

const OPTIONS = {
  ...documentCacheOptions({ maxBytes: 65_536, maxAge: 3600, maxStale: 900 }),
  cooldown: number(30, 0),
  maxKeys: number(MAX_REMOTE_KEYS, 1),
} satisfies OptionTable<JwksUriOptions>;

/** A JWK Set as it was fetched: its usable keys, and why others are not. */
export interface RemoteJwkSet {
  readonly keys: readonly VerificationKey[];
  readonly refused: readonly string[];
}

const ACCEPT = 'application/jwk-set+json, application/json';

/** How many refused keys of a set are reported. */
const MAX_REPORTED = 5;

function readJwkSet(value: unknown, maxKeys: number): RemoteJwkSet {
  const { keys, refused } = publicKeysFromJwkSet(value, maxKeys);
  return {
    keys,
    refused: refused.slice(0, MAX_REPORTED).map((message) => safeText(message) ?? ''),
  };
}

/**
 * The JWK Sets that clients publish at their `jwks_uri`, fetched and kept. A strategy makes its own
 * from its option `jwksUri`; make one yourself where several strategies, or a strategy and
 * `validateRequestObject`, should share it.
 *
 * @example
 * ```ts
 * const jwksUri = new RemoteJwkSets({ timeout: 2 });
 * passport.use(new PrivateKeyJwtStrategy({ issuer, jwksUri }, findClient));
 * const { parameters } = await validateRequestObject({ request: jwt, client, issuer, jwksUri });
 * ```
 */
export class RemoteJwkSets {
  private readonly cache: DocumentCache<RemoteJwkSet>;
  private readonly cooldown: number;

  /** @throws {TypeError} where an option is wrong */
  constructor(options: JwksUriOptions = {}) {
    const settings = readOptions('RemoteJwkSets', options, OPTIONS);
    this.cache = new DocumentCache(settings, ACCEPT, (value) =>
      readJwkSet(value, settings.maxKeys),
    );
    this.cooldown = settings.cooldown;
  }

  /**
   * @throws {FetchError}
   * @internal
   */
  get(uri: string): Promise<CachedDocument<RemoteJwkSet>> {
    return this.cache.get(uri);
  }

  /**
   * A newer set than the one that turned out to lack a key; undefined where there is none.
   *
   * @internal
   */
  renew(uri: string, seen: RemoteJwkSet): Promise<RemoteJwkSet | undefined> {
    return this.cache.renew(uri, seen, this.cooldown);
  }

  /**
   * Notes that a client has proved itself by a key of its set: strangers do not compete with it.
   *
   * @internal
   */
  noteProved(uri: string): void {
    this.cache.noteProved(uri);
  }

  /**
   * Drops the set of a `jwks_uri` at once, for instance because a key in it was stolen. The next
   * assertion of its client fetches the set again.
   */
  forget(uri: string): void {
    this.cache.forget(uri);
  }
}

let shared: RemoteJwkSets | undefined;

/** For callers that bring none of their own, so that nothing is fetched anew on every call. */
export function sharedJwkSets(): RemoteJwkSets {
  shared ??= new RemoteJwkSets();
  return shared;
}
