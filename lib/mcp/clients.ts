import { randomBytes, randomUUID } from 'node:crypto';
import { checkForUsers, checkRedirectUris } from '../clients/document-rules.js';
import { clientFromMetadata, grantTypesOf, secretsFromMetadata } from '../clients/metadata.js';
import {
  type ClientMetadataDocumentOptions,
  clientMetadataDocuments,
  type MetadataDocumentClient,
} from '../clients/metadata-document.js';
import { isDisabled } from '../clients/policy.js';
import { KeyError } from '../keys/algorithms.js';
import { contradictionIn } from '../keys/assert-secrets.js';
import { importConfiguredSet, importSecret } from '../keys/import.js';
import { MAX_STRANGERS_KEYS } from '../keys/jwk.js';
import type { AssertionClient } from '../keys/secret.js';
import { ClientAuthenticationError, OAuthError } from '../shared/errors.js';
import type { McpClientInformation, McpClientsStore } from './provider.js';

export interface McpClient extends AssertionClient {
  readonly metadata: McpClientInformation;
}

export type FindMcpClient = (clientId: string, context?: unknown) => Promise<McpClient | undefined>;

/** If users log in, the document must have what the authorization endpoint needs. */
function fromDocument(client: MetadataDocumentClient): McpClient {
  const { metadata } = client;
  const grants = metadata['grant_types'] as readonly string[];
  try {
    if (grants.includes('authorization_code')) checkForUsers(metadata);
    for (const name of ['client_name', 'scope']) {
      if (typeof (metadata[name] ?? '') !== 'string') throw new Error(`its ${name} is not text`);
    }
  } catch (cause) {
    const reason = 'client_metadata_document_failed';
    throw new ClientAuthenticationError({ reason, actual: 'document_invalid', cause });
  }
  return {
    ...client,
    metadata: { ...metadata, redirect_uris: [...(metadata.redirect_uris ?? [])] },
  };
}

export function findIn(
  store: McpClientsStore,
  documents: ClientMetadataDocumentOptions | undefined,
): FindMcpClient {
  const findRegistered = async (clientId: string): Promise<McpClient | undefined> => {
    const registered = await store.getClient(clientId);
    return registered && clientFromMetadata(registered);
  };
  if (documents === undefined) return findRegistered;
  const findDocument = clientMetadataDocuments(documents);
  return async (clientId, context) => {
    // The store can also disable a client that has a metadata document.
    const registered = await findRegistered(clientId);
    if (registered !== undefined && isDisabled(registered)) return registered;
    const client = await findDocument(clientId, context);
    return client ? fromDocument(client) : registered;
  };
}

/** As a provider may see the client after it authenticated by a key. */
export function withoutSecret(client: McpClientInformation): McpClientInformation {
  const { client_secret, client_secret_expires_at, ...rest } = client;
  return rest;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** The loopback URI of a native app may have any port (RFC 8252 §7.3). */
export function isSameRedirectUri(requested: string, registered: string): boolean {
  if (requested === registered) return true;
  if (!URL.canParse(requested) || !URL.canParse(registered)) return false;
  const [one, other] = [new URL(requested), new URL(registered)];
  if (one.protocol !== 'http:' || !LOOPBACK.includes(one.hostname)) return false;
  one.port = other.port;
  return one.href === other.href;
}

const invalidMetadata = (message: string): OAuthError =>
  new OAuthError('invalid_client_metadata', message);

/** RFC 7591 §2. Other members are dropped. */
const MEMBERS: Readonly<Record<string, 'text' | 'texts' | 'uri' | 'any'>> = {
  redirect_uris: 'texts',
  token_endpoint_auth_method: 'text',
  token_endpoint_auth_signing_alg: 'text',
  grant_types: 'texts',
  response_types: 'texts',
  client_name: 'text',
  client_uri: 'uri',
  logo_uri: 'uri',
  scope: 'text',
  contacts: 'texts',
  tos_uri: 'uri',
  policy_uri: 'uri',
  jwks_uri: 'text',
  jwks: 'any',
  software_id: 'text',
  software_version: 'text',
  software_statement: 'text',
  application_type: 'text',
};

const isText = (value: unknown): boolean => typeof value === 'string';

const isWebAddress = (value: unknown): boolean =>
  typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);

