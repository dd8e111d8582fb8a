import { DocumentCache } from '../net/document-cache.js';
import { FetchError } from '../net/fetch-error.js';
import { type DocumentCacheOptions, documentCacheOptions } from '../net/options.js';
import { parseRemoteUrl } from '../net/remote-url.js';
import { readOptions, type Settings } from '../shared/options.js';
import { safeText, withoutFinalSlash } from '../shared/safe.js';
import { type ImportedKeys, importJwkSet, MAX_REMOTE_KEYS, MAX_STRANGERS_KEYS } from './jwk.js';

/**
 * How to fetch and keep the JWK Sets of `jwks_uri`. Times are in seconds. Defaults: `maxBytes`
 * 65536, `maxAge` an hour, `maxStale` 900.
 */
export interface JwksUriOptions extends DocumentCacheOptions {}

const OPTIONS = documentCacheOptions({ maxBytes: 65_536, maxAge: 3600, maxStale: 900 });

/** In seconds. A caller with invented key ids can cause one fetch of a URL in this time. */
const COOLDOWN = 30;

const ACCEPT = 'application/jwk-set+json, application/json';

export interface FetchedSet {
  readonly set?: ImportedKeys | undefined;
  readonly error?: FetchError | undefined;
}

interface Discovered {
  readonly issuer: string;
  readonly jwksUri: string;
}

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

/** OpenID Connect Discovery §4. */
const discoveryUrl = (issuer: string): string =>
  `${withoutFinalSlash(issuer)}/.well-known/openid-configuration`;

/** Has both members if the last good document is used during an outage. */
interface Discovery {
  readonly uri?: string | undefined;
  readonly error?: FetchError | undefined;
}

/** Two issuers that differ by a final slash share one discovery document. */
function discoveryOf({ issuer, jwksUri }: Discovered, asked: string): Discovery {
  if (issuer === asked) return { uri: jwksUri };
  const message = `${discoveryUrl(asked)}: its issuer is ${safeText(issuer)}, not ${safeText(asked)}`;
  return { error: new FetchError('document_invalid', message) };
}

/**
 * Fetches and keeps the JWK Sets that clients publish at their `jwks_uri`, and platforms for their
 * workloads. A strategy creates its own from its option `jwksUri`; create one yourself to share it.
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

  /** @internal */
  static ofStrangers(options: JwksUriOptions): RemoteJwkSets {
    const sets = new RemoteJwkSets(options);
    sets.#maxKeys = MAX_STRANGERS_KEYS;
    return sets;
  }

  /** @internal */
  atHand(uri: string): ImportedKeys | undefined {
    return this.#cache.atHand(uri);
  }

  /**
   * `seen` is the available set, in which no key verifies. Without it, fetches at once, otherwise
   * once per cooldown; before that, the result is empty.
   * @internal
   */
  async fetch(uri: string, seen: ImportedKeys | undefined): Promise<FetchedSet> {
    try {
      if (seen !== undefined) return { set: await this.#cache.renew(uri, seen, COOLDOWN) };
      const { document, error } = await this.#cache.get(uri);
      return { set: document, error };
    } catch (error) {
      if (error instanceof FetchError) return { error };
      throw error;
    }
  }

  /** @internal */
  discoveredAtHand(issuer: string): string | undefined {
    const document = this.#discovered().atHand(discoveryUrl(issuer));
    return document && discoveryOf(document, issuer).uri;
  }

  /** @internal */
  async discover(issuer: string, seen: string | undefined): Promise<Discovery> {
    const url = discoveryUrl(issuer);
    const cache = this.#discovered();
    try {
      if (seen === undefined) {
        const { document, error } = await cache.get(url);
        return { error, ...discoveryOf(document, issuer) };
      }
      const known = cache.atHand(url);
      const newer = known && (await cache.renew(url, known, COOLDOWN));
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

  /** @internal */
  noteProved(uri: string, issuer?: string): void {
    this.#cache.noteProved(uri);
    if (issuer !== undefined) this.#discovered().noteProved(discoveryUrl(issuer));
  }

  /**
   * Drops a JWK Set at once, for example because one of its keys was stolen.
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

/** For callers without their own instance, so that not every call fetches again. */
export function sharedJwkSets(): RemoteJwkSets {
  shared ??= new RemoteJwkSets();
  return shared;
}
