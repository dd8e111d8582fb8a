import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Answer, atMost, type Effort } from './harness/question.js';
import { alternate } from './harness/rounds.js';

const run = promisify(execFile);
const ROOT = new URL('../../', import.meta.url);

const JOSE = 'jose alone';

/** What is imported, and the file of the package where its size is asked for. */
const MODULES: Readonly<Record<string, readonly [string, string | undefined]>> = {
  [JOSE]: ['jose', undefined],
  'passport-private-key-jwt': ['passport-private-key-jwt', 'dist/index.js'],
  'openid-client alone': ['openid-client', undefined],
  'passport-private-key-jwt/client': ['passport-private-key-jwt/client', 'dist/client/index.js'],
  'passport-private-key-jwt/redis': ['passport-private-key-jwt/redis', 'dist/replay/redis.js'],
  'passport-private-key-jwt/mcp': ['passport-private-key-jwt/mcp', 'dist/mcp/index.js'],
};

/** How long a new process that has imported Express takes to import a module, in milliseconds. */
async function importTime(specifier: string): Promise<number> {
  const program = `await import('express'); const t = performance.now(); await import('${specifier}'); console.log(performance.now() - t)`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(ROOT),
    env: { PATH: process.env['PATH'] },
  });
  return Number(stdout);
}

/** The files of the package that a file imports, itself among them. */
async function closure(file: URL, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file.href)) return seen;
  seen.add(file.href);
  const source = await readFile(file, 'utf8');
  for (const [, specifier = ''] of source.matchAll(/(?:from|import)\s*\(?["'](\.[^"']+)["']/g)) {
    await closure(new URL(specifier, file), seen);
  }
  return seen;
}

async function kilobytes(file: string | undefined): Promise<string> {
  if (file === undefined) return '';
  let bytes = 0;
  for (const href of await closure(new URL(file, ROOT))) bytes += (await stat(new URL(href))).size;
  return (bytes / 1000).toFixed(0);
}

/** What importing each entry point costs. */
export async function question({ rounds }: Effort): Promise<Answer> {
  const names = Object.keys(MODULES);
  const times = await alternate(2 * rounds + 1, names, async (name) => ({
    time: await importTime(MODULES[name]?.[0] ?? ''),
  }));
  const time = (name: string) => times[name]?.time ?? Number.NaN;
  const rows = await Promise.all(
    names.map(async (name) => [name, time(name).toFixed(1), await kilobytes(MODULES[name]?.[1])]),
  );
  return {
    title: 'Importing',
    text: [
      'In a new process each, which has imported Express, dependencies and peers included. The size is that of the files of the package alone, comments included.',
    ],
    targets: [
      atMost(
        'the server half, longer than jose alone',
        time('passport-private-key-jwt') - time(JOSE),
        15,
        ' ms',
      ),
    ],
    tables: [{ caption: 'Figures', head: ['', 'ms', 'kB'], rows }],
  };
}
