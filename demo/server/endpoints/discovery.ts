import type { PrivateKeyJwtStrategy } from 'passport-private-key-jwt';
import { RESPONSE_MODES } from '../authorization/answer.js';
import { PROMPTS } from '../authorization/authorization-request.js';
import type { ServerKeys } from '../signing-keys.js';
import { GRANT_TYPES } from './token.js';

/** What the strategy says of itself. */
export type AuthenticationMetadata = ReturnType<PrivateKeyJwtStrategy['metadata']>;

/** The methods of the strategies for a client_secret. */
const SECRET_METHODS = ['client_secret_basic', 'client_secret_post'];

/** The endpoints that authenticate clients besides PAR, which goes by the token endpoint's. */
const AUTHENTICATING_ENDPOINTS = ['token', 'introspection', 'revocation'];

/**
 * The server's metadata (RFC 8414 §2, OpenID Connect Discovery §3).
 *
 * @param base the URL that the endpoints are under, without a slash at its end
 */
export function serverMetadata(
  issuer: string,
  base: string,
  keys: ServerKeys,
  authentication: AuthenticationMetadata,
  profile: 'fapi2' | undefined,
): Record<string, unknown> {
  const methods = [
    ...authentication.token_endpoint_auth_methods_supported,
    ...(profile === 'fapi2' ? [] : [...SECRET_METHODS, 'none']),
  ];
  // RFC 7662 §2.1: who introspects must authenticate.
  const methodsOf = (endpoint: string) =>
    methods.filter((method) => method !== 'none' || endpoint !== 'introspection');
  const algorithms = authentication.token_endpoint_auth_signing_alg_values_supported;
  return {
    issuer,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    jwks_uri: `${base}/jwks`,
    userinfo_endpoint: `${base}/userinfo`,
    introspection_endpoint: `${base}/introspect`,
    revocation_endpoint: `${base}/revoke`,
    pushed_authorization_request_endpoint: `${base}/par`,
    ...(profile === 'fapi2' && { require_pushed_authorization_requests: true }),
    ...Object.fromEntries(
      AUTHENTICATING_ENDPOINTS.flatMap((endpoint) => [
        [`${endpoint}_endpoint_auth_methods_supported`, methodsOf(endpoint)],
        [`${endpoint}_endpoint_auth_signing_alg_values_supported`, algorithms],
      ]),
    ),
    response_types_supported: ['code'],
    end_session_endpoint: `${base}/end-session`,
    response_modes_supported: RESPONSE_MODES,
    grant_types_supported: GRANT_TYPES,
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    claims_supported: ['sub', 'auth_time', 'name', 'preferred_username', 'email', 'email_verified'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [keys.idToken.alg],
    prompt_values_supported: PROMPTS,
    request_parameter_supported: true,
    request_uri_parameter_supported: false,
    request_object_signing_alg_values_supported: algorithms,
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
  };
}