const FITS = {
  text: isText,
  texts: (value: unknown) => Array.isArray(value) && value.every(isText),
  uri: isWebAddress,
  any: () => true,
};

/** RFC 7591 §3.2.2. Null and empty members count as absent. */
export function readRegistration(body: unknown): McpClientInformation {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidMetadata('The request is not a JSON object: send application/json.');
  }
  const given = body as Readonly<Record<string, unknown>>;
  const metadata: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(MEMBERS)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined || value === null || value === '') continue;
    if (!FITS[kind](value)) throw invalidMetadata(`${name} has a value that is not allowed.`);
    metadata[name] = value;
  }
  try {
    checkRedirectUris(metadata['redirect_uris']);
  } catch (error) {
    throw new OAuthError('invalid_redirect_uri', (error as Error).message);
  }
  return { redirect_uris: [], ...metadata, client_id: '' };
}

const usesKeys = (client: McpClientInformation): boolean =>
  client.token_endpoint_auth_method === 'private_key_jwt';

function checkKeys(client: McpClientInformation): void {
  if (client.jwks !== undefined && client.jwks_uri !== undefined) {
    throw invalidMetadata('jwks and jwks_uri may not both be present');
  }
  const secrets = secretsFromMetadata(client);
  if (secrets.length === 0 && usesKeys(client)) throw invalidMetadata('private_key_jwt needs keys');
  try {
    // RFC 7591 §2: only a client that authenticates by its keys needs a signature key.
    const keys = secrets.flatMap((secret) =>
      secret.type !== 'JsonWebKeySet' || usesKeys(client)
        ? importSecret(secret, MAX_STRANGERS_KEYS).keys
        : importConfiguredSet(secret.value, MAX_STRANGERS_KEYS).keys,
    );
    const hasRemoteKeys = secrets.some(({ type }) => type === 'JwksUri');
    const { tokenEndpointAuthMethod, tokenEndpointAuthSigningAlg } = clientFromMetadata(client);
    const registered = { tokenEndpointAuthMethod, tokenEndpointAuthSigningAlg };
    const contradiction = contradictionIn(registered, keys, hasRemoteKeys);
    if (contradiction !== undefined) throw new KeyError(contradiction);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw invalidMetadata(error.message);
  }
}

/** The token endpoint can check these. */
const METHODS = ['private_key_jwt', 'client_secret_basic', 'client_secret_post', 'none'];

/** In seconds. */
const SECRET_LIFETIME = 2_592_000;

/** RFC 7591 §3.2.1: adds an id, and a secret only if the client authenticates by one. */
export function newClient(
  asked: McpClientInformation,
  allowedGrants: readonly string[],
): McpClientInformation {
  const method = asked.token_endpoint_auth_method ?? 'client_secret_basic';
  if (!METHODS.includes(method)) {
    throw invalidMetadata(`token_endpoint_auth_method must be one of ${METHODS.join(', ')}`);
  }
  const issuedAt = Math.floor(Date.now() / 1000);
  const client = { ...asked, client_id: randomUUID(), client_id_issued_at: issuedAt };
  checkKeys(client);
  let grants: string[];
  try {
    grants = grantTypesOf(client.grant_types, allowedGrants);
  } catch (error) {
    throw invalidMetadata((error as Error).message);
  }
  if (grants.includes('authorization_code') && client.redirect_uris.length === 0) {
    throw new OAuthError('invalid_redirect_uri', 'authorization_code needs redirect_uris');
  }
  const registered = { ...client, token_endpoint_auth_method: method, grant_types: grants };
  if (!method.startsWith('client_secret')) return registered;
  return {
    ...registered,
    client_secret: randomBytes(32).toString('hex'),
    client_secret_expires_at: issuedAt + SECRET_LIFETIME,
  };
}
