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

/** Without asking, as RFC 6761 §6.3 has it. */
const LOCALHOST: LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/**
 * A lookup that asks name servers and occupies no thread. `dns.lookup` occupies a thread of libuv's
 * pool for as long as it takes, even after the caller has stopped waiting: a few names of slow
 * servers, which anyone can have, would then hold up the signatures and the lookups of the whole
 * process.
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

type AddressRules = Pick<FetchSettings, 'allowLocalNetwork' | 'allowedNetworks'>;

/**
 * @throws {FetchError} `address_not_allowed`. Plain http goes to this machine alone.
 */
function checkAddress(address: string, url: URL, rules: AddressRules): void {
  const local = rules.allowLocalNetwork && isLoopback(address);
  if (url.protocol === 'http:' ? local : local || rules.allowedNetworks.has(address)) return;
  if (url.protocol === 'https:' && isPublic(address)) return;
  throw new FetchError(
    'address_not_allowed',
    `${hostOf(url)} has the address ${address}, which is not public: allowedNetworks can allow it`,
  );
}

/** @throws {FetchError} */
function checkAll(found: readonly LookupAddress[], url: URL, rules: AddressRules): void {
  if (found.length === 0) {
    throw new FetchError('name_not_resolved', `${hostOf(url)} has no address`);
  }
  // One forbidden address condemns the name: the system may connect to any of them.
  for (const { address } of found) checkAddress(address, url, rules);
}

/**
 * Checks a URL whose host is an address, which is never looked up.
 *
 * @throws {FetchError} `address_not_allowed`
 */
export function checkHost(url: URL, rules: AddressRules): void {
  const host = hostOf(url);
  if (isIP(host) !== 0) checkAddress(host, url, rules);
}

/**
 * The lookup that a connection to the URL is made with: the addresses that it lets pass are the
 * ones that are connected to, so that a name cannot show one address to a check and another to the
 * connection (DNS rebinding).
 */
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
