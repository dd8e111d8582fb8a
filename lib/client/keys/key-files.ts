import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type OptionTable, readOptions } from '../../shared/options.js';
import type { KeyDemands } from './key-demands.js';
import { KEY_OPTIONS, SigningKey, type SigningKeyOptions } from './signing-key.js';

/** Options for reading keys from files. */
export type KeyFileOptions = Omit<SigningKeyOptions, 'key' | 'kid' | 'certificate'>;

const OPTIONS = {
  passphrase: KEY_OPTIONS.passphrase,
  alg: KEY_OPTIONS.alg,
  x5c: KEY_OPTIONS.x5c,
} satisfies OptionTable<KeyFileOptions>;

async function contentOf(path: string, mayBeAbsent: boolean): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (mayBeAbsent && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** `path` is also a member of the error, as in the errors of `readFile`. */
function keyOf(path: string, options: SigningKeyOptions, demands: KeyDemands): SigningKey {
  try {
    return SigningKey.from(options, demands);
  } catch (error) {
    const message = `${(error as Error).message} It is in ${path}.`;
    throw Object.assign(new TypeError(message), { path });
  }
}

/**
 * Reads the keys of a `KeyRing` from PEM or JWK files on every load. The first file must exist; the
 * others are optional. To rotate: write the new key to `next.pem`, which publishes it. Wait for the
 * ring's `publishBefore` plus `reloadEvery`. Then move it to `current.pem`, and it signs.
 * @param paths the file of the signing key, then the files of the other keys
 * @returns a function. It rejects with an error that names the file if a file is unusable
 * @throws {TypeError} for an unknown option
 * @example
 * ```ts
 * const ring = new KeyRing({ keys: keyFiles(['current.pem', 'next.pem']) });
 * ```
 */
export function keyFiles(
  paths: readonly (string | URL)[],
  options: KeyFileOptions = {},
): (demands?: KeyDemands) => Promise<SigningKey[]> {
  const settings = readOptions('keyFiles', options, OPTIONS);
  if (!Array.isArray(paths) || paths.length === 0) {
    throw new TypeError('keyFiles needs an array of files, with the file of the signing key first');
  }
  const files = paths.map((path) => (path instanceof URL ? fileURLToPath(path) : path));
  return async (demands = {}) => {
    const contents = await Promise.all(files.map((path, index) => contentOf(path, index > 0)));
    return files.flatMap((path, index) => {
      const key = contents[index];
      return key === undefined ? [] : [keyOf(path, { ...settings, key }, demands)];
    });
  };
}
