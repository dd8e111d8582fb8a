import type { JsonObject } from './compact-jws.js';
import type { VerificationKey } from './verification-key.js';

/** What a header says of the key that made the signature (RFC 7515 §4.1). */
export interface Identifiers {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly x5t: string | undefined;
  readonly x5tS256: string | undefined;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

export function identifiersOf(header: JsonObject): Identifiers {
  return {
    alg: String(header['alg']),
    kid: text(header['kid']),
    x5t: text(header['x5t']),
    x5tS256: text(header['x5t#S256']),
  };
}

/** The names of a key or of what is looked for, as the operator reads them. */
export const namesOf = ({ kid, x5t, x5tS256 }: Partial<Identifiers>): string[] =>
  Object.entries({ kid, x5t, 'x5t#S256': x5tS256 }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );

/**
 * How well a key fits the header: 3 for its `kid`, 2 and 1 for its thumbprints, 0 where nothing
 * speaks against it, undefined where it is another key.
 */
export function rank(key: VerificationKey, wanted: Identifiers): number | undefined {
  if (!(key.algorithms as readonly string[]).includes(wanted.alg)) return undefined;
  if (wanted.kid !== undefined && key.kid === wanted.kid) return 3;
  if (wanted.x5tS256 !== undefined && key.x5tS256 === wanted.x5tS256) return 2;
  if (wanted.x5t !== undefined && key.x5t === wanted.x5t) return 1;
  // What both have is not the same, or it would have been found above.
  const isAnother =
    (wanted.kid !== undefined && key.kid !== undefined) ||
    (wanted.x5tS256 !== undefined && key.x5tS256 !== undefined) ||
    (wanted.x5t !== undefined && key.x5t !== undefined);
  return isAnother ? undefined : 0;
}
