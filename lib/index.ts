/**
 * The server half: authenticates the callers of OAuth endpoints by their signed JWT assertions.
 * @module
 */
export type { Explanation } from './assertion/explain.js';
export type { ClientAssertionOptions } from './assertion/options.js';
export type { AuthenticatedClient, ClientAuthentication } from './assertion/pipeline.js';
export { type RequestObject, validateRequestObject } from './assertion/request-object.js';
export type { FindClient } from './clients/lookup.js';
export { type ClientMetadata, clientFromMetadata } from './clients/metadata.js';
export {
  clientMetadataDocuments,
  type MetadataDocumentClient,
} from './clients/metadata-document.js';
export { requiresClientAssertion } from './clients/policy.js';
export { assertClientSecrets, SecretError } from './keys/assert-secrets.js';
export { RemoteJwkSets } from './keys/jwks-uri.js';
export type { AssertionClient, FederatedIdentity, Secret } from './keys/secret.js';
export { FetchError } from './net/fetch-error.js';
export { MemoryReplayStore } from './replay/memory/store.js';
export { type ReplayEntry, type ReplayStore, ReplayStoreFullError } from './replay/store.js';
export { authenticateClient } from './server/authenticate-client.js';
export { oauthErrorHandler } from './server/error-handler.js';
export type { PrivateKeyJwtStrategyOptions } from './server/request-authenticator.js';
export { PrivateKeyJwtStrategy } from './server/strategy.js';
export { type ClientAssertionRequest, ClientAssertionValidator } from './server/validator.js';
export {
  ClientAuthenticationError,
  ConfigurationError,
  OAuthError,
  RequestObjectError,
} from './shared/errors.js';
export { AUTHENTICATION_CHANNEL, type AuthenticationEvent } from './shared/events.js';
export type { Middleware } from './shared/http.js';
export type { Algorithm } from './shared/jose.js';
export { CLIENT_ASSERTION_TYPE } from './shared/jose.js';
export { REASONS, type Reason } from './shared/reasons.js';
