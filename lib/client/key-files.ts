import { readFile } from 'node:fs/promises';
import type { SigningKeyOptions } from './local-key.js';
import type { SigningKeyInput } from './signing-key.js';

/** How the keys of files are read. */
export type KeyFileOptions = Omit<SigningKeyOptions, 'key' | 'kid' | 'certificate' | 'x5c'>;

/**
 * Reads the keys of a `KeyRing` from files, PEM or JWK, each time that it asks.
 *
 * @param paths the file of the key that signs, then those of the others
 * @example
 * ```ts
 * const ring = new KeyRing({ keys: keyFiles(['current.pem', 'next.pem']) });
 * ```
 */
export function keyFiles(
  paths: readonly (string | URL)[],
  options: KeyFileOptions = {},
): () => Promise<SigningKeyInput[]> {
  return () => Promise.all(paths.map(async (path) => ({ ...options, key: await readFile(path) })));
}
