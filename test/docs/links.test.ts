import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  GUIDES,
  inlineCodeOf,
  isBroken,
  isOfTheWeb,
  linksOf,
  ROOT,
  textOf,
} from '../support/docs.js';

test('every link in the documents leads to an existing file and heading', async () => {
  const broken: string[] = [];
  let checked = 0;
  for (const document of GUIDES) {
    for (const target of linksOf(await textOf(document)).filter((link) => !isOfTheWeb(link))) {
      checked += 1;
      if (await isBroken(document, target)) broken.push(`${document}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
  assert.ok(checked > 60);
});

/** The files of the repository that documents may name. */
const FILES = (
  await Promise.all(
    ['bench', 'demo', 'docs', 'etc', 'lib', 'samples', 'scripts', 'test'].map(async (folder) => {
      const paths = await readdir(join(ROOT, folder), { recursive: true });
      return [folder, ...paths.map((path) => join(folder, path))];
    }),
  )
).flat();

const FOLDERS = new RegExp(`^(${FILES.filter((path) => !path.includes('/')).join('|')})/`);

/** Whether there is such a file or folder; a star stands for anything but a slash. */
function isThere(path: string): boolean {
  const wanted = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
  return FILES.some((file) => wanted.test(file));
}

test('every repository path that the documents name exists', async () => {
  const missing: string[] = [];
  for (const document of GUIDES) {
    const code = inlineCodeOf(await textOf(document));
    const paths = code.filter((text) => FOLDERS.test(text));
    const neighbours = code
      .filter((text) => /^(samples|demo)\//.test(document) && /^[\w-]+\.ts$/.test(text))
      .map((text) => join(dirname(document), text));
    const absent = [...paths, ...neighbours]
      .filter((path) => !path.startsWith('docs/reference'))
      .filter((path) => !isThere(path));
    missing.push(...absent.map((path) => `${document}: ${path}`));
  }
  assert.deepEqual(missing, []);
});

test('every guide is linked from the README', async () => {
  const linked = linksOf(await textOf('README.md'));
  const guides = GUIDES.filter((document) => dirname(document) !== '.');
  assert.deepEqual(
    guides.filter((document) => !linked.includes(document)),
    [],
  );
});

test('each attack of the threat model names the tests that show its defence', async () => {
  const [text = ''] = (await textOf('docs/threat-model.md')).split('\n## Bounds');
  const lines = [...text.matchAll(/^\| (.*?) +\| (.*?) +\| (.*?) +\|$/gm)];
  const rows = lines.filter(([, attack = '']) => attack !== 'attack' && !attack.startsWith('---'));
  assert.ok(rows.length > 20);
  for (const [row, , , tests = ''] of rows) {
    const paths = inlineCodeOf(tests);
    assert.ok(paths.length > 0 && paths.every((path) => path.startsWith('test/')), row);
  }
});
