import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { isOfTheWeb, linksOf, textOf } from '../support/docs.js';
import { pack } from '../support/packed.js';

const ROOT = new URL('../../', import.meta.url);

const entryPoints = Object.values(packageJson.exports).filter(
  (conditions) => typeof conditions !== 'string',
);

test('the package holds the built code, its types, and what people read: nothing else', async (t) => {
  const { files } = await pack(t);
  const isKnown = /^(dist\/[\w/-]+(\.js|\.d\.ts)|docs\/[\w/-]+\.md)$/;
  const others = files.filter((file) => !isKnown.test(file));
  assert.deepEqual(others.sort(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'package.json',
  ]);
});

/** What the documents link to and only a checkout has. */
const OF_A_CHECKOUT = /^(samples|demo|docs\/images|bench)\//;

test('the documents of the package are complete: their links lead to files in the package', async (t) => {
  const { files } = await pack(t);
  const documents = files.filter((file) => file.endsWith('.md'));
  assert.ok(documents.length > 20);
  const missing: string[] = [];
  for (const document of documents) {
    const links = linksOf(await textOf(document)).filter((target) => !isOfTheWeb(target));
    for (const target of links) {
      const [path = ''] = target.split('#');
      const file = path === '' ? document : join(dirname(document), path);
      if (!files.includes(file) && !OF_A_CHECKOUT.test(file))
        missing.push(`${document}: ${target}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('every file of exports and bin is in the package', async (t) => {
  const { files } = await pack(t);
  const named = [
    ...entryPoints.flatMap((conditions) => Object.values(conditions)),
    ...Object.values(packageJson.bin),
  ];
  for (const file of named) assert.ok(files.includes(file.replace('./', '')), file);
});

test('the package has no declarations of the command line', async (t) => {
  const { files } = await pack(t);
  assert.ok(files.includes('dist/cli/main.js'));
  assert.ok(!files.some((file) => file.startsWith('dist/cli/') && file.endsWith('.d.ts')));
});

test('types come first among the conditions of exports', () => {
  for (const conditions of entryPoints) assert.equal(Object.keys(conditions)[0], 'types');
});

test('declarations contain nothing internal', async (t) => {
  const { files } = await pack(t);
  const declarations = files.filter((file) => file.endsWith('.d.ts'));
  assert.ok(declarations.length > 20);
  for (const file of declarations) {
    const text = await readFile(new URL(file, ROOT), 'utf8');
    assert.doesNotMatch(text, /@internal/, file);
    assert.doesNotMatch(text, /^ +(?:readonly )?_\w+[(:?]/m, file);
  }
});

test('the package does nothing when it is imported: sideEffects is false, no install scripts', () => {
  assert.equal(packageJson.sideEffects, false);
  for (const script of ['preinstall', 'install', 'postinstall']) {
    assert.ok(!(script in packageJson.scripts), script);
  }
});

test('every peer is optional: neither half needs those of the other', () => {
  assert.deepEqual(
    packageJson.peerDependenciesMeta,
    Object.fromEntries(
      Object.keys(packageJson.peerDependencies).map((name) => [name, { optional: true }]),
    ),
  );
});

test('the package stays within its size budget', async (t) => {
  const { size, unpackedSize, files } = await pack(t);
  assert.ok(size < 325_000, `${size} bytes to download`);
  assert.ok(unpackedSize < 1_200_000, `${unpackedSize} bytes on disk`);
  assert.ok(files.length < 200, `${files.length} files`);
});
