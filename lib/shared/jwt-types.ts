/** The value of `client_assertion_type` (RFC 7523 §2.2). */
export const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The `typ` of a client assertion (RFC 10070 §4). */
export const CLIENT_AUTHENTICATION_TYP = 'client-authentication+jwt';

/** The `typ` of a request object (RFC 9101 §10.8). */
export const REQUEST_OBJECT_TYP = 'oauth-authz-req+jwt';
