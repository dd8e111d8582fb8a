import { readFile } from 'node:fs/promises';
import { assertKnownOptions, type OptionNames } from '../option-checks.js';
import type { SigningKeyOptions } from './local-key.js';
import type { SigningKeyInput } from './signing-key.js';

/** How the keys of files are read. */
export type KeyFileOptions = Omit<SigningKeyOptions, 'key' | 'kid' | 'certificate' | 'x5c'>;

const OPTIONS: OptionNames<KeyFileOptions> = { passphrase: true, alg: true };

/**
 * Reads the keys of a `KeyRing` from files, PEM or JWK, each time that it asks.
 *
 * @param paths the file of the key that signs, then those of the others
 * @throws {TypeError} for an option that there is not
 * @example
 * ```ts
 * const ring = new KeyRing({ keys: keyFiles(['current.pem', 'next.pem']) });
 * ```
 */
export function keyFiles(
  paths: readonly (string | URL)[],
  options: KeyFileOptions = {},
): () => Promise<SigningKeyInput[]> {
  assertKnownOptions('keyFiles', options, OPTIONS);
  return () => Promise.all(paths.map(async (path) => ({ ...options, key: await readFile(path) })));
}
