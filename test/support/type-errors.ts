import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { ROOT } from './docs.js';

/** What the type checker says of modules, of which each is one block of a document. */
export async function typeErrors(
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
