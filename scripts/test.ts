/**
 * Runs the tests: `npm test` the fast ones, `npm run test:rest` all others. Each file runs in a process
 * of its own, two at a time, and shows a line when it ends. Arguments name files or folders instead.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usage } from './usage.js';

usage('npm test [-- FILE_OR_FOLDER...]   runs the fast tests, or the named ones');

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROCESSES = Math.max(2, Math.min(4, availableParallelism()));
/** For how long one file may run, in milliseconds. */
const TIMEOUT = { fast: 120_000, rest: 300_000 };

/** Folders whose tests start a browser, npm, samples, the command line or other providers. */
const SLOW_FOLDERS = ['browser', 'cli', 'demo', 'frameworks', 'interop', 'package', 'samples'];

const isSlow = (file: string): boolean =>
  file.endsWith('.slow.test.ts') || SLOW_FOLDERS.some((name) => file.startsWith(`test/${name}/`));

/** Test files of a folder, by their paths from the root, with slashes on every system. */
function testsIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts') && !path.includes('/node_modules/'))
    .sort();
}

function chosen(args: readonly string[]): { files: string[]; left: string; timeout: number } {
  const all = testsIn('test');
  const [slow, fast] = [all.filter(isSlow), all.filter((file) => !isSlow(file))];
  if (args.length === 0) {
    const left = `Left out: ${slow.length} slow files (${SLOW_FOLDERS.join(', ')}, Redis faults, scale). Run them with: npm run test:rest`;
    return { files: fast, left, timeout: TIMEOUT.fast };
  }
  if (args[0] === '--rest') {
    const left = `Left out: ${fast.length} fast files. Run them with: npm test`;
    return { files: slow, left, timeout: TIMEOUT.rest };
  }
  const files = args
    .map((argument) => argument.replaceAll('\\', '/').replace(/\/$/, ''))
    .flatMap((path) => (statSync(join(ROOT, path)).isDirectory() ? testsIn(path) : [path]));
  return { files, left: '', timeout: TIMEOUT.rest };
}

interface Result {
  readonly file: string;
  readonly output: string;
  readonly tests: number;
  readonly skipped: number;
  readonly passed: boolean;
}

const running = new Set<ReturnType<typeof spawn>>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(130);
  });
}

async function runFile(file: string, timeout: number): Promise<Result> {
  const args = ['--import', 'tsx', '--test-force-exit', '--test-reporter=spec', file];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const timer = setTimeout(() => {
    output += `\nIt still ran after ${timeout / 1000} s and was ended.\n`;
    child.kill('SIGKILL');
  }, timeout);
  await once(child, 'close');
  clearTimeout(timer);
  running.delete(child);
  const count = (what: string) => Number(output.match(new RegExp(`^ℹ ${what} (\\d+)$`, 'm'))?.[1]);
  const tests = count('tests');
  const passed = child.exitCode === 0 && tests > 0;
  return { file, output, passed, tests: tests || 0, skipped: count('skipped') || 0 };
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

const { files, left, timeout } = chosen(process.argv.slice(2));
const started = performance.now();
const results: Result[] = [];
const waiting = files.values();

async function work(): Promise<void> {
  for (const file of waiting) {
    const start = performance.now();
    const result = await runFile(file, timeout);
    results.push(result);
    const place = `${String(results.length).padStart(String(files.length).length)}/${files.length}`;
    const skipped = result.skipped === 0 ? '' : `, ${result.skipped} skipped`;
    const what = `${result.tests} tests${skipped}, ${seconds(start)}`;
    console.log(`${place} ${result.passed ? '✔' : '✖'} ${file} (${what})`);
    if (!result.passed) console.log(result.output);
  }
}

console.log(`${files.length} test files, ${PROCESSES} at a time.`);
await Promise.all(Array.from({ length: PROCESSES }, work));

const failed = results.filter(({ passed }) => !passed);
const total = (of: (result: Result) => number) => results.reduce((sum, each) => sum + of(each), 0);
const tests = total((result) => result.tests);
for (const { file } of failed) console.log(`✖ ${file}`);
console.log(
  `${tests} tests in ${files.length} files, ${total((result) => result.skipped)} skipped, ` +
    `${failed.length} files failed, ${seconds(started)}.`,
);
if (tests === 0) console.log('No test ran.');
if (left !== '') console.log(left);
process.exitCode = failed.length > 0 || tests === 0 ? 1 : 0;
