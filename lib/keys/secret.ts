import { safeText } from '../shared/safe.js';
import { KeyError, shown } from './algorithms.js';

/** A public key as a JSON Web Key, or a shared key as `oct` (RFC 7517). */
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

interface Attributes {
  /** Names the key in diagnostics. */
  readonly description?: string | undefined;
  /**
   * The secret is refused from this time on: a Date, an ISO 8601 string with its time zone (a date
   * alone is UTC), or seconds since the epoch. Default: never.
   */
  readonly expiration?: Date | string | number | undefined;
}

type JsonWebKeySecret = {
  readonly type: 'JsonWebKey';
  readonly value: { readonly kty: string; readonly [member: string]: unknown } | string;
};

type JsonWebKeySetSecret = {
  readonly type: 'JsonWebKeySet';
  readonly value:
    | { readonly keys: readonly { readonly kty: string; readonly [member: string]: unknown }[] }
    | string;
};

type TextSecret = {
  /**
   * `X509CertificateBase64`: a certificate, as base64 of its DER or as PEM; its validity period
   * counts too. `PublicKeyPem`: public keys in PEM (SPKI or PKCS#1). `SharedSecret`: the secret of
   * `client_secret_jwt`; its UTF-8 bytes are the key (OpenID Connect Core §10.1). `JwksUri`: the
   * https URL of a JWK Set that the client publishes (RFC 7591 §2).
   */
  readonly type: 'X509CertificateBase64' | 'PublicKeyPem' | 'SharedSecret' | 'JwksUri';
  readonly value: string;
};

type MetadataDocumentSecret = {
  /**
   * The keys of a client ID metadata document. Only `clientMetadataDocuments` makes this secret, and
   * a copy of it has no keys.
   */
  readonly type: 'MetadataDocument';
  /** The client_id, which is the URL of the document. */
  readonly value: string;
};

/**
 * A workload whose platform signs assertions for it (RFC 7523 §3): a Kubernetes service account, a
 * GitHub Actions job, a cloud identity. `iss` and `sub` identify platform and workload; the request
 * names the client by `client_id`. Every member that you set must match.
 */
export interface FederatedIdentity extends Attributes {
  readonly type: 'FederatedIdentity';
  /**
   * The platform's `iss`, compared exactly. Its keys come from `jwks` or `jwksUri`, otherwise from
   * its discovery document (OpenID Connect Discovery §4).
   */
  readonly issuer: string;
  /** The workload's `sub`, compared exactly. There are no wildcards. */
  readonly subject: string;
  /** A value that `aud` must contain. Default: the issuer identifier of this server. */
  readonly audience?: string | undefined;
  /** Other claims that must have exactly these values. Default none. */
  readonly claims?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** The https URL of the platform's JWK Set, for platforms without a discovery document. */
  readonly jwksUri?: string | undefined;
  /** The platform's public keys, if they cannot be fetched: a JWK Set or its JSON. */
  readonly jwks?: JsonWebKeySetSecret['value'] | undefined;
  /**
   * Accepts each assertion once, and requires `jti`. Default false, because most platforms return
   * the same token until it expires. Without it there is no replay protection.
   */
  readonly singleUse?: boolean | undefined;
  /** The maximum lifetime of the platform's tokens, in seconds. Default 90,000 (25 hours). */
  readonly maxLifetime?: number | undefined;
}

/** Contains the client's own keys, or their location. */
export type KeySecret = Attributes &
  (TextSecret | JsonWebKeySecret | JsonWebKeySetSecret | MetadataDocumentSecret);

/** A credential in a client's configuration. */
export type Secret = KeySecret | FederatedIdentity;

/** A client as the application's lookup returns it. It may have any other members. */
export interface AssertionClient {
  readonly clientId: string;
  /** Several, so that keys can rotate. */
  readonly secrets: readonly Secret[];
  /** Refuses the client without removing it. Default false. */
  readonly disabled?: boolean | undefined;
  /**
   * The one method that the client may authenticate by (RFC 7591 `token_endpoint_auth_method`).
   * Default: any method that its secrets allow. With a method without assertions, the secrets only
   * verify request objects.
   */
  readonly tokenEndpointAuthMethod?: string | undefined;
  /** The one `alg` that the client may sign with (RFC 7591 `token_endpoint_auth_signing_alg`). */
  readonly tokenEndpointAuthSigningAlg?: string | undefined;
  /** Overrides the server's `maxLifetime` for this client, in seconds. */
  readonly maxLifetime?: number | undefined;
  /** The one `alg` that the client may sign request objects with (RFC 9101 §10.1). */
  readonly requestObjectSigningAlg?: string | undefined;
  /** Accepts a plain client_secret instead of an assertion, during a migration. Default false. */
  readonly clientSecretAllowed?: boolean | undefined;
}

export function describeSecret(secret: Secret): string {
  const { type, description }: { type?: unknown; description?: unknown } = secret ?? {};
  const name = safeText(type) ?? typeof type;
  const shownDescription = safeText(description);
  return shownDescription === undefined ? name : `${name}, ${JSON.stringify(shownDescription)}`;
}

/** In seconds: the year 5138. A larger number is probably in milliseconds. */
const LATEST = 1e11;

const DATE = /^(\d{4}-\d{2}-\d{2})(?:([T ])[\d:.]+ ?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

const NOT_A_DATE = 'its expiration is not a date: use a Date, ISO 8601 or seconds';

/** JavaScript moves days like February 30 to March. */
const isDay = (date: string): boolean => {
  const day = new Date(date);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date);
};

/** In seconds since the epoch. Without a time zone, servers would read different times. */
function timeOfText(text: string): number {
  const [, date = '', separator, zone] = DATE.exec(text) ?? [];
  if (!isDay(date)) throw new KeyError(NOT_A_DATE);
  if (separator === ' ') {
    throw new KeyError(
      'its expiration is in the format of a database: use a Date, ISO 8601 or seconds, such as 2027-01-31T00:00:00Z',
    );
  }
  if (separator !== undefined && zone === undefined) {
    throw new KeyError('its expiration has no time zone: add Z, or an offset such as +01:00');
  }
  return Date.parse(text) / 1000;
}

/** In seconds since the epoch; NaN if invalid. */
function timeOf(date: Date | string | number): number {
  if (typeof date === 'number') return date;
  if (typeof date === 'string') return timeOfText(date);
  try {
    return new Date(date).getTime() / 1000;
  } catch {
    return Number.NaN;
  }
}

const MISNAMED = /^exp(?:ir|$)/i;

/** With a misspelt `expiration`, the secret would never expire. */
function checkExpirationName(secret: Secret): void {
  for (const name in secret) {
    // Runs for each secret of each request. The first letter rules out most names.
    if ((name.charCodeAt(0) | 0x20) !== 0x65 || !MISNAMED.test(name)) continue;
    if (name === 'expiration') continue;
    throw new KeyError(`its member ${shown(name)} is not known: use expiration`);
  }
}

/** In seconds since the epoch; undefined for never. */
export function expirationOf(secret: Secret): number | undefined {
  if (typeof secret !== 'object' || secret === null) throw new KeyError('it is not an object');
  const { expiration } = secret;
  if (expiration === undefined || expiration === null) {
    checkExpirationName(secret);
    return undefined;
  }
  const time = timeOf(expiration);
  if (!Number.isFinite(time) || time < -LATEST) throw new KeyError(NOT_A_DATE);
  if (typeof expiration === 'number' && time > LATEST) {
    throw new KeyError('its expiration is in milliseconds: use a Date, ISO 8601 or seconds');
  }
  return time;
}
