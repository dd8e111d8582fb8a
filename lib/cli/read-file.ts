import { readFile } from 'node:fs/promises';
import { UsageError } from './exit.js';

/**
 * Reads a file that the user named.
 *
 * @param what what the file is, for the error
 * @throws {UsageError} where it cannot be read
 */
export async function readTextFile(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${what} ${path} cannot be read (${code}).`);
  }
}
