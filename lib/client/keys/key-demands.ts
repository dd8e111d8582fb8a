import { KeyError } from '../../keys/algorithms.js';
import { ALGORITHMS, type Algorithm } from '../../shared/jose.js';
import type { OptionTable, Reader } from '../../shared/options.js';
import type { Header } from './jws.js';

const KEY_HEADER_PARAMETERS = ['kid', 'x5t', 'x5t#S256', 'x5c'] as const;

/** The header parameters that name a key (RFC 7515 §4.1). */
type KeyHeaderParameter = (typeof KEY_HEADER_PARAMETERS)[number];

/** What a server wants of the key and of the header; overrides the key's own options. */
export interface KeyDemands {
  /**
   * What the server takes as `alg`, the preferred one first. Chooses among those that fit the key,
   * and refuses a key that none fits. Default: any.
   */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /**
   * The header parameters that tell the server which key signed; the others are left out. The key
   * must have one of them, so that a forgotten certificate is noticed. An empty list is for servers
   * that want none. Default: all that the key has.
   */
  readonly keyHeader?: readonly ('kid' | 'x5t' | 'x5t#S256' | 'x5c')[] | undefined;
}

const listOf =
  <Item extends string>(known: readonly Item[]): Reader<readonly Item[] | undefined> =>
  (name, value) => {
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((each) => known.includes(each))) return value;
    throw new TypeError(`${name} must be a list of ${known.join(', ')}`);
  };

const algorithms: Reader<readonly Algorithm[] | undefined> = (name, value) => {
  const list = listOf<Algorithm>(ALGORITHMS)(name, value);
  if (list?.length === 0) throw new TypeError('algorithms is empty: no key could be used');
  return list;
};

/** The readers of `KeyDemands`. */
export const KEY_DEMANDS = {
  algorithms,
  keyHeader: listOf(KEY_HEADER_PARAMETERS),
} satisfies OptionTable<KeyDemands>;

/** The demands among other options. */
export const keyDemands = ({ algorithms, keyHeader }: KeyDemands): KeyDemands => ({
  algorithms,
  keyHeader,
});

function remedyFor(keyHeader: readonly KeyHeaderParameter[], header: Header): string {
  if (keyHeader.includes('kid')) return 'set kid';
  return header['x5t#S256'] === undefined ? 'give its certificate' : 'set x5c: true';
}

/**
 * Holds a key to what the server demands.
 *
 * @param header the parameters that name the key
 * @throws {KeyError} with what to change
 */
export function checkDemands(
  { algorithms, keyHeader }: KeyDemands,
  alg: Algorithm,
  header: Header,
): void {
  if (algorithms !== undefined && !algorithms.includes(alg)) {
    throw new KeyError(`its alg is ${alg}, but the server takes ${algorithms.join(' or ')}`);
  }
  if (keyHeader === undefined || keyHeader.length === 0) return;
  if (keyHeader.some((name) => header[name] !== undefined)) return;
  const remedy = remedyFor(keyHeader, header);
  throw new KeyError(`the server knows keys by ${keyHeader.join(' or ')}: ${remedy}`);
}

/** The parameters that name the key, without those that the server does not want. */
export const demandedHeader = (header: Header, keyHeader: KeyDemands['keyHeader']): Header =>
  keyHeader === undefined
    ? header
    : Object.fromEntries(keyHeader.map((name) => [name, header[name]]));
