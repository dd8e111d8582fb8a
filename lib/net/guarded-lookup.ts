import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isLoopback, isPublic } from './addresses.js';
import { FetchError } from './fetch-error.js';
import type { FetchSettings } from './fetch-settings.js';
import { hostOf } from './remote-url.js';

/**
 * @throws {FetchError} `address_not_allowed`. Plain http goes to this machine alone.
 */
function checkAddress(address: string, url: URL, settings: FetchSettings): void {
  const local = settings.allowLocalNetwork && isLoopback(address);
  if (url.protocol === 'http:' ? local : local || settings.isAllowedNetwork(address)) return;
  if (url.protocol === 'https:' && isPublic(address)) return;
  throw new FetchError(
    'address_not_allowed',
    `${hostOf(url)} has the address ${address}, which is not public: allowedNetworks can allow it`,
  );
}

/** @throws {FetchError} */
function checkAll(found: readonly LookupAddress[], url: URL, settings: FetchSettings): void {
  if (found.length === 0) {
    throw new FetchError('name_not_resolved', `${hostOf(url)} has no address`);
  }
  // One forbidden address condemns the name: the system may connect to any of them.
  for (const { address } of found) checkAddress(address, url, settings);
}

/**
 * The lookup that a connection to the URL is made with: the addresses that it lets pass are the
 * ones that are connected to, so that a name cannot show one address to a check and another to the
 * connection (DNS rebinding).
 *
 * @throws {FetchError} at once where the URL has an address for a name, since it is never looked up
 */
export function guardedLookup(url: URL, settings: FetchSettings): LookupFunction {
  const host = hostOf(url);
  if (isIP(host) !== 0) checkAddress(host, url, settings);

  return (hostname, options, callback) => {
    settings.lookup(hostname, { ...options, all: true }, (error, result, family) => {
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
        checkAll(found, url, settings);
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
