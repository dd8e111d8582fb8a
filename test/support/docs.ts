import { existsSync, statSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

/** The pages that `npm run docs` has written; they are not committed. */
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

/** The anchor that GitHub makes of a heading. */
const slugOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-');

export function anchorsOf(text: string): Set<string> {
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id));
  for (const [, heading = ''] of withoutCodeBlocks(text).matchAll(/^#+ +(.*)$/gm)) {
    const slug = slugOf(heading);
    let anchor = slug;
    for (let copy = 1; anchors.has(anchor); copy += 1) anchor = `${slug}-${copy}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Whether a link of a document leads to nothing, or to a heading that is missing there. */
export async function isBroken(document: string, target: string): Promise<boolean> {
  const [path = '', anchor] = target.split('#');
  const destination = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(ROOT, destination))) return true;
  if (anchor === undefined) return false;
  const isPage = statSync(join(ROOT, destination)).isFile();
  return !(isPage && anchorsOf(await textOf(destination)).has(anchor));
}

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

const NEEDED = /from '(simple-oauth2|passport-oauth2|passport-openidconnect)'/;

/** Whether an example is for packages that only `test/frameworks` installs, and so is tested there. */
export const isOfFrameworks = (document: string, code: string): boolean =>
  document === 'docs/nestjs.md' || NEEDED.test(code);

/** The code of one language in a document, in its order. */
export async function codeOf(document: string, language: string): Promise<string[]> {
  const blocks = await codeBlocksOf(document);
  return blocks.filter((block) => block.language === language).map(({ code }) => code);
}

/**
 * Imports one TypeScript block of a document as a module; it may import the package by its name.
 *
 * @param more code behind the block: the exports of one that has none
 * @param change what is different here, such as a port
 */
export async function importBlock<Module>(
  document: string,
  index: number,
  folder: string,
  more = '',
  change = (code: string): string => code,
): Promise<Module> {
  const code = (await codeOf(document, 'ts'))[index];
  if (code === undefined) throw new Error(`${document} has no block ${index}`);
  const file = join(folder, `${document.replaceAll('/', '-')}-${index}.ts`);
  await writeFile(file, change(code) + more);
  return import(file);
}
