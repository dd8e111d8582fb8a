import { hash } from 'node:crypto';
import { RemoteJwkSets } from '../keys/jwks-uri.js';
import { type DocumentKeys, secretOfDocument } from '../keys/key-cache.js';
import type { AssertionClient } from '../keys/secret.js';
import { DocumentCache } from '../net/document-cache.js';
import { FetchError } from '../net/fetch-error.js';
import { type DocumentCacheOptions, documentCacheOptions } from '../net/options.js';
import { siteOf } from '../net/remote-url.js';
import { SharedMap } from '../net/shares.js';
import { isThenable } from '../shared/deadline.js';
import { ClientAuthenticationError } from '../shared/errors.js';
import { callback, type OptionTable, readOptions, texts } from '../shared/options.js';
import { thrownText } from '../shared/safe.js';
import {
  type CheckedDocument,
  type ClientMetadataDocument,
  checkClientMetadataDocument,
  chooseMethod,
  parseClientIdUrl,
} from './document-rules.js';
import { askForClient, type FindClient } from './lookup.js';
import {
  type ClientMetadata,
  clientFromMetadata,
  DEFAULT_GRANT_TYPES,
  grantTypesOf,
} from './metadata.js';

/**
 * How to fetch and keep client ID metadata documents. Times are in seconds. Defaults: `maxBytes`
 * 5120, `maxAge` a day, `maxStale` 0. With `allowedNetworks: ['localhost']`, a client_id may be an
 * http URL of this machine, for development. The network rules, `timeout` and `maxEntries` also
 * apply to the `jwks_uri` of these clients; their JWK Sets are kept apart.
 */
export interface ClientMetadataDocumentOptions extends DocumentCacheOptions {
  /**
   * Whether clients of a host are allowed; called on every use, before any fetch. `host` is in
   * lower case, with its port if the URL has one. An allow list is safer than a block list.
   * Default: all hosts.
   */
  readonly allowHost?: ((host: string) => boolean | Promise<boolean>) | undefined;
  /**
   * How these clients may authenticate, preferred first; the first method that a document offers is
   * used (draft §4.1). Default `private_key_jwt`, then `none`.
   */
  readonly methods?: readonly string[] | undefined;
  /**
   * The grants that these clients may have. Anyone can publish a document, so a grant without a
   * user, such as `client_credentials`, would be open to everyone. Default `authorization_code` and
   * `refresh_token`.
   */
  readonly grantTypes?: readonly string[] | undefined;
  /**
   * Called if a document differs from its previous version: `members` names the changed members
   * among keys, redirect URIs and methods. If it throws, a process warning is emitted.
   */
  readonly onChange?:
    | ((change: { readonly clientId: string; readonly members: readonly string[] }) => unknown)
    | undefined;
}

export const DOCUMENT_OPTIONS = {
  ...documentCacheOptions({ maxBytes: 5120, maxAge: 86_400, maxStale: 0 }),
  allowHost: callback<NonNullable<ClientMetadataDocumentOptions['allowHost']>>(),
  methods: texts(['private_key_jwt', 'none']),
  grantTypes: texts(DEFAULT_GRANT_TYPES),
  onChange: callback<NonNullable<ClientMetadataDocumentOptions['onChange']>>(),
} satisfies OptionTable<ClientMetadataDocumentOptions>;

/** A client that registered itself by a metadata document. */
export interface MetadataDocumentClient extends AssertionClient {
  /**
   * The document without null members. `token_endpoint_auth_method` is the chosen method;
   * `grant_types` are the grants that you allow.
   */
  readonly metadata: ClientMetadata & {
    readonly redirect_uris?: readonly string[] | undefined;
    readonly [member: string]: unknown;
  };
}

/** Keys share the network rules and limits of the documents, but not their ages. */
function ownJwkSets(options: ClientMetadataDocumentOptions): RemoteJwkSets {
  return RemoteJwkSets.ofStrangers({
    allowedNetworks: options.allowedNetworks,
    ca: options.ca,
    lookup: options.lookup,
    fetch: options.fetch,
    timeout: options.timeout,
    maxEntries: options.maxEntries,
  });
}

/** If one of these members changes, another party may gain access. */
const WATCHED = [
  'jwks',
  'jwks_uri',
  'redirect_uris',
  'token_endpoint_auth_method',
  'token_endpoint_auth_methods_supported',
];

type Fingerprints = ReadonlyMap<string, string>;

const fingerprintsOf = (document: ClientMetadataDocument): Fingerprints =>
  new Map(
    WATCHED.map((name) => [name, hash('sha256', JSON.stringify(document[name]) ?? '', 'base64')]),
  );

/** Remembers a summary of each document for longer than the document. */
class Watch {
  readonly #seen: SharedMap<Fingerprints>;
  readonly #onChange: NonNullable<ClientMetadataDocumentOptions['onChange']>;

  constructor(
    maxEntries: number,
    onChange: NonNullable<ClientMetadataDocumentOptions['onChange']>,
  ) {
    this.#seen = new SharedMap(maxEntries * 10);
    this.#onChange = onChange;
  }

