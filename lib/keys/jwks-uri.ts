import { DocumentCache } from '../net/document-cache.js';
import { FetchError } from '../net/fetch-error.js';
import { type DocumentCacheOptions, documentCacheOptions } from '../net/options.js';
import { number, type OptionTable, readOptions } from '../shared/options.js';
import { type ImportedKeys, importJwkSet, MAX_REMOTE_KEYS, MAX_STRANGERS_KEYS } from './jwk.js';

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
}

const OPTIONS = {
  ...documentCacheOptions({ maxBytes: 65_536, maxAge: 3600, maxStale: 900 }),
  cooldown: number(30, 0),
} satisfies OptionTable<JwksUriOptions>;

const ACCEPT = 'application/jwk-set+json, application/json';

/** What came of fetching a set. Both are there if the last good set serves through an outage. */
export interface FetchedSet {
  readonly set?: ImportedKeys | undefined;
  readonly error?: FetchError | undefined;
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
  readonly #cache: DocumentCache<ImportedKeys>;
  readonly #cooldown: number;
  #maxKeys = MAX_REMOTE_KEYS;

  /** @throws {TypeError} if an option is wrong */
  constructor(options: JwksUriOptions = {}) {
    const settings = readOptions('RemoteJwkSets', options, OPTIONS);
    this.#cache = new DocumentCache(settings, ACCEPT, (value) =>
      importJwkSet(value, this.#maxKeys),
    );
    this.#cooldown = settings.cooldown;
  }

  /**
   * The sets of clients that nobody has looked at, whose sets may have fewer keys.
   *
   * @internal
   */
  static ofStrangers(options: JwksUriOptions): RemoteJwkSets {
    const sets = new RemoteJwkSets(options);
    sets.#maxKeys = MAX_STRANGERS_KEYS;
    return sets;
  }

  /**
   * The set if it is fresh. Nobody waits for it.
   *
   * @internal
   */
  atHand(uri: string): ImportedKeys | undefined {
    return this.#cache.atHand(uri);
  }

  /**
   * Fetches the set: one that is not at hand at once, one that is at hand at most once in the
   * cooldown. The result is empty if it was left in peace.
   *
   * @param seen the set at hand, which has no key that verifies
   * @internal
   */
  async fetch(uri: string, seen: ImportedKeys | undefined): Promise<FetchedSet> {
    try {
      if (seen !== undefined) return { set: await this.#cache.renew(uri, seen, this.#cooldown) };
      const { document, error } = await this.#cache.get(uri);
      return { set: document, error };
    } catch (error) {
      if (error instanceof FetchError) return { error };
      throw error;
    }
  }

  /**
   * Notes that a client has proved itself by a key of its set: strangers do not compete with it.
   *
   * @internal
   */
  noteProved(uri: string): void {
    this.#cache.noteProved(uri);
  }

  /**
   * Drops the set of a `jwks_uri` at once, for instance because a key in it was stolen. The next
   * assertion of its client fetches the set again.
   */
  forget(uri: string): void {
    this.#cache.forget(uri);
  }
}

let shared: RemoteJwkSets | undefined;

/** For callers that bring none of their own, so that nothing is fetched anew on every call. */
export function sharedJwkSets(): RemoteJwkSets {
  shared ??= new RemoteJwkSets();
  return shared;
}
