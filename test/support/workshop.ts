import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { type Finished, runProcess } from './cli.js';
import { CLI } from './cli-bundle.js';
import { ROOT } from './docs.js';

/** A folder in the repository, where examples find the package, with an `npx` of its own. */
export async function workshop(t: TestContext) {
  const folder = await mkdtemp(join(ROOT, 'test', '.docs-'));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'bin'));
  const npx = join(folder, 'bin', 'npx');
  const run = `exec "${process.execPath}" "${CLI}" "$@"`;
  await writeFile(npx, `#!/bin/sh\n[ "$1" = ${packageJson.name} ] && shift && ${run}\nexit 127\n`);
  await chmod(npx, 0o755);
  const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` };
  return {
    folder,
    read: (name: string) => readFile(join(folder, name), 'utf8'),
    write: (name: string, text: string) => writeFile(join(folder, name), text),
    /** Runs a command as a shell does; it must succeed. */
    async shell(command: string): Promise<Finished> {
      const finished = await runProcess('sh', ['-c', command], { cwd: folder, env });
      assert.equal(finished.exitCode, 0, `${command}\n${finished.stdout}${finished.stderr}`);
      return finished;
    },
  };
}

export type Workshop = Awaited<ReturnType<typeof workshop>>;
