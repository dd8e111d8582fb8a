import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ClientMetadataDocument,
  checkClientMetadataDocument,
  parseClientIdUrl,
} from '../clients/document-rules.js';
import { KeyError } from '../keys/algorithms.js';
import { importJwkSet, MAX_REMOTE_KEYS } from '../keys/jwk.js';
import { refusePrivateKey } from '../keys/pem.js';
import type { JsonWebKey, JsonWebKeySet } from '../keys/secret.js';
import { errorFrom } from '../shared/safe.js';
import { AssertionService } from './assertion-service.js';
import { KeyRing } from './keys/key-ring.js';
import { SigningKey } from './keys/signing-key.js';

/** A list, a JWK Set, or an object that has them: `AssertionService`, `SigningKey`, `KeyRing`. */
export type PublishedKeys =
  | readonly JsonWebKey[]
  | JsonWebKeySet
  | {
      publicJwks(): JsonWebKeySet | Promise<JsonWebKeySet>;
    };

/** In seconds: how long servers may cache a document. */
const MAX_AGE = 300;

/** Some readers know only the first type, although the second is registered (RFC 7517 §8.5.2). */
const JWK_SET_TYPES = ['application/json', 'application/jwk-set+json'] as const;

/** In bytes: the draft recommends this as the maximum that servers read of a metadata document. */
const MAX_DOCUMENT_BYTES = 5120;

/** Importers skip entries that are not JWKs, but such an entry could be a private key as text. */
function refuseWhatIsNoJwk(set: unknown): void {
  const { keys } = (set ?? {}) as { readonly keys?: unknown };
  if (Array.isArray(keys) && keys.some((jwk) => typeof jwk !== 'object' || jwk === null)) {
    throw new KeyError('the entry is not a JWK');
  }
}

function checkJwkSet(set: JsonWebKeySet): void {
  refuseWhatIsNoJwk(set);
  const { keys, refused } = importJwkSet(set, MAX_REMOTE_KEYS);
  if (refused[0] !== undefined) throw new KeyError(refused[0].message);
  if (keys.length === 0) throw new KeyError('the JWK Set has no key for signatures');
}

function jwkSetText(set: JsonWebKeySet | undefined): string {
  const text = JSON.stringify({ keys: set?.keys });
  try {
    refusePrivateKey(text);
    checkJwkSet(JSON.parse(text));
    return text;
  } catch (error) {
    throw new TypeError(`The keys cannot be published: ${(error as Error).message}`);
  }
}

function checkKeys(keys: PublishedKeys): void {
  const { publicJwks, keys: list } = (keys ?? {}) as Record<string, unknown>;
  const hasKeys = typeof publicJwks === 'function' || Array.isArray(keys) || Array.isArray(list);
  if (hasKeys) return;
  throw new TypeError(
    'The keys must be an AssertionService, a SigningKey or KeyRing, a list of public JSON Web Keys, or a JWK Set',
  );
}

function sourceOf(keys: PublishedKeys): PublishedKeys {
  const source = keys instanceof AssertionService ? keys.key : keys;
  return source instanceof SigningKey ? source.publicJwks() : source;
}

const isList = (keys: PublishedKeys): keys is readonly JsonWebKey[] => Array.isArray(keys);

/** No copy without a new key may be in use when the KeyRing signs with the key. */
const maxAgeOf = (keys: PublishedKeys): number =>
  keys instanceof KeyRing ? Math.min(MAX_AGE, keys.publishBefore / 2) : MAX_AGE;

/** The caller's preference for a media type, from 0 to 1 (RFC 9110 §12.5.1). */
function quality(accept: string, type: string): number {
  const ranges = accept.split(',').map((range) => range.split(';').map((part) => part.trim()));
  const wildcards = [type, `${type.split('/', 1)[0]}/*`, '*/*'];
  for (const wanted of wildcards) {
    const range = ranges.find(([name = '']) => name.toLowerCase() === wanted);
    if (range === undefined) continue;
    const weight = range.find((part) => part.toLowerCase().startsWith('q='));
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
  }
  return 0;
}

