import { type LookupAddress, lookup } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';

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

/**
 * A lookup that asks DNS and no thread. `dns.lookup` occupies a thread of libuv's pool for as long
 * as it takes, even after everybody has stopped waiting: a few names of slow servers, which anybody
 * can have, would then hold up the signatures and the lookups of the whole process. Names without a
 * dot are no names of the internet, and go to `dns.lookup` and the hosts file.
 */
export function dnsLookup(resolver = newResolver()): LookupFunction {
  return (hostname, options, callback) => {
    if (!hostname.includes('.')) {
      lookup(hostname, { ...options, all: true }, (error, found) => callback(error, found));
      return;
    }
    resolveAll(resolver, hostname).then(
      (found) => callback(null, found),
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}
