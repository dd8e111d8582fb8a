import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import tls, { type SecureContext } from 'node:tls';
import { callback, flag, number, type OptionNames } from '../shared/option-checks.js';
import { networkList } from './addresses.js';
import { dnsLookup } from './dns-lookup.js';

/** How documents are fetched from URLs that clients name. Times are in seconds. */
export interface FetchOptions {
  /**
   * Networks that may be called besides the public internet, in CIDR notation: `10.0.0.0/8`.
   * Default none. https is still required.
   */
  readonly allowedNetworks?: readonly string[] | undefined;
  /**
   * For development: also calls this machine's own addresses, and these by http too. Default false.
   */
  readonly allowLocalNetwork?: boolean | undefined;
  /** The ports that may be called. Default 443 and all from 1024. */
  readonly allowedPorts?: readonly number[] | undefined;
  /**
   * Certificates of authorities to trust besides Node's own, in PEM: for private networks.
   * Default none.
   */
  readonly ca?: string | readonly string[] | undefined;
  /**
   * Resolves names, with the arguments of `dns.lookup`. Default: asks DNS, and the hosts file for
   * names without a dot alone; `dns.lookup` itself does for private networks.
   */
  readonly lookup?: LookupFunction | undefined;
  /** How long one fetch may take, from the name to the last byte. Default 5. */
  readonly timeout?: number | undefined;
  /** The size of the largest document that is read, in bytes. */
  readonly maxBytes?: number | undefined;
}

export const FETCH_OPTIONS: OptionNames<FetchOptions> = {
  allowedNetworks: true,
  allowLocalNetwork: true,
  allowedPorts: true,
  ca: true,
  lookup: true,
  timeout: true,
  maxBytes: true,
};

/** The options, checked and with their defaults. */
export interface FetchSettings {
  readonly isAllowedNetwork: (address: string) => boolean;
  readonly allowLocalNetwork: boolean;
  readonly isAllowedPort: (port: number) => boolean;
  readonly httpsAgent: https.Agent;
  readonly httpAgent: http.Agent;
  readonly lookup: LookupFunction;
  readonly timeout: number;
  readonly maxBytes: number;
}

// Below 1024 live the services that strangers should not be able to make us knock at.
const isUsualPort = (port: number): boolean => port === 443 || port >= 1024;

function portList(value: unknown): (port: number) => boolean {
  if (value === undefined) return isUsualPort;
  const isList =
    Array.isArray(value) &&
    value.every((port) => Number.isInteger(port) && port > 0 && port < 65536);
  if (!isList) throw new TypeError('allowedPorts must be an array of port numbers');
  const ports = new Set<number>(value);
  return (port) => ports.has(port);
}

/** Made once, since the roots are many. */
function trust(ca: unknown): SecureContext | undefined {
  if (ca === undefined) return undefined;
  const certificates: unknown[] = Array.isArray(ca) ? ca : [ca];
  const isPem = (text: unknown): text is string =>
    typeof text === 'string' && text.includes('-----BEGIN CERTIFICATE-----');
  if (!certificates.every(isPem)) {
    throw new TypeError('ca must be a certificate in PEM, or an array of them');
  }
  return tls.createSecureContext({ ca: [...tls.rootCertificates, ...certificates] });
}

/**
 * Checks the options of fetching and fills in the defaults.
 *
 * @throws {TypeError} with a sentence that says what to change
 */
export function fetchSettings(options: FetchOptions, defaultMaxBytes: number): FetchSettings {
  return {
    isAllowedNetwork: networkList('allowedNetworks', options.allowedNetworks),
    allowLocalNetwork: flag('allowLocalNetwork', options.allowLocalNetwork, false),
    isAllowedPort: portList(options.allowedPorts),
    // Every fetch has a connection of its own, so that its address is checked. The agents are ours,
    // so that no proxy from the environment and no setting of a global agent comes in between.
    httpAgent: new http.Agent({ keepAlive: false }),
    httpsAgent: new https.Agent({
      keepAlive: false,
      maxCachedSessions: 0,
      minVersion: 'TLSv1.2',
      // Said aloud, since NODE_TLS_REJECT_UNAUTHORIZED would turn it off otherwise.
      rejectUnauthorized: true,
      secureContext: trust(options.ca),
    }),
    lookup: callback('lookup', options.lookup) ?? dnsLookup(),
    timeout: number('timeout', options.timeout, 5, 0.001),
    maxBytes: number('maxBytes', options.maxBytes, defaultMaxBytes, 1),
  };
}