function negotiated(accept: string | undefined, types: readonly [string, ...string[]]): string {
  const [first, ...others] = types;
  if (accept === undefined) return first;
  return others.reduce(
    (best, type) => (quality(accept, type) > quality(accept, best) ? type : best),
    first,
  );
}

/** Whether the caller already has this version (RFC 9110 §13.1.2). */
function isKnown({ headers }: IncomingMessage, etag: string): boolean {
  const known = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim());
  return known.includes('*') || known.some((tag) => tag.replace(/^W\//, '') === etag);
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  contentType: string,
  body: string,
): void {
  const hash = createHash('sha256').update(`${contentType}\n${body}`).digest('base64url');
  const etag = `"${hash}"`;
  response.setHeader('ETag', etag);
  if (isKnown(request, etag)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  response.statusCode = 200;
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  // Node drops the body for HEAD.
  response.end(body);
}

/** RFC 9110 §8.8.3, RFC 9111 §5.2. `types`: the default first. `maxAge` in seconds. */
function publisher(
  types: readonly [string, ...string[]],
  bodyOf: () => string | Promise<string>,
  maxAge: number,
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
  const cacheControl = `public, max-age=${Math.floor(maxAge)}`;
  return async (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      next();
      return;
    }
    try {
      const body = await bodyOf();
      response.setHeader('Cache-Control', cacheControl);
      if (types.length > 1) response.setHeader('Vary', 'Accept');
      send(request, response, negotiated(request.headers.accept, types), body);
    } catch (error) {
      next(errorFrom(error));
    }
  };
}

/**
 * An Express middleware that publishes a client's public keys, for its `jwks_uri` (RFC 7591 §2). It
 * answers GET and HEAD, with `ETag` and `Cache-Control`: servers may cache the keys for 300
 * seconds, or half of a `KeyRing`'s `publishBefore` if that is less. Create it once and mount it at
 * a path: it answers every request.
 * @param keys read again for every request if they come from a `KeyRing`. A private, symmetric or
 *   weak key is never sent; `next` gets an error instead
 * @throws {TypeError} if a fixed key cannot be published
 * @example
 * ```ts
 * app.use('/jwks.json', publishJwks(assertions));
 * ```
 */
export function publishJwks(
  keys: PublishedKeys,
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
  checkKeys(keys);
  const source = sourceOf(keys);
  const maxAge = maxAgeOf(source);
  if (!('publicJwks' in source)) {
    const body = jwkSetText(isList(source) ? { keys: source } : source);
    return publisher(JWK_SET_TYPES, () => body, maxAge);
  }
  let last = { json: '', body: '' };
  const bodyOf = async () => {
    const set = await source.publicJwks();
    const json = JSON.stringify(set);
    if (last.json !== json) last = { json, body: jwkSetText(set) };
    return last.body;
  };
  return publisher(JWK_SET_TYPES, bodyOf, maxAge);
}

/**
 * An Express middleware that publishes a client's metadata document at its client_id
 * (draft-ietf-oauth-client-id-metadata-document). It answers GET and HEAD, with `ETag` and
 * `Cache-Control`: servers may cache it for 300 seconds.
 * @param document the metadata (RFC 7591 §2); `client_id` is the URL of the document
 * @throws {TypeError} if the document breaks a rule of the draft, because servers would refuse it
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
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
  const body = JSON.stringify(document);
  try {
    refusePrivateKey(body);
    parseClientIdUrl(document.client_id);
    const published: ClientMetadataDocument = JSON.parse(body);
    const { jwks } = published;
    refuseWhatIsNoJwk(typeof jwks === 'string' ? JSON.parse(jwks) : jwks);
    checkClientMetadataDocument(published, document.client_id);
  } catch (error) {
    throw new TypeError(`The metadata document cannot be published: ${(error as Error).message}`);
  }
  if (Buffer.byteLength(body) > MAX_DOCUMENT_BYTES) {
    throw new TypeError(
      `The metadata document has more than ${MAX_DOCUMENT_BYTES} bytes: put its keys at a jwks_uri`,
    );
  }
  return publisher(['application/json'], () => body, MAX_AGE);
}
