import type { LookupFunction } from 'node:net';
import tls, { type SecureContext } from 'node:tls';
import { callback, flag, number, type OptionTable, type Settings } from '../shared/options.js';
import { networkList } from './addresses.js';

/** What is used of the `fetch` of the Fetch standard. */
export type FetchFunction = (
  url: string,
  init: {
    readonly headers: Record<string, string>;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<{
  readonly status: number;
  readonly redirected?: boolean;
  readonly headers: { get(name: string): string | null };
  readonly body: object | null;
}>;

/** How documents are fetched from URLs that clients name. Times are in seconds. */
export interface FetchOptions {
  /**
   * Networks that may be called besides the public internet, in CIDR notation: `10.0.0.0/8`.
   * Default none. https is still required.
   */
  readonly allowedNetworks?: readonly string[] | undefined;
  /** For development: also calls this machine's own addresses, by http too. Default false. */
  readonly allowLocalNetwork?: boolean | undefined;
  /** Certificates of authorities to trust besides Node's own, in PEM. Default none. */
  readonly ca?: string | readonly string[] | undefined;
  /**
   * Resolves names, with the arguments of `dns.lookup`. Default: asks the name servers, without
   * the hosts file. Set `dns.lookup` for names that only the hosts file or a search list knows.
   */
  readonly lookup?: LookupFunction | undefined;
  /**
   * Makes the requests instead of Node's own client, for servers behind a proxy: for example undici's
   * `fetch` with a proxy agent. The rules for URLs, hosts, redirects, size and time stay; checking
   * the address that a name leads to is then up to this function. `ca` and `lookup` have no effect.
   */
  readonly fetch?: FetchFunction | undefined;
  /** How long one fetch may take, from the name to the last byte. Default 5. */
  readonly timeout?: number | undefined;
  /** The size of the largest document that is read, in bytes. */
  readonly maxBytes?: number | undefined;
}

/** How fetched documents are kept. Times are in seconds. */
export interface DocumentCacheOptions extends FetchOptions {
  /**
   * A document is used for at most this long, and for at least 60 s if this is not less, whatever its
   * headers say. If they say nothing, it is used for 300 s.
   */
  readonly maxAge?: number | undefined;
  /**
   * For how long after that the last good document serves during an outage: network errors,
   * timeouts, 429 and 5xx. Any other answer ends the document at once.
   */
  readonly maxStale?: number | undefined;
  /**
   * How many documents are kept of clients that have proved themselves, and as many of others. If
   * there are more, the site that has the most loses the one that it has not used for the longest
   * time. Default 1000.
   */
  readonly maxEntries?: number | undefined;
  /**
   * How many fetches run at once, of each of four kinds: from URLs of clients that have proved
   * themselves or not, whose last fetch failed or not. One site gets at most half of them.
   * Default 100.
   */
  readonly maxConcurrentFetches?: number | undefined;
}

/** Made once, since the root certificates are many. */
function trusted(name: string, value: unknown): SecureContext | undefined {
  if (value === undefined) return undefined;
  const certificates: unknown[] = Array.isArray(value) ? value : [value];
  const isPem = (text: unknown): text is string =>
    typeof text === 'string' && text.includes('-----BEGIN CERTIFICATE-----');
  if (!certificates.every(isPem)) {
    throw new TypeError(`${name} must be a certificate in PEM, or an array of them`);
  }
  return tls.createSecureContext({ ca: [...tls.rootCertificates, ...certificates] });
}

const fetchOptions = (maxBytes: number) =>
  ({
    allowedNetworks: networkList,
    allowLocalNetwork: flag(false),
    ca: trusted,
    lookup: callback<LookupFunction>(),
    fetch: callback<FetchFunction>(),
    timeout: number(5, 0.001),
    maxBytes: number(maxBytes, 1),
  }) satisfies OptionTable<FetchOptions>;

/** The options of fetching, checked and with their defaults. */
export type FetchSettings = Settings<ReturnType<typeof fetchOptions>>;

/** What differs from one kind of document to another. */
export interface DocumentDefaults {
  readonly maxBytes: number;
  readonly maxAge: number;
  readonly maxStale: number;
}

/** The table of the options of a cache, for one kind of document. */
export const documentCacheOptions = ({ maxBytes, maxAge, maxStale }: DocumentDefaults) =>
  ({
    ...fetchOptions(maxBytes),
    maxAge: number(maxAge, 0),
    maxStale: number(maxStale, 0),
    maxEntries: number(1000, 1),
    maxConcurrentFetches: number(100, 1),
  }) satisfies OptionTable<DocumentCacheOptions>;

/** The options of a cache, checked and with their defaults. */
export type DocumentCacheSettings = Settings<ReturnType<typeof documentCacheOptions>>;
