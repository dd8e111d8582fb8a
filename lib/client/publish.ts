import { Buffer } from 'node:buffer';
import {
  type ClientMetadataDocument,
  checkClientMetadataDocument,
  parseClientIdUrl,
} from '../clients/document-rules.js';
import { KeyError } from '../keys/algorithms.js';
import { importJwkSet, MAX_REMOTE_KEYS } from '../keys/jwk.js';
import { refusePrivateKey } from '../keys/pem.js';
import type { JsonWebKey, JsonWebKeySet } from '../keys/secret.js';
import type { Middleware } from '../server/authenticate-client.js';
import { assertKnownOptions, type OptionNames } from '../shared/option-checks.js';
import { AssertionService } from './assertion-service.js';
import { KeyRing } from './keys/key-ring.js';
import { SigningKey } from './keys/signing-key.js';
import { publisher } from './publisher.js';
import { seconds } from './seconds.js';

/** Options of what a client publishes. */
export interface PublishOptions {
  /**
   * For how long servers may keep it, in seconds. Default 300, at most 86400. It must be less than
   * the `publishBefore` of a `KeyRing`.
   */
  readonly maxAge?: number | undefined;
}

const OPTIONS: OptionNames<PublishOptions> = { maxAge: true };

/**
 * Public keys as a list or a JWK Set, or what has them: an `AssertionService`, a `SigningKey`, a
 * `KeyRing`.
 */
export type PublishedKeys =
  | readonly JsonWebKey[]
  | JsonWebKeySet
  | {
      /** The keys of this moment. */
      publicJwks(): JsonWebKeySet | Promise<JsonWebKeySet>;
    };

/** A day, in seconds: a key must be out of every cache when it is not trusted any more. */
const MAX_AGE = 86_400;

/** What servers read of a metadata document at most, in bytes, as the draft recommends. */
const MAX_DOCUMENT_BYTES = 5120;

/** @throws {KeyError} for anything that nobody should see, or that no server can use */
function checkJwkSet(set: JsonWebKeySet): void {
  const { keys, refused } = importJwkSet(set, MAX_REMOTE_KEYS);
  if (refused[0] !== undefined) throw new KeyError(refused[0].message);
  if (keys.length === 0) throw new KeyError('the JWK Set has no key for signatures');
}

/** The text of a JWK Set. What is checked is what is sent. */
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

/** @throws {TypeError} for what has no public keys, and so is something else */
function checkKeys(keys: PublishedKeys): void {
  const { publicJwks, keys: list } = (keys ?? {}) as Record<string, unknown>;
  const hasKeys = typeof publicJwks === 'function' || Array.isArray(keys) || Array.isArray(list);
  if (typeof keys === 'object' && hasKeys) return;
  throw new TypeError(
    'The keys must be an AssertionService, a SigningKey or KeyRing, a list of public JSON Web Keys, or a JWK Set',
  );
}

/** What has the keys of an `AssertionService`; of a `SigningKey` the one that it is. */
function sourceOf(keys: PublishedKeys): PublishedKeys {
  const source = keys instanceof AssertionService ? keys.key : keys;
  return source instanceof SigningKey ? source.publicJwks() : source;
}

const isList = (keys: PublishedKeys): keys is readonly JsonWebKey[] => Array.isArray(keys);

function maxAgeOf(options: PublishOptions, publishes: string, keys?: PublishedKeys): number {
  assertKnownOptions(publishes, options, OPTIONS);
  const { maxAge = 300 } = options;
  seconds('maxAge', maxAge, 0, MAX_AGE);
  if (!(keys instanceof KeyRing) || maxAge < keys.publishBefore) return maxAge;
  throw new TypeError(
    `maxAge is ${maxAge}, but the KeyRing signs with a new key after ${keys.publishBefore} seconds: its publishBefore must be longer`,
  );
}

/**
 * An Express middleware that publishes a client's public keys, for its `jwks_uri` (RFC 7591 §2). It
 * answers GET and HEAD, with `Cache-Control` and `ETag`. Make it once, and mount it at a path: it
 * answers whatever comes to it.
 *
 * @param keys looked at on every request where they come from a `KeyRing`; a key that is private,
 *   symmetric or too weak is never sent, but an error for `next`
 * @throws {TypeError} where a key that does not change cannot be published, or `maxAge` is too long
 * @example
 * ```ts
 * app.use('/jwks.json', publishJwks(assertions));
 * ```
 */
export function publishJwks(keys: PublishedKeys, options: PublishOptions = {}): Middleware {
  checkKeys(keys);
  const type = 'application/jwk-set+json';
  const source = sourceOf(keys);
  const maxAge = maxAgeOf(options, 'publishJwks', source);
  if (!('publicJwks' in source)) {
    const body = jwkSetText(isList(source) ? { keys: source } : source);
    return publisher(type, () => body, maxAge);
  }
  let last = { json: '', body: '' };
  const bodyOf = async () => {
    const set = await source.publicJwks();
    const json = JSON.stringify(set);
    if (last.json !== json) last = { json, body: jwkSetText(set) };
    return last.body;
  };
  return publisher(type, bodyOf, maxAge);
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
  const body = JSON.stringify(document);
  try {
    refusePrivateKey(body);
    parseClientIdUrl(document.client_id);
    checkClientMetadataDocument(JSON.parse(body), document.client_id);
  } catch (error) {
    throw new TypeError(`The metadata document cannot be published: ${(error as Error).message}`);
  }
  if (Buffer.byteLength(body) > MAX_DOCUMENT_BYTES) {
    throw new TypeError(
      `The metadata document has more than ${MAX_DOCUMENT_BYTES} bytes: put its keys at a jwks_uri`,
    );
  }
  return publisher('application/json', () => body, maxAgeOf(options, 'publishClientMetadata'));
}
