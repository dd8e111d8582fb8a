/**
 * The server half: authenticates the callers of OAuth endpoints by their signed JWT assertions.
 *
 * @module
 */

export type { CheckReport } from './assertion/check-report.js';
export type { AudienceForm } from './assertion/checks/audience.js';
export type { Explanation } from './assertion/explain-alone.js';
export type { ClientAssertionOptions } from './assertion/options.js';
export type { ClientAssertionParameters } from './assertion/parameters.js';
export {
  type RequestObject,
  type RequestObjectOptions,
  validateRequestObject,
} from './assertion/request-object.js';
export type { ServerIdentity } from './assertion/subject.js';
export type {
  AuthenticatedClient,
  ClientAssertionRequest,
  ClientAuthentication,
} from './assertion/validate.js';
export { ClientAssertionValidator } from './assertion/validator.js';
export type { FindClient } from './clients/lookup.js';
export {
  type ClientMetadata,
  clientFromMetadata,
  requiresClientAssertion,
  secretsFromMetadata,
} from './clients/metadata.js';
export {
  clientMetadataDocuments,
  type MetadataDocumentClient,
} from './clients/metadata-document.js';
export { assertClientSecrets, SecretError } from './keys/assert-secrets.js';
export type { JsonObject } from './keys/compact-jws.js';
export { RemoteJwkSets } from './keys/jwks-uri.js';
export type * from './keys/secret.js';
export { FetchError } from './net/fetch-error.js';
export { MemoryReplayStore } from './replay/memory/store.js';
export { type ReplayEntry, type ReplayStore, ReplayStoreFullError } from './replay/store.js';
export {
  type AuthenticateClientOptions,
  type Authenticator,
  authenticateClient,
  type Middleware,
} from './server/authenticate-client.js';
export { type ErrorHandler, oauthErrorHandler } from './server/error-handler.js';
export type { PerRequest, ServerIdentityOptions } from './server/server-identity.js';
export {
  type PrivateKeyJwtAuthenticateOptions,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
} from './server/strategy.js';
export { ALGORITHMS, type Algorithm } from './shared/algorithms.js';
export {
  ClientAuthenticationError,
  ConfigurationError,
  OAuthError,
  RequestObjectError,
} from './shared/errors.js';
export {
  AUTHENTICATION_CHANNEL,
  type AuthenticationEvent,
  type AuthenticationWarning,
} from './shared/events.js';
export type { ExpressRequest, Next } from './shared/http.js';
export { CLIENT_ASSERTION_TYPE } from './shared/jwt-types.js';
export {
  type Failure,
  type OAuthErrorCode,
  REASONS,
  type Reason,
  type ReasonDefinition,
} from './shared/reasons.js';
