import type { LookupFunction } from 'node:net';
import tls, { type SecureContext } from 'node:tls';
import { callback, number, type OptionTable, type Settings } from '../shared/options.js';
import { networkList } from './addresses.js';

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

/** How to fetch documents from URLs that clients name. Times are in seconds. */
export interface FetchOptions {
  /**
   * Networks to allow besides the public internet, in CIDR notation: `10.0.0.0/8`; https is still
   * required. For development `localhost`: this machine, even by http. Default none.
   */
  readonly allowedNetworks?: readonly string[] | undefined;
  /** Certificates of authorities to trust in addition to Node's own, in PEM. Default none. */
  readonly ca?: string | readonly string[] | undefined;
  /** Like `dns.lookup`. Default: queries the name servers, without the hosts file. */
  readonly lookup?: LookupFunction | undefined;
  /**
   * Makes the requests instead of Node's client, for servers behind a proxy: for example undici's
   * `fetch` with a proxy agent. The rules still apply, but this function must check the address of
   * a name itself. `ca` and `lookup` have no effect.
   */
  readonly fetch?: FetchFunction | undefined;
  /** How long one fetch may take, from name resolution to the last byte. Default 5. */
  readonly timeout?: number | undefined;
  /** The maximum size of a document, in bytes. */
  readonly maxBytes?: number | undefined;
}

/** How to keep fetched documents. Times are in seconds. */
export interface DocumentCacheOptions extends FetchOptions {
  /** The maximum time that a document is used; the minimum is 60. Without caching headers, 300. */
  readonly maxAge?: number | undefined;
  /**
   * How long after that the last good document may be used during an outage: network errors,
   * timeouts, 429 and 5xx. Any other answer ends the document at once.
   */
  readonly maxStale?: number | undefined;
  /**
   * How many documents of authenticated clients are kept, and as many of others. When full, the
   * site with the most documents loses its least recently used one. Default 1000.
   */
  readonly maxEntries?: number | undefined;
}

/** Built once, because there are many root certificates. */
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
    ca: trusted,
    lookup: callback<LookupFunction>(),
    fetch: callback<FetchFunction>(),
    timeout: number(5, 0.001),
    maxBytes: number(maxBytes, 1),
  }) satisfies OptionTable<FetchOptions>;

export type FetchSettings = Settings<ReturnType<typeof fetchOptions>>;

export interface DocumentDefaults {
  readonly maxBytes: number;
  readonly maxAge: number;
  readonly maxStale: number;
}

export const documentCacheOptions = ({ maxBytes, maxAge, maxStale }: DocumentDefaults) =>
  ({
    ...fetchOptions(maxBytes),
    maxAge: number(maxAge, 0),
    maxStale: number(maxStale, 0),
    maxEntries: number(1000, 1),
  }) satisfies OptionTable<DocumentCacheOptions>;

export type DocumentCacheSettings = Settings<ReturnType<typeof documentCacheOptions>>;
