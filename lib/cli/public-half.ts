import type { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { JsonWebKey, JsonWebKeySet, Secret } from '../keys/secret.js';

/** The public half of a key, in every form in which a server may want it. */
export interface PublicHalf {
  /** For this library: an entry of a client's `secrets`. */
  readonly secret: Secret;
  /** For client metadata (RFC 7591 §2). */
  readonly jwks: JsonWebKeySet;
  /** For Duende IdentityServer: C#, an entry of `ClientSecrets`. */
  readonly duende: string;
  /** For a .env file of the server. */
  readonly env: string;
}

/** A string literal that every version of C# reads; base64 and JWKs have nothing else to escape. */
const csharpString = (value: string): string => `"${value.replaceAll('"', '\\"')}"`;

const duendeSecret = (type: string, value: string): string =>
  `new Secret { Type = IdentityServerConstants.SecretTypes.${type}, Value = ${csharpString(value)} }`;

function withCertificate(jwk: JsonWebKey, certificate: Buffer): JsonWebKey {
  const thumbprint = createHash('sha256').update(certificate).digest('base64url');
  return { ...jwk, 'x5t#S256': thumbprint, x5c: [certificate.toString('base64')] };
}

/**
 * What a server is told of a key.
 *
 * @param jwk the public key with `kid`, `alg` and `use`
 * @param certificate the DER of its certificate, which then is the secret
 */
export function publicHalf(jwk: JsonWebKey, certificate?: Buffer): PublicHalf {
  const jwks = { keys: [certificate === undefined ? jwk : withCertificate(jwk, certificate)] };
  // Single quotes keep the double ones of JSON; neither it nor base64url has any.
  const env = `CLIENT_JWKS='${JSON.stringify(jwks)}'`;
  if (certificate === undefined) {
    return {
      secret: { type: 'JsonWebKey', value: jwk },
      jwks,
      duende: duendeSecret('JsonWebKey', JSON.stringify(jwk)),
      env,
    };
  }
  const value = certificate.toString('base64');
  return {
    secret: { type: 'X509CertificateBase64', value },
    jwks,
    duende: duendeSecret('X509CertificateBase64', value),
    env,
  };
}