  note(clientId: string, document: ClientMetadataDocument): void {
    const before = this.#seen.get(clientId);
    const now = fingerprintsOf(document);
    this.#seen.set(clientId, siteOf(clientId), now);
    const members = WATCHED.filter((name) => before?.get(name) !== now.get(name));
    if (before === undefined || members.length === 0) return;
    const failed = (error: unknown) =>
      process.emitWarning(`onChange failed: ${thrownText(error)}`, 'PrivateKeyJwtWarning');
    try {
      const pending = this.#onChange({ clientId, members });
      if (isThenable(pending)) pending.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}

type Introduced =
  | { readonly client: MetadataDocumentClient }
  | { readonly client?: undefined; readonly offered: readonly string[] };

function introduce(
  checked: CheckedDocument,
  {
    methods,
    grantTypes,
  }: { readonly methods: readonly string[]; readonly grantTypes: readonly string[] },
  own: Pick<DocumentKeys, 'jwksUri' | 'noteProved'>,
): Introduced {
  const { document, imported, offered } = checked;
  const method = chooseMethod(checked, methods);
  if (method === undefined) return { offered };
  const client = clientFromMetadata({
    ...document,
    token_endpoint_auth_method: method,
    grant_types: grantTypesOf(document['grant_types'], grantTypes),
  });
  const { client_id, jwks_uri: uri } = document;
  const secrets = client.secrets.map(({ description }) =>
    secretOfDocument(client_id, description, { imported, uri, ...own }),
  );
  return { client: { ...client, secrets } };
}

function refusal(error: unknown): unknown {
  if (!(error instanceof FetchError)) return error;
  const reason =
    error.code === 'too_many_fetches' ? 'too_many_fetches' : 'client_metadata_document_failed';
  return new ClientAuthenticationError({ reason, actual: error.code, cause: error });
}

/**
 * A lookup for clients whose client_id is the https URL of their metadata
 * (draft-ietf-oauth-client-id-metadata-document-03), for the strategy and the authorization
 * endpoint.
 * @param otherClients finds clients with other ids; without it, there are no such clients
 * @returns a lookup that throws a `ClientAuthenticationError` (401 `invalid_client`) if a document
 *   is unavailable or breaks a rule, and (400 `unauthorized_client`) if it offers none of your
 *   methods. Its method `forget` drops a client's document and keys at once
 * @throws {TypeError} for a wrong option
 * @example
 * ```ts
 * const findClient = clientMetadataDocuments(
 *   { allowHost: (host) => partners.has(host) },
 *   (clientId) => clients.get(clientId),
 * );
 * passport.use(new PrivateKeyJwtStrategy({ issuer: 'https://as.example' }, findClient));
 * ```
 */
export function clientMetadataDocuments<Client extends AssertionClient = never>(
  options: ClientMetadataDocumentOptions = {},
  otherClients?: FindClient<Client>,
): ((
  clientId: string,
  context?: unknown,
) => Promise<MetadataDocumentClient | Client | null | undefined>) & {
  /** Drops the document and the keys of a client at once. */
  forget(clientId: string): void;
} {
  const settings = readOptions('clientMetadataDocuments', options, DOCUMENT_OPTIONS);
  const { allowHost = () => true, onChange = () => undefined } = settings;
  const findOther = callback<FindClient<Client>>()('otherClients', otherClients);
  const jwksUri = ownJwkSets(options);
  const watch = new Watch(settings.maxEntries, onChange);
  const documents: DocumentCache<Introduced> = new DocumentCache(
    settings,
    'application/json',
    (value, url) => {
      const checked = checkClientMetadataDocument(value, url);
      const noteProved = () => documents.noteProved(url);
      const introduced = introduce(checked, settings, { jwksUri, noteProved });
      watch.note(url, checked.document);
      return introduced;
    },
  );
  const schemes = settings.allowedNetworks.hasLocalhost ? /^https?:\/\//i : /^https:\/\//i;

  async function find(clientId: string, context?: unknown) {
    if (!schemes.test(clientId)) {
      return findOther && ((await askForClient(findOther, clientId, context)) || undefined);
    }
    try {
      const { host } = parseClientIdUrl(clientId);
      if ((await allowHost(host)) !== true) {
        throw new FetchError('host_not_allowed', `allowHost does not allow ${host}`);
      }
      const { document } = await documents.get(clientId);
      // A copy, because the application may add members to its req.user.
      if (document.client !== undefined) return { ...document.client };
      throw new ClientAuthenticationError({
        reason: 'client_method_unsupported',
        expected: settings.methods,
        actual: document.offered,
      });
    } catch (error) {
      throw refusal(error);
    }
  }

  return Object.assign(find, {
    forget(clientId: string): void {
      // The document may be stale while its keys are fresh.
      const uri = documents.forget(clientId)?.client?.metadata.jwks_uri;
      if (uri !== undefined) jwksUri.forget(uri);
    },
  });
}
