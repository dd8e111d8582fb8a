import { importConfiguredSet, importSecret } from '../keys/import.js';
import { type ImportedKeys, MAX_STRANGERS_KEYS } from '../keys/jwk.js';
import { FetchError } from '../net/fetch-error.js';
import { parseRemoteUrl } from '../net/remote-url.js';
import { safeText } from '../shared/safe.js';
import { type ClientMetadata, withoutNulls } from './metadata.js';

/** RFC 7591 §2. */
export interface ClientMetadataDocument extends ClientMetadata {
  readonly redirect_uris?: readonly string[] | undefined;
  readonly [member: string]: unknown;
}

/**
 * draft-ietf-oauth-client-id-metadata-document-03 §3, and our policy: the normalized spelling and
 * no final dot. Two spellings could be two clients at one address, or bypass a list of hosts.
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

/** A metadata document cannot agree on a shared secret. */
const SECRET_MEMBERS = ['client_secret', 'client_secret_expires_at'];

/** Authorization servers show these to users as links and images. */
const DISPLAYED_URIS = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'];

const SCRIPT_SCHEMES = ['javascript:', 'data:', 'vbscript:', 'file:', 'blob:', 'about:'];

function parseUri(name: string, value: unknown): URL {
  if (typeof value === 'string' && URL.canParse(value)) return new URL(value);
  throw new Error(`${name} has a value that is not an absolute URI`);
}

/** Codes may be sent to each. */
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

/** draft §4.1: `none` unless the document names methods. */
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

/** All keys must be public; only clients with assertions need one for signatures (RFC 7591 §2). */
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
  readonly offered: readonly string[];
}

/** draft-ietf-oauth-client-id-metadata-document-03 §4, §4.1. What it throws is safe to log. */
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

/** draft §4.1: the server's most preferred method that the document offers and has keys for. */
export const chooseMethod = (
  checked: CheckedDocument,
  methods: readonly string[],
): string | undefined =>
  methods.find(
    (method) =>
      checked.offered.includes(method) && (method !== 'private_key_jwt' || hasKeys(checked)),
  );

/** What the server needs to show a client to users and to redirect them back. */
export function checkForUsers({ client_name, redirect_uris }: ClientMetadataDocument): void {
  if (typeof client_name !== 'string' || client_name.trim() === '') {
    throw new Error('it has no client_name to show to users');
  }
  if (redirect_uris === undefined || redirect_uris.length === 0) {
    throw new Error('it has authorization_code, but no redirect_uris');
  }
}
