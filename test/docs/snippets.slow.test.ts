import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { presets } from '../../lib/client/index.js';
import { codeOf, GUIDES, REFERENCE_PAGES, ROOT, textOf } from '../support/docs.js';

/** What the type checker says of modules, of which each is one block of a document. */
async function typeErrors(
  t: TestContext,
  modules: ReadonlyMap<string, string>,
  declarations: readonly string[],
): Promise<string> {
  const folder = await mkdtemp(join(ROOT, 'test', '.docs-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [path, code] of modules) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), `${code}\nexport {};\n`);
  }
  const configuration = {
    extends: '../../tsconfig.json',
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    include: ['./**/*.ts', ...declarations.map((file) => `../../docs/${file}`)],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(configuration));
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [compiler, '-p', folder]).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}

test('every example of the README, the guides and the samples passes the type checker', async (t) => {
  const modules = new Map<string, string>();
  for (const guide of GUIDES) {
    const blocks = await codeOf(guide, 'ts');
    for (const [index, code] of blocks.entries()) modules.set(`${guide}/${index}.ts`, code);
  }
  assert.ok(modules.size > 40);
  assert.equal(await typeErrors(t, modules, ['examples.d.ts']), '');
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

/** What the table of providers says of a preset. */
function rowOf(preset: (typeof presets)['okta']): { aud: string; typ: string; lifetime: string } {
  const { audience, typ = 'client-authentication+jwt', lifetime = 60, notBefore } = preset;
  return {
    aud: audience === undefined ? 'issuer' : 'token endpoint',
    typ: typ === false ? 'none' : `\`${typ}\``,
    lifetime: `${lifetime} s${notBefore === false ? ', no `nbf`' : ''}`,
  };
}

test('the table of providers says what the presets are', async () => {
  const text = await textOf('docs/providers.md');
  const rows = [...text.matchAll(/^\| `(\w+)` +\| (.*?) +\| (.*?) +\| (.*?) +\|/gm)].map(
    ([, name, aud, typ, lifetime]) => [name, { aud, typ, lifetime }],
  );
  assert.deepEqual(
    Object.fromEntries(rows),
    Object.fromEntries(Object.entries(presets).map(([name, preset]) => [name, rowOf(preset)])),
  );
});
