import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** All routed IPv6 addresses. The others embed, map or reserve addresses. */
const GLOBAL_UNICAST_V6 = ipaddr.parseCIDR('2000::/3');

function isIn(address: ReturnType<typeof ipaddr.parse>, [network, bits]: Network): boolean {
  return address.kind() === network.kind() && address.match([network, bits]);
}

function parseAddress(text: string): ReturnType<typeof ipaddr.parse> | undefined {
  return isIP(text) === 0 || text.includes('%') ? undefined : ipaddr.parse(text);
}

export function isLoopback(text: string): boolean {
  return parseAddress(text)?.range() === 'loopback';
}

/** RFC 6890. Addresses that embed another one are not public: IPv4-mapped, 6to4, Teredo, NAT64. */
export function isPublic(text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined || address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || isIn(address, GLOBAL_UNICAST_V6);
}

/** Of one customer: an IPv4 address, or 64 bits of an IPv6 address. */
export function networkOf(text: string): string {
  const address = parseAddress(text);
  if (address === undefined) return text;
  // A server that listens on IPv6 sees IPv4 callers so. All of them share the first 64 bits.
  if (address.range() === 'ipv4Mapped') return ipaddr.process(text).toString();
  return address.toNormalizedString().split(':').slice(0, 4).join(':');
}

export interface NetworkList {
  readonly isEmpty: boolean;
  readonly hasLocalhost: boolean;
  has(address: string): boolean;
}

/** In CIDR notation, IPv4 or IPv6; or `localhost`. */
export function networkList(name: string, networks: unknown = []): NetworkList {
  if (!Array.isArray(networks)) throw new TypeError(`${name} must be an array of networks`);
  const remote = networks.filter((network: unknown) => network !== 'localhost');
  const parsed = remote.map((network: unknown): Network => {
    if (typeof network === 'string' && ipaddr.isValidCIDR(network)) {
      return ipaddr.parseCIDR(network);
    }
    throw new TypeError(
      `${name} has ${JSON.stringify(network)}: write a network in CIDR notation, such as 10.0.0.0/8, or localhost`,
    );
  });
  return {
    isEmpty: networks.length === 0,
    hasLocalhost: remote.length < networks.length,
    has(text) {
      const address = parseAddress(text);
      return address !== undefined && parsed.some((network) => isIn(address, network));
    },
  };
}
