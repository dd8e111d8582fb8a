import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** All that the internet routes to in IPv6; what lies outside embeds, maps or reserves addresses. */
const GLOBAL_UNICAST_V6 = ipaddr.parseCIDR('2000::/3');

function isIn(address: ReturnType<typeof ipaddr.parse>, [network, bits]: Network): boolean {
  return address.kind() === network.kind() && address.match([network, bits]);
}

function parseAddress(text: string): ReturnType<typeof ipaddr.parse> | undefined {
  return isIP(text) === 0 || text.includes('%') ? undefined : ipaddr.parse(text);
}

/** Whether an address is the machine's own. */
export function isLoopback(text: string): boolean {
  return parseAddress(text)?.range() === 'loopback';
}

/**
 * Whether an address belongs to the public internet: no loopback, private, link-local, shared
 * (CGNAT), unique local, multicast, documentation or reserved one (RFC 6890), and none that carries
 * another address inside, such as IPv4-mapped, 6to4, Teredo and NAT64.
 */
export function isPublic(text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined || address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || isIn(address, GLOBAL_UNICAST_V6);
}

/** The network that one customer has: an IPv4 address, or 64 bits of an IPv6 address. */
export function networkOf(text: string): string {
  const address = parseAddress(text);
  if (address === undefined || address.kind() === 'ipv4') return text;
  return address.toNormalizedString().split(':').slice(0, 4).join(':');
}

/** Networks that may be called. */
export interface NetworkList {
  readonly isEmpty: boolean;
  has(address: string): boolean;
}

/**
 * Reads a list of networks.
 *
 * @param networks in CIDR notation, IPv4 or IPv6
 * @throws {TypeError} for anything else
 */
export function networkList(name: string, networks: unknown = []): NetworkList {
  if (!Array.isArray(networks)) throw new TypeError(`${name} must be an array of networks`);
  const parsed = networks.map((network: unknown): Network => {
    if (typeof network === 'string' && ipaddr.isValidCIDR(network)) {
      return ipaddr.parseCIDR(network);
    }
    throw new TypeError(
      `${name} has ${JSON.stringify(network)}: write a network in CIDR notation, such as 10.0.0.0/8`,
    );
  });
  return {
    isEmpty: parsed.length === 0,
    has(text) {
      const address = parseAddress(text);
      return address !== undefined && parsed.some((network) => isIn(address, network));
    },
  };
}
