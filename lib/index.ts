/**
 * The server half: authenticates the callers of OAuth endpoints by their signed JWT assertions.
 *
 * @module
 */
export type { AudienceForm } from './assertion/audience.js';
export type { CheckReport } from './assertion/check-report.js';
export type { JsonObject } from './assertion/compact-jws.js';
export type { Explanation } from './assertion/explain-alone.js';
export type { ClientAssertionOptions } from './assertion/options.js';
export { CLIENT_ASSERTION_TYPE, type ClientAssertionParameters } from './assertion/parameters.js';
export type { ServerIdentity } from './assertion/subject.js';
export type {
  AuthenticatedClient,
  ClientAssertionRequest,
  ClientAuthentication,
} from './assertion/validate.js';
export { ClientAssertionValidator } from './assertion/validator.js';
export {
  type AuthenticateClientOptions,
  type Authenticator,
  authenticateClient,
  type Middleware,
} from './authenticate-client.js';
export type { ClientMetadataDocument } from './clients/document-rules.js';
export type { FindClient } from './clients/lookup.js';
export {
  type ClientMetadata,
  clientFromMetadata,
  secretsFromMetadata,
} from './clients/metadata.js';
export {
  type ClientMetadataDocumentOptions,
  clientMetadataDocuments,
  type MetadataDocumentClient,
} from './clients/metadata-document.js';
export {
  AUTHENTICATION_CHANNEL,
  type AuthenticationEvent,
  type AuthenticationWarning,
} from './diagnostics.js';
export { type ErrorHandler, oauthErrorHandler } from './error-handler.js';
export {
  ClientAuthenticationError,
  ConfigurationError,
  OAuthError,
  RequestObjectError,
} from './errors.js';
export type { ExpressRequest, Next } from './http.js';
export type { DocumentCacheOptions } from './net/cache-settings.js';
export { FetchError, type FetchErrorCode } from './net/fetch-error.js';
export type { FetchOptions } from './net/fetch-settings.js';
export {
  type Failure,
  type OAuthErrorCode,
  REASONS,
  type Reason,
  type ReasonDefinition,
} from './reasons.js';
export { MemoryReplayStore, type MemoryReplayStoreOptions } from './replay/memory.js';
export { type ReplayEntry, type ReplayStore, ReplayStoreFullError } from './replay/store.js';
export {
  type RequestObject,
  type RequestObjectOptions,
  validateRequestObject,
} from './request-object.js';
export { requiresClientAssertion } from './requires-client-assertion.js';
export { ALGORITHMS, type Algorithm } from './secrets/algorithms.js';
export { assertClientSecrets, SecretError } from './secrets/assert-secrets.js';
export { type JwksUriOptions, RemoteJwkSets } from './secrets/jwks-uri.js';
export type * from './secrets/secret.js';
export type { PerRequest, ServerIdentityOptions } from './server-identity.js';
export {
  type PrivateKeyJwtAuthenticateOptions,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
} from './strategy.js';
