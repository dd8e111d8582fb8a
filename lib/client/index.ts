/**
 * The client half: signs the assertions and authorize requests of an OAuth client, and hands them
 * to openid-client.
 *
 * @module
 */
export { CLIENT_ASSERTION_TYPE } from '../assertion/parameters.js';
export { ALGORITHMS, type Algorithm } from '../secrets/algorithms.js';
export type { JsonWebKey } from '../secrets/secret.js';
export {
  AssertionService,
  type AssertionServiceOptions,
  type JwtContext,
} from './assertion-service.js';
export type { AuthorizationRequestParameters } from './authorization-request-claims.js';
export { clientAssertion } from './client-auth.js';
export type { Audience, AuthorizationServer, JwtOptions } from './jwt-options.js';
export type { KeyMaterial } from './key-material.js';
export type { RemoteSigner } from './remote-signer.js';
export { SigningKey, type SigningKeyInput, type SigningKeyOptions } from './signing-key.js';
