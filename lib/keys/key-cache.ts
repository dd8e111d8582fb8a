import { hash } from 'node:crypto';
import { KeyError } from './algorithms.js';
import { importSecret, jsonCopy } from './import.js';
import type { ImportedKeys } from './jwk.js';
import type { RemoteJwkSets } from './jwks-uri.js';
import type { KeySecret, Secret } from './secret.js';

/** An RSA key takes 2 kB, an EC key 3 kB. */
const MAX_KEYS = 10_000;

/** The same key with another `kid` or `alg` has the same name. */
const MAX_NAMESAKES = 8;

interface Entry {
  readonly type: Secret['type'];
  /** At import time: the application may change its object later. */
  readonly value: unknown;
  readonly imported: ImportedKeys;
  readonly error: KeyError | undefined;
}

/** Text by itself, a JWK by its key, a JWK Set by its first key. */
function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { n, x, k, keys, pub } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (Array.isArray(keys)) return nameOf(keys[0]);
  if (typeof k === 'string') return hash('sha256', k);
  const name = n ?? x ?? pub;
  return typeof name === 'string' ? name : '';
}

/** A shared secret is hashed. */
const comparable = ({ type, value }: KeySecret): unknown =>
  type === 'SharedSecret' && typeof value === 'string' ? hash('sha256', value) : value;

type Members = Readonly<Record<string, unknown>>;

/** Compares without serializing again. `copy` is a result of `jsonCopy`. */
export function isSameJson(copy: unknown, value: unknown): boolean {
  if (copy === value) return true;
  if (typeof copy !== 'object' || copy === null) return false;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(copy) !== Array.isArray(value)) return false;
  const [old, now] = [copy as Members, value as Members];
  let count = 0;
  for (const name in old) {
    // Fast path: most members are text.
    if (old[name] !== now[name] && !isSameJson(old[name], now[name])) return false;
    count += 1;
  }
  for (const name in now) if (now[name] !== undefined) count -= 1;
  return count === 0;
}

const NO_KEYS: ImportedKeys = { keys: [], refused: [] };

function importOutcome(secret: KeySecret): Pick<Entry, 'imported' | 'error'> {
  try {
    return { imported: importSecret(secret), error: undefined };
  } catch (error) {
    if (error instanceof KeyError) return { imported: NO_KEYS, error };
    throw error;
  }
}

/** In keys; a refused secret counts as one. */
const sizeOf = (entries: readonly Entry[]): number =>
  entries.reduce((sum, { imported }) => sum + Math.max(1, imported.keys.length), 0);

/** The keys of a client ID metadata document. */
export interface DocumentKeys {
  /** The keys of its `jwks`. */
  readonly imported: ImportedKeys;
  /** Its `jwks_uri`. */
  readonly uri: string | undefined;
  /** Fetches the keys at its `jwks_uri`. */
  readonly jwksUri: RemoteJwkSets;
  noteProved(): void;
}

const documentKeys = new WeakMap<Secret, DocumentKeys>();

/**
 * Self-registered clients are unlimited in number, and would displace the others in the shared
 * caches. The secret contains neither keys nor their location, so that a copy of it, for example
 * from a database, is not used by the rules for other clients.
 * @param description the member of the document that has the keys
 */
export function secretOfDocument(
  clientId: string,
  description: string | undefined,
  keys: DocumentKeys,
): Secret {
  const secret: Secret = Object.freeze({ type: 'MetadataDocument', value: clientId, description });
  documentKeys.set(secret, keys);
  return secret;
}

/** The keys of a metadata document; undefined for other secrets, and for copies. */
export const documentKeysOf = (secret: Secret): DocumentKeys | undefined =>
  secret.type === 'MetadataDocument' ? documentKeys.get(secret) : undefined;

/** Unauthenticated clients no longer compete with this secret for space. */
export function noteProved(secret: Secret, shared: RemoteJwkSets): void {
  if (secret.type === 'JwksUri') shared.noteProved(secret.value);
  if (secret.type !== 'MetadataDocument') return;
  const keys = documentKeys.get(secret);
  keys?.noteProved();
  if (keys?.uri !== undefined) keys.jwksUri.noteProved(keys.uri);
}

/** By value, so that a changed secret takes effect at once. Every use checks expiration. */
export class KeyCache {
  readonly #entries = new Map<string, readonly Entry[]>();
  readonly #maxKeys: number;
  #size = 0;
  readonly #signers = new WeakMap<readonly Secret[], Map<string, number>>();

  constructor(maxKeys = MAX_KEYS) {
    this.#maxKeys = maxKeys;
  }

  /** At most one import while in use. A platform's keys verify nothing of the client's own. */
  keysOf(secret: Secret): ImportedKeys {
    if (secret.type === 'FederatedIdentity') return NO_KEYS;
    const known = secret.type === 'MetadataDocument' ? documentKeys.get(secret) : undefined;
    if (known !== undefined) return known.imported;
    const { imported, error } = this.#find(secret) ?? this.#add(secret);
    if (error !== undefined) throw error;
    return imported;
  }

  forget(secret: Secret): void {
    if (secret.type === 'FederatedIdentity') return;
    const entry = this.#find(secret);
    if (entry === undefined) return;
    const name = nameOf(comparable(secret));
    this.#keep(
      name,
      this.#namesakes(name).filter((namesake) => namesake !== entry),
    );
  }

  /** What to try first, so that a thousand secrets cost no more than a few. */
  lastSigner(secrets: readonly Secret[], name: string): Secret | undefined {
    const position = this.#signers.get(secrets)?.get(name);
    return position === undefined ? undefined : secrets[position];
  }

  noteSigner(secrets: readonly Secret[], name: string, secret: Secret): void {
    const known = this.#signers.get(secrets);
    if (known === undefined) {
      this.#signers.set(secrets, new Map([[name, secrets.indexOf(secret)]]));
    } else if (known.size < secrets.length || known.has(name)) {
      known.set(name, secrets.indexOf(secret));
    }
  }

  #namesakes(name: string): readonly Entry[] {
    return this.#entries.get(name) ?? [];
  }

  #find(secret: KeySecret): Entry | undefined {
    const value = comparable(secret);
    const namesakes = this.#entries.get(nameOf(value));
    if (namesakes === undefined) return undefined;
    for (const entry of namesakes) {
      if (entry.type === secret.type && isSameJson(entry.value, value)) return entry;
    }
    return undefined;
  }

  #add(secret: KeySecret): Entry {
    const { type } = secret;
    const copy = { type, value: jsonCopy(secret.value) } as KeySecret;
    const value = comparable(copy);
    const entry: Entry = { type, value, ...importOutcome(copy) };
    const name = nameOf(comparable(secret));
    this.#keep(name, [entry, ...this.#namesakes(name).slice(0, MAX_NAMESAKES - 1)]);
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#maxKeys) break;
      this.#keep(oldest, []);
    }
    return entry;
  }

  #keep(name: string, entries: readonly Entry[]): void {
    this.#size += sizeOf(entries) - sizeOf(this.#namesakes(name));
    if (entries.length === 0) this.#entries.delete(name);
    else this.#entries.set(name, entries);
  }
}
