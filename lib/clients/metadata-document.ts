import { MAX_STRANGERS_KEYS } from '../keys/jwk.js';
import { RemoteJwkSets } from '../keys/jwks-uri.js';
import { keepApart } from '../keys/key-cache.js';
import type { AssertionClient } from '../keys/secret.js';
import { DocumentCache } from '../net/document-cache.js';
import { FetchError } from '../net/fetch-error.js';
import { type DocumentCacheOptions, documentCacheOptions } from '../net/options.js';
import { ClientAuthenticationError } from '../shared/errors.js';
import { callback, type OptionTable, readOptions } from '../shared/options.js';
import {
  type ClientMetadataDocument,
  checkClientMetadataDocument,
  parseClientIdUrl,
} from './document-rules.js';
import type { FindClient } from './lookup.js';
import { clientFromMetadata } from './metadata.js';

/**
 * How client ID metadata documents are fetched and kept. Times are in seconds. `maxBytes` is 5120,
 * `maxAge` a day and `maxStale` 0 unless they are set. With `allowLocalNetwork`, a client_id may be
 * an http URL of this machine, for development. What may be called, `timeout`, `maxEntries` and
 * `maxConcurrentFetches` count for the `jwks_uri` of these clients as well; their sets are kept apart
 * from those of other clients.
 */
export interface ClientMetadataDocumentOptions extends DocumentCacheOptions {
  /**
   * Whether the clients of a host are welcome, asked on every use and before anything is fetched.
   * `host` is that of the URL, in lower case, with its port if it has one: a list of what is allowed is
   * safer than one of what is blocked. Default: all are.
   */
  readonly allowHost?: ((host: string) => boolean | Promise<boolean>) | undefined;
}

const OPTIONS = {
  ...documentCacheOptions({ maxBytes: 5120, maxAge: 86_400, maxStale: 0 }),
  allowHost: callback<NonNullable<ClientMetadataDocumentOptions['allowHost']>>(),
} satisfies OptionTable<ClientMetadataDocumentOptions>;

/** A client that introduced itself by its metadata document. */
export interface MetadataDocumentClient extends AssertionClient {
  readonly metadata: ClientMetadataDocument;
}

/** What may be called and how many at once is the same for keys; how long they are kept is not. */
function ownJwkSets(options: ClientMetadataDocumentOptions): RemoteJwkSets {
  return new RemoteJwkSets({
    allowedNetworks: options.allowedNetworks,
    allowLocalNetwork: options.allowLocalNetwork,
    allowedPorts: options.allowedPorts,
    ca: options.ca,
    lookup: options.lookup,
    fetch: options.fetch,
    timeout: options.timeout,
    maxEntries: options.maxEntries,
    maxConcurrentFetches: options.maxConcurrentFetches,
    maxKeys: MAX_STRANGERS_KEYS,
  });
}

function readClient(value: unknown, url: string, jwksUri: RemoteJwkSets): MetadataDocumentClient {
  const { document, imported } = checkClientMetadataDocument(value, url);
  const client = clientFromMetadata(document);
  keepApart(client.secrets, { imported, jwksUri });
  return client;
}

function refusal(error: unknown): unknown {
  if (!(error instanceof FetchError)) return error;
  const reason =
    error.code === 'too_many_fetches' ? 'too_many_fetches' : 'client_metadata_document_failed';
  return new ClientAuthenticationError({ reason, actual: error.code, cause: error });
}

/**
 * A lookup of clients whose client_id is the https URL of their metadata
 * (draft-ietf-oauth-client-id-metadata-document), for the strategy and for the authorization
 * endpoint. The document is fetched, checked and kept.
 *
 * @param otherClients finds the clients whose ids are no URLs; without it there are none
 * @returns a lookup that throws a `ClientAuthenticationError` (401 `invalid_client`) where a
 *   document cannot be had or breaks a rule
 * @throws {TypeError} where an option is wrong
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
): FindClient<MetadataDocumentClient | Client> {
  const settings = readOptions('clientMetadataDocuments', options, OPTIONS);
  const { allowHost = () => true } = settings;
  const findOther =
    callback<FindClient<Client>>()('otherClients', otherClients) ?? (() => undefined);
  const jwksUri = ownJwkSets(options);
  const clients = new DocumentCache(settings, 'application/json', (value, url) =>
    readClient(value, url, jwksUri),
  );
  const schemes = settings.allowLocalNetwork ? /^https?:\/\//i : /^https:\/\//i;

  return async (clientId, context) => {
    if (!schemes.test(clientId)) return findOther(clientId, context);
    try {
      const { host } = parseClientIdUrl(clientId);
      if ((await allowHost(host)) !== true) {
        throw new FetchError('host_not_allowed', `allowHost does not allow ${host}`);
      }
      const { document: client } = await clients.get(clientId);
      // A copy, since the application may add to what becomes its req.user.
      return { ...client };
    } catch (error) {
      throw refusal(error);
    }
  };
}
