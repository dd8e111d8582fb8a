/**
 * Signs the assertions and authorize requests of an OAuth client for openid-client.
 * @module
 */
export type { JsonWebKey } from '../keys/secret.js';
export { ConfigurationError } from '../shared/errors.js';
export type { Middleware } from '../shared/http.js';
export { CLIENT_ASSERTION_TYPE } from '../shared/jose.js';
export { AssertionService, type AssertionServiceOptions } from './assertion-service.js';
export { assertionFrom, clientAssertion } from './assertion-source.js';
export type { ClientEvent } from './events.js';
export type { KeyDemands } from './keys/key-demands.js';
export { keyFiles } from './keys/key-files.js';
export type { KeyMaterial } from './keys/key-material.js';
export { KeyRing, type KeySource } from './keys/key-ring.js';
export type { RemoteSigner } from './keys/remote-signer.js';
export { SigningKey } from './keys/signing-key.js';
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
export { presets } from './presets.js';
export { publishClientMetadata, publishJwks } from './publish.js';
export { ClientTokenManager } from './tokens/client-token-manager.js';
export { ClientRefusedError, LoginRequiredError, ProviderError } from './tokens/failures.js';
export type { TokenLock } from './tokens/lock.js';
export { callProvider } from './tokens/provider.js';
export { MemoryTokenStore, type TokenSet, type TokenStore } from './tokens/token-store.js';
export { UserTokenManager } from './tokens/user-token-manager.js';
