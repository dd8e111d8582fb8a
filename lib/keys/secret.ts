/** A public key as a JSON Web Key, or a shared one as `oct` (RFC 7517). */
export interface JsonWebKey {
  readonly kty: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
  readonly [member: string]: unknown;
}

/** A JWK Set (RFC 7517 §5). */
export interface JsonWebKeySet {
  readonly keys: readonly JsonWebKey[];
}

interface SecretAttributes {
  /** For people: which key this is. It appears in diagnostics. */
  readonly description?: string | undefined;
  /**
   * From when on the secret is refused: a Date, an ISO 8601 string, or seconds since the epoch.
   * Default: never.
   */
  readonly expiration?: Date | string | number | undefined;
}

/** An X.509 certificate: base64 of its DER, or PEM. Its own validity period counts too. */
export interface X509CertificateSecret extends SecretAttributes {
  readonly type: 'X509CertificateBase64';
  readonly value: string;
}

/** A JSON Web Key: an object, or its JSON. Single quotes around names and values are understood. */
export interface JsonWebKeySecret extends SecretAttributes {
  readonly type: 'JsonWebKey';
  readonly value: JsonWebKey | string;
}

/** A JWK Set: an object, or its JSON. */
export interface JsonWebKeySetSecret extends SecretAttributes {
  readonly type: 'JsonWebKeySet';
  readonly value: JsonWebKeySet | string;
}

/** A public key in PEM (SPKI or PKCS#1). */
export interface PublicKeyPemSecret extends SecretAttributes {
  readonly type: 'PublicKeyPem';
  readonly value: string;
}

/** The secret of `client_secret_jwt` (OpenID Connect Core §9), of which the UTF-8 bytes count. */
export interface SharedSecret extends SecretAttributes {
  readonly type: 'SharedSecret';
  readonly value: string;
}

/**
 * The https URL of a JWK Set that the client publishes (RFC 7591 §2 `jwks_uri`). It is fetched when
 * the client authenticates, and kept; see `JwksUriOptions`.
 */
export interface JwksUriSecret extends SecretAttributes {
  readonly type: 'JwksUri';
  readonly value: string;
}

/** Something that a client is configured with to prove who it is. */
export type Secret =
  | X509CertificateSecret
  | JsonWebKeySecret
  | JsonWebKeySetSecret
  | JwksUriSecret
  | PublicKeyPemSecret
  | SharedSecret;

/** A client as the application's lookup returns it; it may have any members besides these. */
export interface AssertionClient {
  readonly clientId: string;
  /** Any number at once, so that keys can roll over. */
  readonly secrets: readonly Secret[];
  /** Refuses the client without removing it. Default false. */
  readonly disabled?: boolean | undefined;
  /**
   * The one method that the client may authenticate by (RFC 7591 `token_endpoint_auth_method`).
   * Default: whatever its secrets allow. With one that is no assertion, its secrets serve request
   * objects alone.
   */
  readonly tokenEndpointAuthMethod?: string | undefined;
  /** The one `alg` that the client may sign with (RFC 7591 `token_endpoint_auth_signing_alg`). */
  readonly tokenEndpointAuthSigningAlg?: string | undefined;
  /** Overrides the server's `maxLifetime` for this client, in seconds. */
  readonly maxLifetime?: number | undefined;
  /** The one `alg` that the client may sign request objects with (RFC 9101 §10.1). */
  readonly requestObjectSigningAlg?: string | undefined;
  /**
   * Lets a client that has secrets for assertions also authenticate by a plain client_secret, while
   * it moves from one to the other. Default false.
   */
  readonly clientSecretAllowed?: boolean | undefined;
}
