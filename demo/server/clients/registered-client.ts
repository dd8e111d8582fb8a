import {
  type AssertionClient,
  assertClientSecrets,
  type ClientMetadata,
  clientFromMetadata,
  requiresClientAssertion,
  type Secret,
} from 'passport-private-key-jwt';

/** A client of the file, ready for use. */
export interface RegisteredClient extends AssertionClient {
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly string[];
  readonly scopes: ReadonlySet<string>;
  /** The methods by which a plain client_secret may be sent; none for clients with assertions. */
  readonly clientSecretMethods: readonly string[];
  readonly clientSecret: string | undefined;
  /** In seconds since the epoch; undefined for never. */
  readonly clientSecretExpiresAt: number | undefined;
  readonly requireSignedRequestObject: boolean;
  readonly requirePushedAuthorizationRequests: boolean;
  readonly requirePkce: boolean;
  /** Where a browser may be sent after a logout (OpenID Connect RP-Initiated Logout §2). */
  readonly postLogoutRedirectUris: readonly string[];
}

/** An entry of the file that cannot work. The message is a sentence that names the client. */
export class ClientsFileError extends Error {
  override readonly name = 'ClientsFileError';
}

/** A client that introduced itself by its metadata document. */
type DocumentClient = AssertionClient & {
  readonly metadata: ClientMetadata & {
    readonly redirect_uris?: readonly string[] | undefined;
    readonly [member: string]: unknown;
  };
};

/** What a client may ask for if its metadata has no `scope`. */
const DEFAULT_SCOPE = 'openid profile email offline_access';

type Entry = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isString = (value: unknown): value is string => typeof value === 'string';

/** No fragment (RFC 6749 §3.1.2), and nothing that a browser would run. */
const isRedirectUri = (value: unknown): boolean =>
  isString(value) &&
  URL.canParse(value) &&
  !value.includes('#') &&
  !/^(javascript|data|vbscript):/i.test(value);

function optional<T>(
  entry: Entry,
  name: string,
  check: (value: unknown) => boolean,
  what: string,
): T | undefined {
  const value = entry[name];
  if (value === undefined || value === null) return undefined;
  if (check(value)) return value as T;
  throw new ClientsFileError(
    `Client ${JSON.stringify(entry['client_id'])}: ${name} must be ${what}.`,
  );
}

const listOf = (check: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(check);

const optionalString = (entry: Entry, name: string) =>
  optional<string>(entry, name, isString, 'a string');

const optionalFlag = (entry: Entry, name: string) =>
  optional<boolean>(entry, name, (value) => typeof value === 'boolean', 'true or false');

const optionalStrings = (entry: Entry, name: string) =>
  optional<readonly string[]>(entry, name, listOf(isString), 'an array of strings');

const redirectUriList = (entry: Entry, name: string): readonly string[] =>
  optional<readonly string[]>(
    entry,
    name,
    listOf(isRedirectUri),
    'an array of absolute URIs without fragments',
  ) ?? [];

function metadataOf(entry: Entry, clientId: string): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: optionalString(entry, 'client_secret'),
    client_secret_expires_at: optional<number>(
      entry,
      'client_secret_expires_at',
      Number.isFinite,
      'a number of seconds since the epoch, or 0',
    ),
    token_endpoint_auth_method: optionalString(entry, 'token_endpoint_auth_method'),
    token_endpoint_auth_signing_alg: optionalString(entry, 'token_endpoint_auth_signing_alg'),
    request_object_signing_alg: optionalString(entry, 'request_object_signing_alg'),
    jwks: optional(entry, 'jwks', isObject, 'a JWK Set'),
    jwks_uri: optionalString(entry, 'jwks_uri'),
  };
}

function clientSecretMethods(client: AssertionClient): string[] {
  if (requiresClientAssertion(client)) return [];
  const { tokenEndpointAuthMethod: method } = client;
  const methods = ['client_secret_basic', 'client_secret_post'];
  return methods.filter((name) => method === undefined || method === name);
}

/**
 * A client without a redirect URI cannot use the default of RFC 7591 §2, so its default is the grant
 * that needs none.
 */
const defaultGrantTypes = (redirectUris: readonly string[]): readonly string[] =>
  redirectUris.length > 0 ? ['authorization_code'] : ['client_credentials'];

/** A client from its metadata document, which `clientMetadataDocuments` has checked. */
export function documentClient({ metadata, ...client }: DocumentClient): RegisteredClient {
  const { client_name: name, grant_types: grantTypes } = metadata;
  return {
    ...client,
    name: isString(name) ? name : client.clientId,
    redirectUris: metadata.redirect_uris ?? [],
    grantTypes: grantTypes as readonly string[],
    scopes: new Set(DEFAULT_SCOPE.split(' ')),
    clientSecretMethods: [],
    clientSecret: undefined,
    clientSecretExpiresAt: undefined,
    requireSignedRequestObject: false,
    requirePushedAuthorizationRequests: false,
    requirePkce: true,
    postLogoutRedirectUris: [],
  };
}

const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::\d+)?(?=\/|\?|$)/;

export const isLoopback = (uri: string): boolean => LOOPBACK.test(uri);

const withoutPort = (uri: string): string => uri.replace(LOOPBACK, 'http://$1');

/**
 * Whether a redirect URI is one of the client's: compared as a string (RFC 9700 §4.1.3), except that a
 * native app may take any port of its user's machine (RFC 8252 §7.3).
 */
export const hasRedirectUri = ({ redirectUris }: RegisteredClient, uri: string): boolean =>
  redirectUris.some((known) => withoutPort(known) === withoutPort(uri));

/**
 * A client from its entry in the file.
 *
 * @throws {ClientsFileError} if the entry has a member of the wrong type
 * @throws {SecretError} if a secret is weak or wrong
 */
export function registeredClient(entry: unknown): RegisteredClient {
  const clientId = isObject(entry) ? entry['client_id'] : undefined;
  if (!isObject(entry) || !isString(clientId) || clientId === '') {
    throw new ClientsFileError('Each client must be an object with a client_id.');
  }
  const metadata = metadataOf(entry, clientId);
  const own = optional<readonly Secret[]>(
    entry,
    'secrets',
    listOf(isObject),
    'an array of objects',
  );
  const base = clientFromMetadata(metadata);
  const client = { ...base, secrets: [...(own ?? []), ...base.secrets] };
  assertClientSecrets(client);

  const redirectUris = redirectUriList(entry, 'redirect_uris');
  const scope = optionalString(entry, 'scope') ?? DEFAULT_SCOPE;
  return {
    ...client,
    name: optionalString(entry, 'client_name') ?? clientId,
    redirectUris,
    grantTypes: optionalStrings(entry, 'grant_types') ?? defaultGrantTypes(redirectUris),
    scopes: new Set(scope.split(' ').filter((name) => name !== '')),
    clientSecretMethods: clientSecretMethods(client),
    clientSecret: metadata.client_secret,
    clientSecretExpiresAt: metadata.client_secret_expires_at || undefined,
    requireSignedRequestObject: optionalFlag(entry, 'require_signed_request_object') ?? false,
    requirePushedAuthorizationRequests:
      optionalFlag(entry, 'require_pushed_authorization_requests') ?? false,
    requirePkce:
      optionalFlag(entry, 'require_pkce') ?? metadata.token_endpoint_auth_method === 'none',
    postLogoutRedirectUris: redirectUriList(entry, 'post_logout_redirect_uris'),
  };
}
