/**
 * The server half: authenticates the callers of OAuth endpoints by their signed JWT assertions.
 *
 * @module
 */
export type { AudienceForm } from './assertion/audience.js';
export type { JsonObject } from './assertion/compact-jws.js';
export type { CheckReport, Explanation } from './assertion/explain.js';
export { CLIENT_ASSERTION_TYPE, type ClientAssertionParameters } from './assertion/parameters.js';
export type { ClientAssertionOptions } from './assertion/settings.js';
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
  requiresClientAssertion,
} from './authenticate-client.js';
export type { FindClient } from './clients/lookup.js';
export {
  type ClientMetadata,
  clientFromMetadata,
  secretsFromMetadata,
} from './clients/metadata.js';
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
export { type OAuthErrorCode, REASONS, type Reason } from './reasons.js';
export { MemoryReplayStore, type MemoryReplayStoreOptions } from './replay/memory.js';
export { type ReplayEntry, type ReplayStore, ReplayStoreFullError } from './replay/store.js';
export {
  type RequestObject,
  type RequestObjectOptions,
  validateRequestObject,
} from './request-object.js';
export { ALGORITHMS, type Algorithm } from './secrets/algorithms.js';
export { assertClientSecrets, SecretError } from './secrets/assert-secrets.js';
export type * from './secrets/secret.js';
export {
  type PerRequest,
  type PrivateKeyJwtAuthenticateOptions,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
} from './strategy.js';
