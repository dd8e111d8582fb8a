import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. Documents are named by their path from here. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const REFERENCE = 'docs/reference/';

async function markdownIn(folder: string, recursive: boolean): Promise<string[]> {
  const paths = await readdir(join(ROOT, folder), { recursive });
  return paths.filter((path) => path.endsWith('.md')).map((path) => join(folder, path));
}

const documents = [
  ...(await markdownIn('.', false)),
  ...(await markdownIn('docs', true)),
  ...(await markdownIn('samples', true)),
  ...(await markdownIn('demo', true)),
];

/** The pages that are written by `npm run docs`. */
export const REFERENCE_PAGES = documents.filter((path) => path.startsWith(REFERENCE));

/** All other documents. */
export const GUIDES = documents.filter((path) => !path.startsWith(REFERENCE));

export const textOf = (document: string): Promise<string> => readFile(join(ROOT, document), 'utf8');

export const withoutCodeBlocks = (text: string): string => text.replace(/^```(?:.*\n)*?```$/gm, '');

/** The code within the lines of a text. */
export const inlineCodeOf = (text: string): string[] =>
  [...withoutCodeBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);

/** The targets of the links in a document. */
export const linksOf = (text: string): string[] =>
  [
    ...withoutCodeBlocks(text)
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map(([, target = '']) => target);

export const isOfTheWeb = (target: string): boolean => /^(https?|mailto):/.test(target);

export interface CodeBlock {
  /** Empty where the block names none. */
  readonly language: string;
  readonly code: string;
}

/** The blocks of code in a document, in its order. */
export async function codeBlocksOf(document: string): Promise<CodeBlock[]> {
  const text = await textOf(document);
  return [...text.matchAll(/^```(.*)\n((?:.*\n)*?)```$/gm)].map(([, language = '', code = '']) => ({
    language,
    code,
  }));
}

/** The code of one language in a document, in its order. */
export async function codeOf(document: string, language: string): Promise<string[]> {
  const blocks = await codeBlocksOf(document);
  return blocks.filter((block) => block.language === language).map(({ code }) => code);
}

/**
 * Imports one TypeScript block of a document as a module; it may import the package by its name.
 *
 * @param more code behind the block: the exports of one that has none
 */
export async function importBlock<Module>(
  document: string,
  index: number,
  folder: string,
  more = '',
): Promise<Module> {
  const code = (await codeOf(document, 'ts'))[index];
  if (code === undefined) throw new Error(`${document} has no block ${index}`);
  const file = join(folder, `${document.replaceAll('/', '-')}-${index}.ts`);
  await writeFile(file, code + more);
  return import(file);
}
