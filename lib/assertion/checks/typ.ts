import type { JsonObject } from '../../keys/compact-jws.js';

/** What says that a JWT is a client assertion and nothing else (draft-ietf-oauth-rfc7523bis §4). */
export const CLIENT_AUTHENTICATION_TYP = 'client-authentication+jwt';

/** What says that a JWT is a request object and nothing else (RFC 9101 §10.8). */
export const REQUEST_OBJECT_TYP = 'oauth-authz-req+jwt';

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
