import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './run.js';

const SETTINGS = ['package.json', 'tsconfig.json', 'tsconfig.build.json'];

/** Whether a file was made after the last change of the sources and of the scripts that make it. */
export function isFresh(made: string): boolean {
  if (!existsSync(made)) return false;
  const { mtimeMs } = statSync(made);
  const folders = ['lib', 'scripts'].flatMap((folder) => [
    folder,
    ...readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) =>
      join(folder, path),
    ),
  ]);
  return [...SETTINGS, ...folders].every((path) => statSync(join(ROOT, path)).mtimeMs < mtimeMs);
}
