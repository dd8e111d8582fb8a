import { importConfiguredSet, importSecret } from '../keys/import.js';
import { type ImportedKeys, MAX_STRANGERS_KEYS } from '../keys/jwk.js';
import { FetchError } from '../net/fetch-error.js';
import { parseRemoteUrl } from '../net/remote-url.js';
import { safeText } from '../shared/safe.js';
import { type ClientMetadata, withoutNulls } from './metadata.js';

/** The metadata document at a client_id (RFC 7591 §2). */
export interface ClientMetadataDocument extends ClientMetadata {
  readonly redirect_uris?: readonly string[] | undefined;
  readonly [member: string]: unknown;
}

/**
 * Checks a client identifier URL (draft-ietf-oauth-client-id-metadata-document-03 §3): https, no
 * credentials, no fragment, no dot segments in the path. Our own policy also requires the
 * normalized spelling (for example without `:443`) and no final dot in the host. Otherwise two
 * spellings could be two clients at one address, or bypass a list of hosts.
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

/** Members for a shared secret. A metadata document cannot agree on one. */
const SECRET_MEMBERS = ['client_secret', 'client_secret_expires_at'];

/** Members that an authorization server shows to its users as links and images. */
const DISPLAYED_URIS = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'];

const SCRIPT_SCHEMES = ['javascript:', 'data:', 'vbscript:', 'file:', 'blob:', 'about:'];

function parseUri(name: string, value: unknown): URL {
  if (typeof value === 'string' && URL.canParse(value)) return new URL(value);
  throw new Error(`${name} has a value that is not an absolute URI`);
}

/**
 * Checks that codes may be sent to every redirect URI, if there are any.
 * @throws {Error} with a sentence that is safe to log
 */
export function checkRedirectUris(value: unknown): void {
  if (value === undefined) return;
  if (!Array.isArray(value)) throw new Error('redirect_uris is not an array');
  for (const uri of value) {
    const { protocol, hash } = parseUri('redirect_uris', uri);
    if (SCRIPT_SCHEMES.includes(protocol) || hash !== '') {
      throw new Error('redirect_uris has a URI that must not receive codes');
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
 * The authentication methods of a document (draft §4.1): its
 * `token_endpoint_auth_methods_supported`, otherwise its `token_endpoint_auth_method`, otherwise
 * `none`.
 * @throws {Error} if a method needs a shared secret
 */
function offeredMethods(document: Readonly<Record<string, unknown>>): readonly string[] {
  const { token_endpoint_auth_method: one, token_endpoint_auth_methods_supported: several } =
    document;
  if (one !== undefined && typeof one !== 'string') {
    throw new Error('its token_endpoint_auth_method is not a string');
  }
  const isList = Array.isArray(several) && several.every((method) => typeof method === 'string');
  if (several !== undefined && !isList) {
    throw new Error('its token_endpoint_auth_methods_supported is not an array of strings');
  }
  const named: readonly string[] = [...(one === undefined ? [] : [one]), ...(several ?? [])];
  const shared = named.find((method) => method.startsWith('client_secret'));
  if (shared !== undefined) {
    throw new Error(`it offers ${safeText(shared)}, which needs a shared secret`);
  }
  return several ?? [one ?? 'none'];
}

/**
 * All keys of the document must be public. Only a client that authenticates by its keys needs one
 * for signatures (RFC 7591 §2).
 */
const importKeys = ({ jwks }: ClientMetadata): ImportedKeys =>
  jwks === undefined ? NO_KEYS : importConfiguredSet(jwks, MAX_STRANGERS_KEYS);

function checkKeys({ jwks, jwks_uri }: ClientMetadata): void {
  if (jwks !== undefined && jwks_uri !== undefined) {
    throw new Error('it has both jwks and jwks_uri');
  }
  if (jwks_uri !== undefined) importSecret({ type: 'JwksUri', value: jwks_uri });
}

export interface CheckedDocument {
  readonly document: ClientMetadataDocument;
  readonly imported: ImportedKeys;
  /** The authentication methods of the document. */
  readonly offered: readonly string[];
}

/**
 * Checks a client ID metadata document (draft-ietf-oauth-client-id-metadata-document-03 §4, §4.1).
 * Members that are null count as absent.
 * @param url the URL of the document, which is the client_id
 * @throws {Error} with a reason that is safe to log
 */
export function checkClientMetadataDocument(value: unknown, url: string): CheckedDocument {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('it is not a JSON object');
  }
  const document = withoutNulls(value as Readonly<Record<string, unknown>>);
  if (document['client_id'] !== url) throw new Error('its client_id is not its URL');
  const secret = SECRET_MEMBERS.find((member) => Object.hasOwn(document, member));
  if (secret !== undefined) throw new Error(`it has ${secret}, which anyone can read`);
  const offered = offeredMethods(document);
  checkRedirectUris(document['redirect_uris']);
  for (const name of DISPLAYED_URIS) checkDisplayedUri(name, document[name]);
  const metadata = document as unknown as ClientMetadataDocument;
  checkKeys(metadata);
  const checked = { document: metadata, imported: importKeys(metadata), offered };
  if (offered.join() === 'private_key_jwt' && !hasKeys(checked))
    throw new Error(whyNoKeys(checked));
  return checked;
}

/** The keys at a `jwks_uri` are not known yet. */
const hasKeys = ({ document, imported }: CheckedDocument): boolean =>
  document.jwks_uri !== undefined || imported.keys.length > 0;

function whyNoKeys({ document, imported }: CheckedDocument): string {
  if (document.jwks === undefined) return 'it has private_key_jwt, but neither jwks nor jwks_uri';
  const [first] = imported.refused;
  return `its jwks has no key for signatures${first ? `: ${first.message}` : ''}`;
}

/**
 * Chooses how a client authenticates (draft §4.1): the server's most preferred method that the
 * document offers and has keys for.
 * @param methods the server's methods, preferred first
 * @returns undefined if there is no common method
 */
export const chooseMethod = (
  checked: CheckedDocument,
  methods: readonly string[],
): string | undefined =>
  methods.find(
    (method) =>
      checked.offered.includes(method) && (method !== 'private_key_jwt' || hasKeys(checked)),
  );

/**
 * Checks that a client has what the server needs to show it to users and to redirect them back.
 * @throws {Error} with a reason that is safe to log
 */
export function checkForUsers({ client_name, redirect_uris }: ClientMetadataDocument): void {
  if (typeof client_name !== 'string' || client_name.trim() === '') {
    throw new Error('it has no client_name to show to users');
  }
  if (redirect_uris === undefined || redirect_uris.length === 0) {
    throw new Error('it has authorization_code, but no redirect_uris');
  }
}
