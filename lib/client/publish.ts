import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from '../authenticate-client.js';
import { parseClientIdUrl } from '../clients/document-id.js';
import {
  type ClientMetadataDocument,
  checkClientMetadataDocument,
} from '../clients/document-rules.js';
import { number } from '../option-checks.js';
import { publicKeysFromJwkSet } from '../secrets/jwk-set.js';
import type { JsonWebKey, JsonWebKeySet } from '../secrets/secret.js';

/** Options of what a client publishes. */
export interface PublishOptions {
  /**
   * For how long servers may keep it, in seconds. Default 300. A `KeyRing` must publish its keys
   * for longer than that before it signs with them.
   */
  readonly maxAge?: number | undefined;
}

/** Public keys as a list or a JWK Set, or what has them, such as a `KeyRing`. */
export type PublishedKeys =
  | readonly JsonWebKey[]
  | JsonWebKeySet
  | {
      /** The keys of this moment. */
      publicJwks(): JsonWebKeySet | Promise<JsonWebKeySet>;
    };

/** What servers read of a metadata document at most, in bytes, as the draft recommends. */
const MAX_DOCUMENT_BYTES = 5120;

/** Whether the caller has this version already (RFC 9110 §13.1.2). */
function isKnown({ headers }: IncomingMessage, etag: string): boolean {
  const known = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim());
  return known.includes('*') || known.some((tag) => tag.replace(/^W\//, '') === etag);
}

function send(request: IncomingMessage, response: ServerResponse, body: string): void {
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  response.setHeader('ETag', etag);
  if (isKnown(request, etag)) {
    response.statusCode = 304;
    response.removeHeader('Content-Type');
    response.end();
    return;
  }
  response.statusCode = 200;
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(request.method === 'HEAD' ? undefined : body);
}

function publisher(
  contentType: string,
  bodyOf: () => string | Promise<string>,
  { maxAge }: PublishOptions,
): Middleware {
  const cacheControl = `public, max-age=${Math.floor(number('maxAge', maxAge, 300, 0))}`;
  return async (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      next();
      return;
    }
    try {
      const body = await bodyOf();
      response.setHeader('Content-Type', contentType);
      response.setHeader('Cache-Control', cacheControl);
      send(request, response, body);
    } catch (error) {
      next(error);
    }
  };
}

/** @throws {TypeError} for anything that nobody should see, or that no server can use */
function checkedJwkSet(set: JsonWebKeySet): string {
  let refused: readonly string[];
  try {
    ({ refused } = publicKeysFromJwkSet(set));
  } catch (error) {
    throw new TypeError(`The keys cannot be published: ${(error as Error).message}`);
  }
  if (refused.length > 0) throw new TypeError(`The keys cannot be published: ${refused[0]}`);
  return JSON.stringify({ keys: set.keys });
}

const isList = (keys: PublishedKeys): keys is readonly JsonWebKey[] => Array.isArray(keys);

/**
 * An Express middleware that publishes a client's public keys, for its `jwks_uri` (RFC 7591 §2). It
 * answers GET and HEAD, with `Cache-Control` and `ETag`.
 *
 * @param keys looked at on every request where they come from a `KeyRing`; a key that is private,
 *   symmetric or too weak is never sent, but an error for `next`
 * @throws {TypeError} where a key of a list cannot be published
 * @example
 * ```ts
 * const ring = new KeyRing({ keys: keyFiles(['current.pem', 'next.pem']) });
 * app.use('/jwks.json', publishJwks(ring));
 * ```
 */
export function publishJwks(keys: PublishedKeys, options: PublishOptions = {}): Middleware {
  const type = 'application/jwk-set+json';
  if (!('publicJwks' in keys)) {
    const body = checkedJwkSet(isList(keys) ? { keys } : keys);
    return publisher(type, () => body, options);
  }
  let last: { readonly json: string; readonly body: string } | undefined;
  const bodyOf = async () => {
    const set = await keys.publicJwks();
    const json = JSON.stringify(set);
    if (last?.json !== json) last = { json, body: checkedJwkSet(set) };
    return last.body;
  };
  return publisher(type, bodyOf, options);
}

/**
 * An Express middleware that publishes a client's metadata document at its client_id
 * (draft-ietf-oauth-client-id-metadata-document). It answers GET and HEAD, with `Cache-Control` and
 * `ETag`.
 *
 * @param document the metadata (RFC 7591 §2); `client_id` is the URL that the document is served at
 * @throws {TypeError} where the document breaks a rule of the draft, so that servers would refuse it
 * @example
 * ```ts
 * app.use('/client.json', publishClientMetadata({
 *   client_id: 'https://client.example/client.json',
 *   client_name: 'Example',
 *   redirect_uris: ['https://client.example/callback'],
 *   token_endpoint_auth_method: 'private_key_jwt',
 *   jwks_uri: 'https://client.example/jwks.json',
 * }));
 * ```
 */
export function publishClientMetadata(
  document: ClientMetadataDocument,
  options: PublishOptions = {},
): Middleware {
  try {
    parseClientIdUrl(document.client_id);
    checkClientMetadataDocument(document, document.client_id);
  } catch (error) {
    throw new TypeError(`The metadata document cannot be published: ${(error as Error).message}`);
  }
  const body = JSON.stringify(document);
  if (Buffer.byteLength(body) > MAX_DOCUMENT_BYTES) {
    throw new TypeError(
      `The metadata document has more than ${MAX_DOCUMENT_BYTES} bytes: put its keys at a jwks_uri`,
    );
  }
  return publisher('application/json', () => body, options);
}
