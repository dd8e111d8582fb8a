import type { OAuthRegisteredClientsStore } from '@modelcontextprotocol/sdk/server/auth/clients.js';
import {
  InvalidClientError,
  InvalidClientMetadataError,
  TemporarilyUnavailableError,
  UnauthorizedClientError,
} from '@modelcontextprotocol/sdk/server/auth/errors.js';
import {
  type OAuthClientInformationFull,
  OAuthClientInformationFullSchema,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { checkForUsers } from '../clients/document-rules.js';
import { clientFromMetadata, grantTypesOf, secretsFromMetadata } from '../clients/metadata.js';
import {
  type ClientMetadataDocumentOptions,
  clientMetadataDocuments,
  type MetadataDocumentClient,
} from '../clients/metadata-document.js';
import { KeyError } from '../keys/algorithms.js';
import { contradictionIn } from '../keys/assert-secrets.js';
import { importConfiguredSet, importSecret } from '../keys/import.js';
import { MAX_STRANGERS_KEYS } from '../keys/jwk.js';
import type { AssertionClient } from '../keys/secret.js';
import { ClientAuthenticationError } from '../shared/errors.js';

/** A client of the SDK's store, or one of a metadata document. */
export interface McpClient extends AssertionClient {
  readonly metadata: OAuthClientInformationFull;
}

/** Finds a client by its id. */
export type FindMcpClient = (clientId: string, context?: unknown) => Promise<McpClient | undefined>;

const invalidDocument = (cause: unknown): ClientAuthenticationError =>
  new ClientAuthenticationError({
    reason: 'client_metadata_document_failed',
    actual: 'document_invalid',
    cause,
  });

/** Reads the document as the SDK reads a registration. */
function fromDocument(client: MetadataDocumentClient): McpClient {
  const { metadata } = client;
  const grants = metadata['grant_types'] as readonly string[];
  try {
    if (grants.includes('authorization_code')) checkForUsers(metadata);
  } catch (error) {
    throw invalidDocument(error);
  }
  const { success, data, error } = OAuthClientInformationFullSchema.safeParse({
    redirect_uris: [],
    ...metadata,
  });
  if (success) return { ...client, metadata: data };
  throw invalidDocument(error);
}

/** The lookup that the strategy and the SDK's handlers share. */
export function findIn(
  store: OAuthRegisteredClientsStore,
  documents: ClientMetadataDocumentOptions | undefined,
): FindMcpClient {
  const findRegistered = async (clientId: string): Promise<McpClient | undefined> => {
    const registered = await store.getClient(clientId);
    return registered && clientFromMetadata(registered);
  };
  if (documents === undefined) return findRegistered;
  const findDocument = clientMetadataDocuments(documents);
  return async (clientId, context) => {
    const client = await findDocument(clientId, context);
    return client ? fromDocument(client) : findRegistered(clientId);
  };
}

/** The client as the SDK's handlers may see it: proved by its keys, so without a secret. */
export function withoutSecret(client: OAuthClientInformationFull): OAuthClientInformationFull {
  const { client_secret, client_secret_expires_at, ...rest } = client;
  return rest;
}

type Registration = Parameters<NonNullable<OAuthRegisteredClientsStore['registerClient']>>[0];

const usesKeys = (client: Registration): boolean =>
  client.token_endpoint_auth_method === 'private_key_jwt';

function grantsOf(client: Registration, allowed: readonly string[]): string[] {
  try {
    return grantTypesOf(client.grant_types ?? undefined, allowed);
  } catch (error) {
    throw new InvalidClientMetadataError((error as Error).message);
  }
}

/** @throws {InvalidClientMetadataError} (RFC 7591 §3.2.2) */
function checkRegistration(client: Registration): void {
  if (client.jwks !== undefined && client.jwks_uri !== undefined) {
    throw new InvalidClientMetadataError('jwks and jwks_uri may not both be present');
  }
  const secrets = secretsFromMetadata({ ...client, client_id: 'new' });
  if (secrets.length === 0 && usesKeys(client)) {
    throw new InvalidClientMetadataError('private_key_jwt needs keys');
  }
  try {
    // RFC 7591 §2: only a client that authenticates by its keys needs one for signatures.
    const keys = secrets.flatMap((secret) =>
      secret.type !== 'JsonWebKeySet' || usesKeys(client)
        ? importSecret(secret, MAX_STRANGERS_KEYS).keys
        : importConfiguredSet(secret.value, MAX_STRANGERS_KEYS).keys,
    );
    const hasRemoteKeys = secrets.some(({ type }) => type === 'JwksUri');
    const { tokenEndpointAuthMethod, tokenEndpointAuthSigningAlg } = clientFromMetadata({
      ...client,
      client_id: 'new',
    });
    const registered = { tokenEndpointAuthMethod, tokenEndpointAuthSigningAlg };
    const contradiction = contradictionIn(registered, keys, hasRemoteKeys);
    if (contradiction !== undefined) throw new KeyError(contradiction);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new InvalidClientMetadataError(error.message);
  }
}

/** What the SDK's handlers may hear of a lookup that failed; the reason is not for the caller. */
function sdkError(error: unknown): unknown {
  if (!(error instanceof ClientAuthenticationError)) return error;
  if (error.error === 'unauthorized_client') return new UnauthorizedClientError(error.message);
  return error.status === 503
    ? new TemporarilyUnavailableError(error.message)
    : new InvalidClientError('The client metadata document could not be used');
}

/**
 * The store as the authorization and registration endpoints use it: finds clients by their metadata
 * documents too, and gives a client that registers keys no secret, since it has no use for one.
 */
export function storeFor(
  store: OAuthRegisteredClientsStore,
  find: FindMcpClient,
  grantTypes: readonly string[],
): OAuthRegisteredClientsStore {
  const getClient: OAuthRegisteredClientsStore['getClient'] = async (clientId) => {
    try {
      return (await find(clientId, undefined))?.metadata;
    } catch (error) {
      throw sdkError(error);
    }
  };
  if (store.registerClient === undefined) return { getClient };
  return {
    getClient,
    async registerClient(client) {
      checkRegistration(client);
      const granted = { ...client, grant_types: grantsOf(client, grantTypes) };
      const { client_secret, client_secret_expires_at, ...rest } = granted;
      return (await store.registerClient?.(
        usesKeys(client) ? rest : granted,
      )) as OAuthClientInformationFull;
    },
  };
}
