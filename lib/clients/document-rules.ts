import { importConfiguredSet, importSecret } from '../keys/import.js';
import { type ImportedKeys, MAX_STRANGERS_KEYS } from '../keys/jwk.js';
import { FetchError } from '../net/fetch-error.js';
import { parseRemoteUrl } from '../net/remote-url.js';
import type { ClientMetadata } from './metadata.js';

/** The metadata that a client publishes at its client_id (RFC 7591 §2). */
export interface ClientMetadataDocument extends ClientMetadata {
  readonly redirect_uris?: readonly string[] | undefined;
  readonly [member: string]: unknown;
}

/**
 * Checks a client identifier URL (draft-ietf-oauth-client-id-metadata-document-02 §3): https, no
 * credentials, no fragment, a path without dot segments. It must be written in the one way in which
 * URL parsers write it, and its host without the dot that may end a name, so that two spellings cannot
 * be two clients at one address, nor one of them get past a list of hosts.
 *
 * @throws {FetchError} `url_invalid`
 */
export function parseClientIdUrl(clientId: string): URL {
  const url = parseRemoteUrl(clientId);
  if (url.href !== clientId) {
    throw new FetchError(
      'url_invalid',
      'the client_id has no path, or is not written in its canonical form',
    );
  }
  if (url.hostname.endsWith('.')) {
    throw new FetchError('url_invalid', 'the host of the client_id ends in a dot');
  }
  return url;
}

/** Members that only make sense with a shared secret, which nobody can have agreed on. */
const SECRET_MEMBERS = ['client_secret', 'client_secret_expires_at'];

/** Those of the registry (RFC 7591 §4.2) that nobody needs a shared secret for. */
const METHODS = ['none', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'];

/** Members that an authorization server shows to its users as links and images. */
const DISPLAYED_URIS = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'];

const SCRIPT_SCHEMES = ['javascript:', 'data:', 'vbscript:', 'file:', 'blob:', 'about:'];

function parseUri(name: string, value: unknown): URL {
  if (typeof value === 'string' && URL.canParse(value)) return new URL(value);
  throw new Error(`${name} has something else than an absolute URI`);
}

function checkRedirectUris(value: unknown): void {
  if (value === undefined) return;
  if (!Array.isArray(value)) throw new Error('redirect_uris is not an array');
  for (const uri of value) {
    const { protocol, hash } = parseUri('redirect_uris', uri);
    if (SCRIPT_SCHEMES.includes(protocol) || hash !== '') {
      throw new Error('redirect_uris has a URI that no code may be sent to');
    }
  }
}

function checkDisplayedUri(name: string, value: unknown): void {
  if (value === undefined || value === '') return;
  if (!['https:', 'http:'].includes(parseUri(name, value).protocol)) {
    throw new Error(`${name} is not a web address`);
  }
}

const NO_KEYS: ImportedKeys = { keys: [], refused: [] };

/**
 * Keys of the document must be what anybody may see, whatever they are for. Only a client that
 * authenticates by its keys needs one for signatures (RFC 7591 §2).
 */
function importKeys({ jwks, token_endpoint_auth_method }: ClientMetadata): ImportedKeys {
  if (jwks === undefined) return NO_KEYS;
  const imported = importConfiguredSet(jwks, MAX_STRANGERS_KEYS);
  if (token_endpoint_auth_method === 'private_key_jwt' && imported.keys.length === 0) {
    const [first] = imported.refused;
    throw new Error(`its jwks has no key for signatures${first ? `: ${first.message}` : ''}`);
  }
  return imported;
}

function checkKeys({ jwks, jwks_uri, token_endpoint_auth_method }: ClientMetadata): void {
  if (jwks !== undefined && jwks_uri !== undefined) {
    throw new Error('it has both jwks and jwks_uri');
  }
  if (jwks_uri !== undefined) importSecret({ type: 'JwksUri', value: jwks_uri });
  if (token_endpoint_auth_method === 'private_key_jwt' && (jwks ?? jwks_uri) === undefined) {
    throw new Error('it has private_key_jwt, but neither jwks nor jwks_uri');
  }
}

function checkMethod(method: unknown): void {
  if (method === undefined) return;
  if (typeof method !== 'string') throw new Error('its token_endpoint_auth_method is not a string');
  if (method.startsWith('client_secret')) {
    throw new Error('its token_endpoint_auth_method needs a shared secret');
  }
  if (!METHODS.includes(method)) throw new Error('its token_endpoint_auth_method is not known');
}

/** A document that keeps the rules, and the keys of its `jwks`. */
export interface CheckedDocument {
  readonly document: ClientMetadataDocument;
  readonly imported: ImportedKeys;
}

/**
 * Checks a client ID metadata document (draft-ietf-oauth-client-id-metadata-document-02 §4, §4.1).
 *
 * @param url the URL that it was fetched from, which is the client_id
 * @throws {Error} with a reason that is safe to log
 */
export function checkClientMetadataDocument(value: unknown, url: string): CheckedDocument {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('it is not a JSON object');
  }
  const document = value as Readonly<Record<string, unknown>>;
  if (document['client_id'] !== url) throw new Error('its client_id is not its URL');
  const secret = SECRET_MEMBERS.find((member) => Object.hasOwn(document, member));
  if (secret !== undefined) throw new Error(`it has ${secret}, which everybody can read`);
  checkMethod(document['token_endpoint_auth_method']);
  checkRedirectUris(document['redirect_uris']);
  for (const name of DISPLAYED_URIS) checkDisplayedUri(name, document[name]);
  const metadata = document as unknown as ClientMetadataDocument;
  checkKeys(metadata);
  return { document: metadata, imported: importKeys(metadata) };
}
