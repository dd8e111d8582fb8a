import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { type Finished, runProcess } from '../support/cli.js';
import { ROOT } from '../support/docs.js';

/** A project of a user with other packages, in a folder of `test/frameworks`. */
export interface FrameworkProject {
  readonly folder: string;
  /** Runs a program of an installed package; it must succeed. */
  run(script: string, ...args: string[]): Promise<Finished>;
}

const text = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

/** Installs the project's packages if its package.json has changed, and this package as it was built. */
export async function frameworkProject(name: string): Promise<FrameworkProject> {
  const folder = join(ROOT, 'test', 'frameworks', name);
  const modules = join(folder, 'node_modules');
  const wanted = await text(join(folder, 'package.json'));
  const installed = join(modules, '.installed.json');
  if ((await text(installed)) !== wanted) {
    await rm(modules, { recursive: true, force: true });
    const options = ['--no-package-lock', '--no-audit', '--no-fund', '--prefer-offline'];
    const { exitCode, stderr } = await runProcess('npm', ['install', ...options], { cwd: folder });
    assert.equal(exitCode, 0, stderr);
    await writeFile(installed, wanted);
  }
  const own = join(modules, packageJson.name);
  await rm(own, { recursive: true, force: true });
  await mkdir(own);
  for (const part of ['dist', 'package.json']) {
    await cp(join(ROOT, part), join(own, part), { recursive: true });
  }
  return {
    folder,
    async run(script, ...args) {
      const finished = await runProcess(process.execPath, [join(modules, script), ...args], {
        cwd: folder,
      });
      assert.equal(finished.exitCode, 0, finished.stdout + finished.stderr);
      return finished;
    },
  };
}
