import { Buffer } from 'node:buffer';
import { createSecretKey } from 'node:crypto';
import { algorithmsOf, KeyError } from './algorithms.js';
import type { VerificationKey } from './verification-key.js';

/**
 * The key of `client_secret_jwt`: the UTF-8 bytes of the client secret (OpenID Connect Core §10.1).
 *
 * @throws {KeyError} where it is too short for HS256, or a key or certificate that others know
 */
export function keyFromSharedSecret(value: string): VerificationKey {
  if (/^\s*-----BEGIN /.test(value)) {
    throw new KeyError('the shared secret is a PEM: use PublicKeyPem or X509CertificateBase64');
  }
  if (/^\s*\{.*["']kty["']/s.test(value)) {
    throw new KeyError('the shared secret is a JWK: use JsonWebKey');
  }
  const keyObject = createSecretKey(Buffer.from(value, 'utf8'));
  return { keyObject, algorithms: algorithmsOf(keyObject) };
}
