import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The TypeScript in a document, in its order. */
export async function typeScriptOf(document: string): Promise<string[]> {
  const text = await readFile(new URL(`../../docs/${document}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
}

/** Imports one block of a document as a module; it may import the package by its name. */
export async function importBlock<Module>(
  document: string,
  index: number,
  folder: string,
): Promise<Module> {
  const code = (await typeScriptOf(document))[index];
  if (code === undefined) throw new Error(`${document} has no block ${index}`);
  const file = `${folder}/${document}-${index}.ts`;
  await writeFile(file, code);
  return import(file);
}
