import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GUIDES, inlineCodeOf, ROOT, textOf } from '../support/docs.js';

const PATH = /^(?:test|lib|demo|samples|bench)\/[\w./-]+$/;

const named = await Promise.all(
  GUIDES.map(async (document) => {
    const paths = inlineCodeOf(await textOf(document)).filter((code) => PATH.test(code));
    return { document, paths };
  }),
);

for (const { document, paths } of named.filter(({ paths }) => paths.length > 0)) {
  test(`${document} names only files and folders that exist`, () => {
    assert.deepEqual(
      paths.filter((path) => !existsSync(join(ROOT, path))),
      [],
    );
  });
}

test('the threat model names a test for each defence, and the file of each bound', async () => {
  const rows = (await textOf('docs/threat-model.md'))
    .split('\n')
    .filter((line) => /^\|/.test(line));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  const last = cells
    .map((row) => row.at(-2) ?? '')
    .filter((cell) => !/^(-+|tests|where|test)$/.test(cell));
  assert.ok(last.length > 30, `${last.length} rows`);
  assert.deepEqual(
    last.filter((cell) => !/`(?:test|lib)\//.test(cell)),
    [],
  );
});
