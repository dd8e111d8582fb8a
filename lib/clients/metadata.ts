import type { AssertionClient, JsonWebKeySet, Secret } from '../keys/secret.js';
import { isDisabled } from './policy.js';

/** The members of RFC 7591 §2 client metadata that say how a client authenticates. */
export interface ClientMetadata {
  readonly client_id: string;
  readonly client_secret?: string | undefined;
  /** Seconds since the epoch; 0 for never (RFC 7591 §3.2.1). */
  readonly client_secret_expires_at?: number | undefined;
  readonly token_endpoint_auth_method?: string | undefined;
  readonly token_endpoint_auth_signing_alg?: string | undefined;
  readonly request_object_signing_alg?: string | undefined;
  readonly jwks?: JsonWebKeySet | string | undefined;
  readonly jwks_uri?: string | undefined;
  /** Refuses the client without removing it. Not part of RFC 7591. Default false. */
  readonly disabled?: boolean | undefined;
}

/** Databases use null where code uses undefined. */
export const withoutNulls = <Metadata extends object>(metadata: Metadata): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== null)) as Metadata;

const isSet = <T>(value: T | null | undefined): value is T => value !== undefined && value !== null;

function sharedSecrets(metadata: ClientMetadata): Secret[] {
  const { client_secret, client_secret_expires_at } = metadata;
  if (metadata.token_endpoint_auth_method !== 'client_secret_jwt') return [];
  if (!isSet(client_secret)) return [];
  return [
    {
      type: 'SharedSecret',
      value: client_secret,
      description: 'client_secret',
      expiration:
        client_secret_expires_at === 0 ? undefined : (client_secret_expires_at ?? undefined),
    },
  ];
}

/** RFC 7591 §2. A client with another method may still sign request objects. */
export function secretsFromMetadata(metadata: ClientMetadata): Secret[] {
  const secrets = sharedSecrets(metadata);
  if (isSet(metadata.jwks)) {
    secrets.push({ type: 'JsonWebKeySet', value: metadata.jwks, description: 'jwks' });
  }
  if (isSet(metadata.jwks_uri)) {
    secrets.push({ type: 'JwksUri', value: metadata.jwks_uri, description: 'jwks_uri' });
  }
  return secrets;
}

/**
 * Converts metadata to a client that a lookup can return. Without a method in the metadata, the
 * client may use any method that its secrets allow.
 * @example
 * ```ts
 * new PrivateKeyJwtStrategy({ issuer }, (clientId) => {
 *   const metadata = registrations.get(clientId);
 *   return metadata && clientFromMetadata(metadata);
 * });
 * ```
 */
export function clientFromMetadata<Metadata extends ClientMetadata>(
  metadata: Metadata,
): AssertionClient & { readonly metadata: Metadata } {
  return {
    clientId: metadata.client_id,
    secrets: secretsFromMetadata(metadata),
    tokenEndpointAuthMethod: metadata.token_endpoint_auth_method ?? undefined,
    tokenEndpointAuthSigningAlg: metadata.token_endpoint_auth_signing_alg ?? undefined,
    requestObjectSigningAlg: metadata.request_object_signing_alg ?? undefined,
    ...(isDisabled(metadata) && { disabled: true }),
    metadata,
  };
}

/** Of a client that registered itself. */
export const DEFAULT_GRANT_TYPES: readonly string[] = ['authorization_code', 'refresh_token'];

/** RFC 7591 §2: `authorization_code` if none is requested. What it throws is safe to log. */
export function grantTypesOf(asked: unknown, allowed: readonly string[]): string[] {
  const wanted = asked ?? ['authorization_code'];
  if (!Array.isArray(wanted) || !wanted.every((grant) => typeof grant === 'string')) {
    throw new Error('its grant_types is not an array of strings');
  }
  const grants = wanted.filter((grant) => allowed.includes(grant));
  if (grants.length > 0) return grants;
  throw new Error(
    `none of its grants is allowed for clients that describe themselves (${allowed.join(', ')}): the option grantTypes can allow more`,
  );
}
