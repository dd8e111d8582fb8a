import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type Preset, presets } from '../lib/client/index.js';
import { ROOT, typeScriptOf } from './support/docs.js';

const guides = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'));
const DOCUMENTS = ['../README.md', ...guides];

test('every example of the README and the guides passes the type checker', async (t) => {
  const folder = await mkdtemp(join(ROOT, 'test', '.docs-'));
  t.after(() => rm(folder, { recursive: true }));
  let examples = 0;
  for (const document of DOCUMENTS) {
    const blocks = await typeScriptOf(document);
    examples += blocks.length;
    const guide = join(folder, basename(document));
    await mkdir(guide);
    for (const [index, code] of blocks.entries()) {
      await writeFile(join(guide, `${index}.ts`), `${code}\nexport {};\n`);
    }
  }
  const configuration = join(folder, 'tsconfig.json');
  await writeFile(
    configuration,
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ['./*/*.ts', '../../docs/examples.d.ts'],
    }),
  );
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [
    compiler,
    '-p',
    configuration,
  ]).catch((error: { stdout: string }) => error);
  assert.equal(stdout, '');
  assert.ok(examples > 30);
});

/** What the table of providers says of a preset. */
function rowOf(preset: Preset): { aud: string; typ: string; lifetime: string } {
  const { audience, typ = 'client-authentication+jwt', lifetime = 60, notBefore } = preset;
  return {
    aud: audience === undefined ? 'issuer' : 'token endpoint',
    typ: typ === false ? 'none' : `\`${typ}\``,
    lifetime: `${lifetime} s${notBefore === false ? ', no `nbf`' : ''}`,
  };
}

test('the table of providers says what the presets are', async () => {
  const text = await readFile(join(ROOT, 'docs', 'providers.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` +\| (.*?) +\| (.*?) +\| (.*?) +\|/gm)].map(
    ([, name, aud, typ, lifetime]) => [name, { aud, typ, lifetime }],
  );
  assert.deepEqual(
    Object.fromEntries(rows),
    Object.fromEntries(Object.entries(presets).map(([name, preset]) => [name, rowOf(preset)])),
  );
});
