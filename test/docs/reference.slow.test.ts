import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf, isBroken, isOfTheWeb, linksOf, REFERENCE_PAGES, textOf } from '../support/docs.js';
import { typeErrors } from '../support/type-errors.js';

test('the reference exists: npm run docs makes it', () => {
  assert.ok(REFERENCE_PAGES.length >= 5, 'run npm run docs first');
});

test('every link in the reference leads to an existing file and heading', async () => {
  for (const page of REFERENCE_PAGES) {
    for (const target of linksOf(await textOf(page)).filter((link) => !isOfTheWeb(link))) {
      assert.ok(!(await isBroken(page, target)), `${page}: ${target}`);
    }
  }
});

/** Imports what an example mentions of the entry point that its page is about. */
async function importsFor(code: string, page: string): Promise<string> {
  const [, specifier = ''] = /^# (.*)$/m.exec(page) ?? [];
  const values = Object.keys(await import(specifier));
  const names = [...page.matchAll(/^### ([\w\\]+)/gm)]
    .map(([, heading = '']) => heading.replaceAll('\\', ''))
    .filter((name) => new RegExp(`\\b${name}\\b`).test(code))
    .map((name) => (values.includes(name) ? name : `type ${name}`));
  return `import { ${names.join(', ')} } from '${specifier}';\n`;
}

test('every example of the reference, and so of the docstrings, passes the type checker', async (t) => {
  const modules = new Map<string, string>();
  for (const document of REFERENCE_PAGES) {
    const page = await textOf(document);
    for (const [index, code] of (await codeOf(document, 'ts')).entries()) {
      modules.set(`${document}/${index}.ts`, (await importsFor(code, page)) + code);
    }
  }
  assert.ok(modules.size > 20);
  assert.equal(await typeErrors(t, modules, ['examples.d.ts', 'docstrings.d.ts']), '');
});
