import { randomUUID } from 'node:crypto';
import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { CommandError } from './exit.js';

/** A file to write, and what goes into it. */
export interface NewFile {
  readonly path: string;
  readonly content: string;
}

const OWNER_ONLY = 0o600;

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** A new file takes the old one's place, so that neither its mode nor a link of it lives on. */
async function replace({ path, content }: NewFile): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, content, { mode: OWNER_ONLY, flag: 'wx' });
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

const create = ({ path, content }: NewFile): Promise<void> =>
  writeFile(path, content, { mode: OWNER_ONLY, flag: 'wx' });

/**
 * Writes files that their owner alone may read and write.
 *
 * @param force whether files that are there are replaced
 * @throws {CommandError} where a file is there, before any is written, or cannot be written
 */
export async function writePrivateFiles(files: readonly NewFile[], force: boolean): Promise<void> {
  for (const { path } of files) {
    if (force || !(await exists(path))) continue;
    throw new CommandError(
      `${path} is there already: choose another --out, or replace it by --force.`,
    );
  }
  for (const file of files) {
    try {
      await (force ? replace(file) : create(file));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new CommandError(`${file.path} cannot be written (${code}).`);
    }
  }
}
