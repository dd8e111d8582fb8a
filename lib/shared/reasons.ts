/** RFC 6749 §5.2, RFC 9101 §7. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'unauthorized_client'
  | 'invalid_request_object'
  | 'temporarily_unavailable';

export interface ReasonDefinition {
  readonly error: OAuthErrorCode;
  readonly status: 400 | 401 | 503;
  /** For the operator. The caller sees it only if RFC 6749 allows that. */
  readonly description: string;
}

const invalidRequest = (
  description: string,
): { readonly error: 'invalid_request'; readonly status: 400; readonly description: string } => ({
  error: 'invalid_request',
  status: 400,
  description,
});

const invalidClient = (
  description: string,
): { readonly error: 'invalid_client'; readonly status: 401; readonly description: string } => ({
  error: 'invalid_client',
  status: 401,
  description,
});

const unauthorizedClient = (
  description: string,
): {
  readonly error: 'unauthorized_client';
  readonly status: 400;
  readonly description: string;
} => ({
  error: 'unauthorized_client',
  status: 400,
  description,
});

const invalidRequestObject = (
  description: string,
): {
  readonly error: 'invalid_request_object';
  readonly status: 400;
  readonly description: string;
} => ({
  error: 'invalid_request_object',
  status: 400,
  description,
});

const unavailable = (
  description: string,
): {
  readonly error: 'temporarily_unavailable';
  readonly status: 503;
  readonly description: string;
} => ({
  error: 'temporarily_unavailable',
  status: 503,
  description,
});

/** The keys are stable, so operators can build alerts on them. */
export const REASONS = {
  // The request
  client_assertion_absent: invalidClient('The request has no form with a client_assertion.'),
  client_assertion_missing: invalidRequest('client_assertion_type came without client_assertion.'),
  client_assertion_type_missing: invalidRequest(
    'client_assertion came without client_assertion_type.',
  ),
  client_assertion_type_unsupported: invalidRequest(
    'The client_assertion_type is not supported: use urn:ietf:params:oauth:client-assertion-type:jwt-bearer.',
  ),
  client_assertion_type_is_grant_type: invalidRequest(
    'urn:ietf:params:oauth:grant-type:jwt-bearer is a grant type, not a client_assertion_type: use urn:ietf:params:oauth:client-assertion-type:jwt-bearer.',
  ),
  parameter_repeated: invalidRequest('A client authentication parameter was sent more than once.'),
  multiple_authentication_methods: invalidRequest(
    'The request uses more than one client authentication method.',
  ),
  assertion_too_long: invalidClient('The assertion is longer than maxAssertionLength.'),

  // The encoding
  assertion_malformed: invalidClient('The assertion is not a JWS in compact serialization.'),

  // The JOSE header
  algorithm_not_allowed: invalidClient('This server does not accept the alg.'),
  critical_header: invalidClient('The header has crit, but this server supports no extensions.'),
  unencoded_payload: invalidClient('The header has b64, which a JWT may not have.'),
  typ_not_allowed: invalidClient('The typ does not belong to a client assertion.'),
  key_identifier_invalid: invalidClient('kid, x5t or x5t#S256 is not a string.'),

  // The claims
  issuer_invalid: invalidClient('iss is not a non-empty string.'),
  subject_mismatch: invalidClient(
    'sub is neither the same as iss nor a subject that a FederatedIdentity secret trusts.',
  ),
  client_id_mismatch: invalidClient('The client_id parameter names another client.'),
  audience_mismatch: invalidClient('aud does not name this server.'),
  expiration_invalid: invalidClient('exp is missing or not a number.'),
  expired: invalidClient('exp is in the past.'),
  not_before_invalid: invalidClient('nbf is not a number, or is required and missing.'),
  not_yet_valid: invalidClient('nbf is in the future.'),
  issued_at_invalid: invalidClient('iat is not a number.'),
  issued_in_the_future: invalidClient('iat is in the future.'),
  not_before_too_old: invalidClient('nbf is further in the past than this profile allows.'),
  claim_missing: invalidClient('A claim that this server requires is missing.'),
  claim_mismatch: invalidClient('A claim differs from the value in the FederatedIdentity secret.'),
  jwt_id_invalid: invalidClient('jti is missing or not a non-empty string.'),
  request_object_as_assertion: invalidClient(
    'A claim is a parameter of authorization requests: this is a request object, not an assertion.',
  ),

  // The client
  unknown_client: invalidClient('No client has this id.'),
  client_metadata_document_failed: invalidClient(
    'The metadata document of the client could not be used.',
  ),
  client_method_unsupported: unauthorizedClient(
    'The client and this server have no authentication method in common.',
  ),
  client_disabled: invalidClient('The client is disabled.'),
  client_method_mismatch: invalidClient(
    'The client is registered for another token_endpoint_auth_method.',
  ),
  client_algorithm_mismatch: invalidClient('The alg is not the one registered for the client.'),
  lifetime_too_long: invalidClient('The assertion is valid for longer than maxLifetime.'),
  issued_too_long_ago: invalidClient('iat is further in the past than maxLifetime.'),
  client_secret_invalid: invalidClient('The client_secret is missing, wrong or has expired.'),
  assertion_required: invalidClient(
    'The client has keys for assertions, so it may not authenticate in another way.',
  ),

  // The keys and the signature
  no_matching_key: invalidClient('No secret of the client fits the header of the assertion.'),
  secret_expired: invalidClient('The secret that fits the assertion has expired.'),
  secret_not_yet_valid: invalidClient('The certificate that fits the assertion is not valid yet.'),
  secret_refused: invalidClient('A secret of the client cannot be used, and no other secret fits.'),
  jwks_uri_failed: invalidClient(
    'A jwks_uri or the discovery document of a platform could not be used, and no other secret fits.',
  ),
  signature_invalid: invalidClient('The signature does not verify with the keys of the client.'),

  // Replay
  replayed: invalidClient('The assertion was used before.'),

  // What the server depends on
  too_many_fetches: unavailable('Too many documents are being fetched at the moment.'),
  client_lookup_failed: unavailable('The lookup of the client failed.'),
  replay_store_failed: unavailable('The replay store failed.'),
  replay_store_full: unavailable('The replay store has no room left.'),
  replay_client_share_full: unavailable('The client has used up its share of the replay store.'),
  internal_error: unavailable('Unexpected internal error.'),

  // Request objects; they also use the reasons for header, times and keys above
  request_object_issuer_mismatch: invalidRequestObject('iss is not the client_id.'),
  request_object_client_mismatch: invalidRequestObject(
    'client_id inside the request object is missing, or differs from the client_id of the request.',
  ),
  request_object_subject_present: invalidRequestObject(
    'sub is the client_id, which only a client assertion may have.',
  ),
  request_object_state_outside: invalidRequestObject(
    'state is outside the request object: this profile accepts state only inside.',
  ),
  request_object_nested: invalidRequestObject(
    'A request object may not contain request or request_uri.',
  ),
} as const satisfies Record<string, ReasonDefinition>;

/**
 * A stable code that says why an authentication failed.
 * @useDeclaredType
 */
export type Reason = keyof typeof REASONS;

/** Errors and events show the values shortened and safe to log. */
export interface Failure {
  readonly reason: Reason;
  readonly expected?: unknown;
  /** Never a secret. */
  readonly actual?: unknown;
  /** An error of something the server depends on. */
  readonly cause?: unknown;
}
