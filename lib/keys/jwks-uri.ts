import { DocumentCache } from '../net/document-cache.js';
import { FetchError } from '../net/fetch-error.js';
import { type DocumentCacheOptions, documentCacheOptions } from '../net/options.js';
import { parseRemoteUrl } from '../net/remote-url.js';
import { number, type OptionTable, readOptions, type Settings } from '../shared/options.js';
import { safeText } from '../shared/safe.js';
import { type ImportedKeys, importJwkSet, MAX_REMOTE_KEYS, MAX_STRANGERS_KEYS } from './jwk.js';

/**
 * How the JWK Sets of `jwks_uri` are fetched and kept. Times are in seconds. `maxBytes` is 65536,
 * `maxAge` an hour and `maxStale` 900 unless they are set.
 */
export interface JwksUriOptions extends DocumentCacheOptions {
  /**
   * How long a `jwks_uri` is not fetched again after a fetch for a key that was not in its set.
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

/** What a discovery document says of its issuer's keys. */
interface Discovered {
  readonly issuer: string;
  readonly jwksUri: string;
}

/** @throws {Error} if the document does not say where the keys are */
function discoveredIn(value: unknown): Discovered {
  const { issuer, jwks_uri: jwksUri } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof issuer !== 'string') throw new Error('it has no issuer');
  if (typeof jwksUri !== 'string') throw new Error('it has no jwks_uri');
  try {
    parseRemoteUrl(jwksUri);
  } catch (error) {
    throw new Error(`its jwks_uri cannot be used: ${(error as Error).message}`);
  }
  return { issuer, jwksUri };
}

/** Where an issuer publishes its metadata (OpenID Connect Discovery §4). */
const discoveryUrl = (issuer: string): string =>
  `${issuer.endsWith('/') ? issuer.slice(0, -1) : issuer}/.well-known/openid-configuration`;

/** Where an issuer's keys are. Both are there if the last good document serves through an outage. */
interface Discovery {
  readonly uri?: string | undefined;
  readonly error?: FetchError | undefined;
}

/** The document is kept by its URL, which two issuers share that differ by a final slash. */
function discoveryOf({ issuer, jwksUri }: Discovered, asked: string): Discovery {
  if (issuer === asked) return { uri: jwksUri };
  const message = `${discoveryUrl(asked)}: its issuer is ${safeText(issuer)}, not ${safeText(asked)}`;
  return { error: new FetchError('document_invalid', message) };
}

/**
 * The JWK Sets that clients publish at their `jwks_uri`, and platforms for their workloads, fetched and
 * kept. A strategy makes its own
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
  readonly #settings: Settings<typeof OPTIONS>;
  #maxKeys = MAX_REMOTE_KEYS;
  #discovery: DocumentCache<Discovered> | undefined;

  /** @throws {TypeError} if an option is wrong */
  constructor(options: JwksUriOptions = {}) {
    const settings = readOptions('RemoteJwkSets', options, OPTIONS);
    this.#cache = new DocumentCache(settings, ACCEPT, (value) =>
      importJwkSet(value, this.#maxKeys),
    );
    this.#settings = settings;
  }

  /**
   * The sets of clients that registered themselves; these sets may have fewer keys.
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
   * cooldown. The result is empty if it was too early to fetch it.
   *
   * @param seen the set at hand, which has no key that verifies
   * @internal
   */
  async fetch(uri: string, seen: ImportedKeys | undefined): Promise<FetchedSet> {
    try {
      if (seen !== undefined)
        return { set: await this.#cache.renew(uri, seen, this.#settings.cooldown) };
      const { document, error } = await this.#cache.get(uri);
      return { set: document, error };
    } catch (error) {
      if (error instanceof FetchError) return { error };
      throw error;
    }
  }

  /**
   * The `jwks_uri` of an issuer if its discovery document is fresh. Nobody waits for it.
   *
   * @internal
   */
  discoveredAtHand(issuer: string): string | undefined {
    const document = this.#discovered().atHand(discoveryUrl(issuer));
    return document && discoveryOf(document, issuer).uri;
  }

  /**
   * Finds the `jwks_uri` of an issuer by its discovery document: one that is not at hand is fetched at
   * once, one that is at hand at most once in the cooldown. The result is empty if it was too early to fetch it.
   *
   * @param seen the `jwks_uri` at hand, where no key is that verifies
   * @internal
   */
  async discover(issuer: string, seen: string | undefined): Promise<Discovery> {
    const url = discoveryUrl(issuer);
    const cache = this.#discovered();
    try {
      if (seen === undefined) {
        const { document, error } = await cache.get(url);
        return { error, ...discoveryOf(document, issuer) };
      }
      const known = cache.atHand(url);
      const newer = known && (await cache.renew(url, known, this.#settings.cooldown));
      return newer === undefined ? {} : discoveryOf(newer, issuer);
    } catch (error) {
      if (error instanceof FetchError) return { error };
      throw error;
    }
  }

  #discovered(): DocumentCache<Discovered> {
    this.#discovery ??= new DocumentCache(this.#settings, 'application/json', discoveredIn);
    return this.#discovery;
  }

  /**
   * Notes that a client has proved itself by a key of its set: strangers do not compete with it.
   *
   * @param issuer whose discovery document led to the set
   * @internal
   */
  noteProved(uri: string, issuer?: string): void {
    this.#cache.noteProved(uri);
    if (issuer !== undefined) this.#discovered().noteProved(discoveryUrl(issuer));
  }

  /**
   * Drops a JWK Set at once, for instance because a key in it was stolen. The next assertion that needs
   * it fetches it again.
   *
   * @param uri a client's `jwks_uri`; or the issuer of a `FederatedIdentity`, which also drops the
   *   issuer's discovery document
   */
  forget(uri: string): void {
    this.#cache.forget(uri);
    const dropped = this.#discovery?.forget(discoveryUrl(uri));
    if (dropped !== undefined) this.#cache.forget(dropped.jwksUri);
  }
}

let shared: RemoteJwkSets | undefined;

/** For callers that bring none of their own, so that nothing is fetched anew on every call. */
export function sharedJwkSets(): RemoteJwkSets {
  shared ??= new RemoteJwkSets();
  return shared;
}
