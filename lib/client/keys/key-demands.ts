import { KeyError } from '../../keys/algorithms.js';
import { ALGORITHMS, type Algorithm } from '../../shared/algorithms.js';
import type { OptionNames } from '../../shared/option-checks.js';
import type { Header } from './compact-jws.js';

/** The header parameters that name a key (RFC 7515 §4.1). */
export type KeyHeaderParameter = 'kid' | 'x5t' | 'x5t#S256' | 'x5c';

const KEY_HEADER_PARAMETERS: readonly KeyHeaderParameter[] = ['kid', 'x5t', 'x5t#S256', 'x5c'];

/** What a server wants of the key and of the header, over the key's own options. */
export interface KeyDemands {
  /**
   * What the server takes as `alg`, the preferred one first. Chooses among those that fit the key,
   * and refuses a key that none fits. Default: any.
   */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /**
   * The header parameters that tell the server which key signed; the others are left out. The key
   * must have one of them, so that a forgotten certificate is noticed; an empty list is for servers
   * that want none. Default: all that the key has.
   */
  readonly keyHeader?: readonly KeyHeaderParameter[] | undefined;
}

/** The names of `KeyDemands`. */
export const KEY_DEMANDS: OptionNames<KeyDemands> = { algorithms: true, keyHeader: true };

function checkList(name: string, value: unknown, known: readonly string[]): void {
  if (value === undefined) return;
  if (Array.isArray(value) && value.every((each) => known.includes(each))) return;
  throw new TypeError(`${name} must be a list of ${known.join(', ')}`);
}

/**
 * Checks the options that are demands on the key.
 *
 * @throws {TypeError}
 */
export function keyDemands({ algorithms, keyHeader }: KeyDemands): KeyDemands {
  checkList('algorithms', algorithms, ALGORITHMS);
  checkList('keyHeader', keyHeader, KEY_HEADER_PARAMETERS);
  if (algorithms?.length === 0) throw new TypeError('algorithms is empty: no key could be used');
  return { algorithms, keyHeader };
}

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
export function demandedHeader(
  header: Header,
  keyHeader: readonly KeyHeaderParameter[] | undefined,
): Header {
  if (keyHeader === undefined) return header;
  return Object.fromEntries(keyHeader.map((name) => [name, header[name]]));
}
