/** The value of `client_assertion_type` (RFC 7523 §2.2). */
export const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The `typ` of a client assertion (RFC 10070 §4). */
export const CLIENT_AUTHENTICATION_TYP = 'client-authentication+jwt';

/** The `typ` of a request object (RFC 9101 §10.8). */
export const REQUEST_OBJECT_TYP = 'oauth-authz-req+jwt';

/** A media type in lower case and without `application/` (RFC 7515 §4.1.9). */
export function plainType(type: string): string {
  const lower = type.toLowerCase();
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower;
}
