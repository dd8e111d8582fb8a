import type { JsonObject } from '../../keys/compact-jws.js';

/**
 * The media type in `typ`, in lower case and without `application/` (RFC 7515 §4.1.9).
 *
 * @returns undefined where the header has no `typ`, and null where it is not a string
 */
export function typOf(header: JsonObject): string | null | undefined {
  const typ = header['typ'];
  if (typ === undefined) return undefined;
  if (typeof typ !== 'string') return null;
  const lower = typ.toLowerCase();
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower;
}
