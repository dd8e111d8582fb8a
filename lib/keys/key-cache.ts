import { KeyError } from './algorithms.js';
import type { ImportedKeys } from './candidate.js';
import { importSecret } from './import.js';
import { isSameJson, jsonCopy } from './json.js';
import { ownKeysOf } from './own-keys.js';
import type { Secret } from './secret.js';
import type { VerificationKey } from './verification-key.js';

/** How many keys are kept unless it is set: an RSA key takes 2 kB, an EC key 3 kB. */
export const DEFAULT_MAX_KEYS = 10_000;

/** How many secrets with one name are kept: the same key with another `kid` or `alg` has its name. */
const MAX_NAMESAKES = 8;

/** What came of importing a secret. */
interface Entry {
  readonly type: Secret['type'];
  /** As it was when it was imported, whatever becomes of the application's object. */
  readonly value: unknown;
  readonly keys: readonly VerificationKey[];
  readonly error: KeyError | undefined;
}

/** By what a secret is found: a text by itself, a JWK by its key, a JWK Set by its first one. */
function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { n, x, k, keys } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (Array.isArray(keys)) return nameOf(keys[0]);
  const name = n ?? x ?? k;
  return typeof name === 'string' ? name : '';
}

function importOutcome(secret: Secret): Pick<Entry, 'keys' | 'error'> {
  try {
    return { keys: importSecret(secret), error: undefined };
  } catch (error) {
    if (error instanceof KeyError) return { keys: [], error };
    throw error;
  }
}

/** In keys; what was refused counts as one. */
const sizeOf = (entries: readonly Entry[]): number =>
  entries.reduce((sum, { keys }) => sum + Math.max(1, keys.length), 0);

/**
 * Keeps imported keys by the value of their secret, so that a changed secret is another entry and
 * takes effect at once. Expiration is no part of it: it is looked at on every use.
 */
export class KeyCache implements ImportedKeys {
  private readonly entries = new Map<string, readonly Entry[]>();
  private readonly maxKeys: number;
  private size = 0;

  constructor(maxKeys = DEFAULT_MAX_KEYS) {
    this.maxKeys = maxKeys;
  }

  /**
   * The keys of a secret, imported at most once while it is in use.
   *
   * @throws {KeyError} where the secret cannot be used
   */
  keysOf(secret: Secret): readonly VerificationKey[] {
    const own = ownKeysOf(secret);
    if (own !== undefined) return own.keys;
    const { keys, error } = this.find(secret) ?? this.add(secret);
    if (error !== undefined) throw error;
    return keys;
  }

  /** Forgets the keys of a secret that has expired. */
  forget(secret: Secret): void {
    const entry = this.find(secret);
    if (entry === undefined) return;
    const name = nameOf(secret.value);
    this.keep(
      name,
      this.namesakes(name).filter((namesake) => namesake !== entry),
    );
  }

  private namesakes(name: string): readonly Entry[] {
    return this.entries.get(name) ?? [];
  }

  private find({ type, value }: Secret): Entry | undefined {
    for (const entry of this.namesakes(nameOf(value))) {
      if (entry.type === type && isSameJson(entry.value, value)) return entry;
    }
    return undefined;
  }

  private add({ type, value: given }: Secret): Entry {
    const value = jsonCopy(given);
    const entry: Entry = { type, value, ...importOutcome({ type, value } as Secret) };
    const name = nameOf(given);
    this.keep(name, [entry, ...this.namesakes(name).slice(0, MAX_NAMESAKES - 1)]);
    for (const oldest of this.entries.keys()) {
      if (this.size <= this.maxKeys) break;
      this.keep(oldest, []);
    }
    return entry;
  }

  private keep(name: string, entries: readonly Entry[]): void {
    this.size += sizeOf(entries) - sizeOf(this.namesakes(name));
    if (entries.length === 0) this.entries.delete(name);
    else this.entries.set(name, entries);
  }
}
