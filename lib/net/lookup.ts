import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { isLoopback, isPublic } from './addresses.js';
import { FetchError } from './fetch-error.js';
import type { FetchSettings } from './options.js';
import { hostOf } from './remote-url.js';

/** In milliseconds, for each of two attempts. */
const newResolver = () => new Resolver({ timeout: 1500, tries: 2 });

async function resolveAll(resolver: Resolver, hostname: string): Promise<LookupAddress[]> {
  const [v4, v6] = await Promise.allSettled([
    resolver.resolve4(hostname),
    resolver.resolve6(hostname),
  ]);
  if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
  return [
    ...(v4.status === 'fulfilled' ? v4.value : []).map((address) => ({ address, family: 4 })),
    ...(v6.status === 'fulfilled' ? v6.value : []).map((address) => ({ address, family: 6 })),
  ];
}

/** Never resolved by name servers (RFC 6761 §6.3). */
const LOCALHOST: LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/**
 * `dns.lookup` occupies a thread of libuv's pool even after the caller has given up: with a few
 * names on slow servers, attackers could stall all signatures and lookups of the process.
 */
export function dnsLookup(resolver = newResolver()): LookupFunction {
  return (hostname, _options, callback) => {
    if (hostname === 'localhost') {
      setImmediate(() => callback(null, LOCALHOST));
      return;
    }
    resolveAll(resolver, hostname).then(
      (found) => callback(null, found),
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}

type AddressRules = Pick<FetchSettings, 'allowedNetworks'>;

/** Plain http may only go to this machine. */
function checkAddress(address: string, url: URL, { allowedNetworks }: AddressRules): void {
  const local = allowedNetworks.hasLocalhost && isLoopback(address);
  if (url.protocol === 'http:' ? local : local || allowedNetworks.has(address)) return;
  if (url.protocol === 'https:' && isPublic(address)) return;
  throw new FetchError(
    'address_not_allowed',
    `${hostOf(url)} has the address ${address}, which is not public: allowedNetworks can allow it`,
  );
}

function checkAll(found: readonly LookupAddress[], url: URL, rules: AddressRules): void {
  if (found.length === 0) {
    throw new FetchError('name_not_resolved', `${hostOf(url)} has no address`);
  }
  // One forbidden address is enough to refuse the name: the system may connect to any of them.
  for (const { address } of found) checkAddress(address, url, rules);
}

/** Node does not look up an IP address. */
export function checkHost(url: URL, rules: AddressRules): void {
  const host = hostOf(url);
  if (isIP(host) !== 0) checkAddress(host, url, rules);
}

/** Connects to the addresses that passed the check, not to later ones (DNS rebinding). */
export function guardedLookup(
  url: URL,
  rules: AddressRules,
  resolve: LookupFunction,
): LookupFunction {
  const host = hostOf(url);
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, result, family) => {
      if (error !== null && error !== undefined) {
        const message = `${host} has no address (${error.code ?? 'lookup failed'})`;
        callback(new FetchError('name_not_resolved', message), []);
        return;
      }
      const found =
        typeof result === 'string'
          ? [{ address: result, family: family ?? isIP(result) }]
          : (result ?? []);
      try {
        checkAll(found, url, rules);
      } catch (refusal) {
        callback(refusal as FetchError, []);
        return;
      }
      const [first] = found;
      if (options.all === true || first === undefined) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}
