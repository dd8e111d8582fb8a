import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type OptionTable, readOptions } from '../../shared/options.js';
import type { KeyDemands } from './key-demands.js';
import { KEY_OPTIONS, SigningKey, type SigningKeyOptions } from './signing-key.js';

/** How the keys of files are read. */
export type KeyFileOptions = Omit<SigningKeyOptions, 'key' | 'kid' | 'certificate'>;

const OPTIONS = {
  passphrase: KEY_OPTIONS.passphrase,
  alg: KEY_OPTIONS.alg,
  x5c: KEY_OPTIONS.x5c,
} satisfies OptionTable<KeyFileOptions>;

/** The content of a file; undefined where it may be absent and is. */
async function contentOf(path: string, mayBeAbsent: boolean): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (mayBeAbsent && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @throws {TypeError} which names the file, as the errors of `readFile` do in `path` too */
function keyOf(path: string, options: SigningKeyOptions, demands: KeyDemands): SigningKey {
  try {
    return SigningKey.from(options, demands);
  } catch (error) {
    const message = `${(error as Error).message} It is in ${path}.`;
    throw Object.assign(new TypeError(message), { path });
  }
}

/**
 * Reads the keys of a `KeyRing` from files, PEM or JWK, each time that it asks. The first file must
 * be there. Those after it may be absent, so that a rotation is: write the new key to `next.pem`,
 * which publishes it; when that has been for `publishBefore` and `reloadEvery` of the ring, move it to
 * `current.pem`, which lets it sign. Then there is no `next.pem` until the next rotation.
 *
 * @param paths the file of the key that signs, then those of the others
 * @returns a function that rejects with an error which names the file that cannot be used
 * @throws {TypeError} for an option that there is not
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
    throw new TypeError('keyFiles needs an array of files, the one of the key that signs first');
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
