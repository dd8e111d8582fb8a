import { KeyError } from '../../keys/algorithms.js';
import { ALGORITHMS, type Algorithm } from '../../shared/jose.js';
import type { OptionTable, Reader } from '../../shared/options.js';
import type { Header } from './jws.js';

const KEY_HEADER_PARAMETERS = ['kid', 'x5t', 'x5t#S256', 'x5c'] as const;

type KeyHeaderParameter = (typeof KEY_HEADER_PARAMETERS)[number];

/** What a server requires of the key and the header; overrides the key's own options. */
export interface KeyDemands {
  /** The `alg` values that the server accepts, preferred first. Default: any. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /**
   * The header parameters that identify the key to the server; all others are omitted. The key must
   * have one of them, so that a forgotten certificate is noticed. Use an empty list if the server
   * wants none. Default: all parameters that the key has.
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

export const KEY_DEMANDS = {
  algorithms,
  keyHeader: listOf(KEY_HEADER_PARAMETERS),
} satisfies OptionTable<KeyDemands>;

export const keyDemands = ({ algorithms, keyHeader }: KeyDemands): KeyDemands => ({
  algorithms,
  keyHeader,
});

function remedyFor(keyHeader: readonly KeyHeaderParameter[], header: Header): string {
  if (keyHeader.includes('kid')) return 'set kid';
  return header['x5t#S256'] === undefined ? 'give its certificate' : 'set x5c: true';
}

export function checkDemands(
  { algorithms, keyHeader }: KeyDemands,
  alg: Algorithm,
  header: Header,
): void {
  if (algorithms !== undefined && !algorithms.includes(alg)) {
    throw new KeyError(`its alg is ${alg}, but the server accepts ${algorithms.join(' or ')}`);
  }
  if (keyHeader === undefined || keyHeader.length === 0) return;
  if (keyHeader.some((name) => header[name] !== undefined)) return;
  const remedy = remedyFor(keyHeader, header);
  throw new KeyError(`the server identifies keys by ${keyHeader.join(' or ')}: ${remedy}`);
}

export const demandedHeader = (header: Header, keyHeader: KeyDemands['keyHeader']): Header =>
  keyHeader === undefined
    ? header
    : Object.fromEntries(keyHeader.map((name) => [name, header[name]]));
