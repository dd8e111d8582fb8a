/**
 * The client half: signs the assertions and authorize requests of an OAuth client, and hands them
 * to openid-client.
 *
 * @module
 */
export type { ClientMetadataDocument } from '../clients/document-rules.js';
export { ALGORITHMS, type Algorithm } from '../keys/algorithms.js';
export type { JsonWebKey, JsonWebKeySet } from '../keys/secret.js';
export type { Middleware } from '../server/authenticate-client.js';
export { ConfigurationError } from '../shared/errors.js';
export { CLIENT_ASSERTION_TYPE } from '../shared/jwt-types.js';
export { AssertionService, type JwtContext } from './assertion-service.js';
export type {
  AssertionServiceOptions,
  RequestObjectSigningOptions,
} from './assertion-service-options.js';
export type { AuthorizationRequestParameters } from './authorization-request-claims.js';
export { clientAssertion } from './client-auth.js';
export type { Audience, AuthorizationServer, JwtOptions } from './jwt-options.js';
export type { CertificateOptions } from './keys/certificate.js';
export type { KeyDemands, KeyHeaderParameter } from './keys/key-demands.js';
export { type KeyFileOptions, keyFiles } from './keys/key-files.js';
export type { KeyMaterial, PrivateJsonWebKey } from './keys/key-material.js';
export { KeyRing } from './keys/key-ring.js';
export type { KeyRingOptions, KeySource } from './keys/key-ring-options.js';
export type { SigningKeyOptions } from './keys/local-key.js';
export type { RemoteSigner } from './keys/remote-signer.js';
export { SigningKey, type SigningKeyInput } from './keys/signing-key.js';
export type {
  AuthorizationCodeReceivedContext,
  LoginRequest,
  LoginTokens,
  OpenIdConnectEvents,
  RedirectToIdentityProviderContext,
  RemoteFailureContext,
  TokenResponseReceivedContext,
} from './login/events.js';
export type { OpenIdConnectStrategyOptions, Verify } from './login/options.js';
export { LoginStateError } from './login/pending-logins.js';
export { OpenIdConnectStrategy } from './login/strategy.js';
export { type Preset, presets } from './presets.js';
export {
  type PublishedKeys,
  type PublishOptions,
  publishClientMetadata,
  publishJwks,
} from './publish.js';
export { ClientTokenManager } from './tokens/client-token-manager.js';
export { ClientRefusedError, LoginRequiredError, ProviderError } from './tokens/failures.js';
export { callProvider } from './tokens/provider.js';
export { MemoryTokenStore, type TokenSet, type TokenStore } from './tokens/token-store.js';
export { UserTokenManager } from './tokens/user-token-manager.js';
