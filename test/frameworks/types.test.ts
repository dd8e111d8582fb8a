import assert from 'node:assert/strict';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { runProcess } from '../support/cli.js';
import { type FrameworkProject, frameworkProject } from './project.js';

// The programs in test/frameworks/types/programs, as strict as the compiler can be.

let project: FrameworkProject;
before(async () => {
  project = await frameworkProject('types');
});

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  allowJs: true,
  checkJs: true,
  esModuleInterop: true,
  skipLibCheck: true,
  target: 'es2022',
  types: ['node'],
};

/** What the programs become: `require` takes this package only since TypeScript 5.8. */
const OUTPUTS: readonly [compiler: string, module: string, type: string][] = [
  ['typescript-5.2', 'nodenext', 'module'],
  ['typescript-6', 'nodenext', 'module'],
  ['typescript-6', 'node20', 'commonjs'],
  ['typescript-7', 'nodenext', 'module'],
  ['typescript-7', 'nodenext', 'commonjs'],
];

for (const [compiler, module, type] of OUTPUTS) {
  test(`${compiler} accepts the types, strict, module ${module}, type ${type}`, async () => {
    const folder = join(project.folder, 'src');
    await rm(folder, { recursive: true, force: true });
    await cp(join(project.folder, 'programs'), folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type }));
    const config = { compilerOptions: { ...STRICT, module }, include: ['.'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const script = join(project.folder, 'node_modules', compiler, 'bin', 'tsc');
    const { exitCode, stdout, stderr } = await runProcess(process.execPath, [script, '-p', folder]);
    assert.equal(exitCode, 0, stdout + stderr);
  });
}
