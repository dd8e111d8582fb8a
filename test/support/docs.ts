import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The TypeScript in a document, in its order. */
export async function typeScriptOf(document: string): Promise<string[]> {
  const text = await readFile(new URL(`../../docs/${document}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
}

/**
 * Imports one block of a document as a module; it may import the package by its name.
 *
 * @param more code behind the block: the exports of one that has none
 */
export async function importBlock<Module>(
  document: string,
  index: number,
  folder: string,
  more = '',
): Promise<Module> {
  const code = (await typeScriptOf(document))[index];
  if (code === undefined) throw new Error(`${document} has no block ${index}`);
  const file = `${folder}/${basename(document)}-${index}.ts`;
  await writeFile(file, code + more);
  return import(file);
}
