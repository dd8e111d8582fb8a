import { KeyError } from './algorithms.js';
import { importSecret } from './import.js';
import type { Secret } from './secret.js';
import type { KeySource } from './select-key.js';
import type { VerificationKey } from './verification-key.js';

const MAX_ENTRIES = 10_000;

/** A secret by its value: objects too, so that one that was changed in place is another secret. */
function idOf({ type, value }: Secret): string {
  try {
    return `${type} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
  } catch {
    throw new KeyError('its value is not JSON');
  }
}

/**
 * Keeps imported keys by the value of their secret, so that a changed secret is another entry and
 * takes effect at once. Expiration is no part of it: it is looked at on every use.
 */
export class KeyCache implements KeySource {
  private readonly entries = new Map<string, readonly VerificationKey[]>();

  /**
   * The keys of a secret, imported at most once while it is in use.
   *
   * @throws {KeyError} where the secret cannot be used
   */
  keysOf(secret: Secret): readonly VerificationKey[] {
    const id = idOf(secret);
    const cached = this.entries.get(id);
    if (cached !== undefined) return cached;
    const keys = importSecret(secret);
    if (this.entries.size >= MAX_ENTRIES) {
      for (const oldest of this.entries.keys()) {
        this.entries.delete(oldest);
        break;
      }
    }
    this.entries.set(id, keys);
    return keys;
  }

  /** Forgets the keys of a secret that has expired. */
  forget(secret: Secret): void {
    this.entries.delete(idOf(secret));
  }
}
