/**
 * Runs the tests: `npm test` the fast ones, `npm run test:rest` all others. Two processes run at a time,
 * and each shows a line when it ends. Arguments name files or folders instead.
 *
 * Starting a process and loading the library takes longer than most files need to run, so the fast files
 * of a folder share one. A slow file, and one that changes the clock or the environment of its process,
 * has a process to itself.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usage } from './usage.js';

usage('npm test [-- FILE_OR_FOLDER...]   runs the fast tests, or the named ones');

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROCESSES = Math.max(2, Math.min(4, availableParallelism()));
/** For how long one process may run, in milliseconds. */
const TIMEOUT = 300_000;
/** Within this time a process must have said something, in milliseconds. */
const STARTS_WITHIN = 45_000;
/** At most so many files share a process. */
const SHARED = 12;
/** What a file does that would change another one in the same process. */
const CHANGES_ITS_PROCESS = /fake-clock|mock\.timers|process\.env\b|process\.chdir/;

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

function chosen(args: readonly string[]): { files: string[]; left: string } {
  const all = testsIn('test');
  const [slow, fast] = [all.filter(isSlow), all.filter((file) => !isSlow(file))];
  if (args.length === 0) {
    const left = `Left out: ${slow.length} slow files (${SLOW_FOLDERS.join(', ')}, Redis faults, scale). Run them with: npm run test:rest`;
    return { files: fast, left };
  }
  if (args[0] === '--rest') {
    const left = `Left out: ${fast.length} fast files. Run them with: npm test`;
    return { files: slow, left };
  }
  const files = args
    .map((argument) => argument.replaceAll('\\', '/').replace(/\/$/, ''))
    .flatMap((path) => (statSync(join(ROOT, path)).isDirectory() ? testsIn(path) : [path]));
  return { files, left: '' };
}

/** The files that each process runs. */
function processesFor(files: readonly string[]): string[][] {
  const processes: string[][] = [];
  const open = new Map<string, string[]>();
  for (const file of files) {
    const room = file.split('/').slice(0, 2).join('/');
    const shared = open.get(room);
    if (isSlow(file) || CHANGES_ITS_PROCESS.test(readFileSync(join(ROOT, file), 'utf8'))) {
      processes.push([file]);
    } else if (shared !== undefined && shared.length < SHARED) {
      shared.push(file);
    } else {
      const first = [file];
      open.set(room, first);
      processes.push(first);
    }
  }
  // The longest first, so that no processor waits for a last long one.
  return processes.sort((one, other) => other.length - one.length);
}

interface Result {
  readonly files: readonly string[];
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

/** Runs files in its process: its first test holds the end back until all tests are known. */
const TOGETHER = 'scripts/test-together.ts';

async function run(files: readonly string[], isRetry = false): Promise<Result> {
  const args = ['--import', 'tsx', '--test-force-exit', '--test-reporter=spec', TOGETHER, ...files];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const timer = setTimeout(() => {
    output += `\nIt still ran after ${TIMEOUT / 1000} s and was ended.\n`;
    child.kill('SIGKILL');
  }, TIMEOUT);
  let hangs = false;
  const start = setTimeout(() => {
    hangs = output === '' && !isRetry && files.length > 1;
    if (hangs) child.kill('SIGKILL');
  }, STARTS_WITHIN);
  await once(child, 'close');
  clearTimeout(timer);
  clearTimeout(start);
  running.delete(child);
  if (hangs) {
    // Seldom, Node 20 hangs while it loads many files through the hooks of tsx: no test has begun.
    console.log(`${nameOf(files)} did not start and is run again.`);
    return run(files, true);
  }
  const count = (what: string) => Number(output.match(new RegExp(`^ℹ ${what} (\\d+)$`, 'm'))?.[1]);
  const tests = count('tests') - 1;
  const passed = child.exitCode === 0 && tests > 0;
  return { files, output, passed, tests: tests || 0, skipped: count('skipped') || 0 };
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

const { files, left } = chosen(process.argv.slice(2));
const started = performance.now();
const results: Result[] = [];
const processes = processesFor(files);
const waiting = processes.values();

/** One file by its name, several by their folder and number. */
function nameOf(files: readonly string[]): string {
  const [first = ''] = files;
  if (files.length === 1) return first;
  return `${first.split('/').slice(0, 2).join('/')}, ${files.length} files`;
}

async function work(): Promise<void> {
  for (const together of waiting) {
    const start = performance.now();
    const result = await run(together);
    results.push(result);
    const ended = results.reduce((sum, each) => sum + each.files.length, 0);
    const place = `${String(ended).padStart(String(files.length).length)}/${files.length}`;
    const skipped = result.skipped === 0 ? '' : `, ${result.skipped} skipped`;
    const what = `${result.tests} tests${skipped}, ${seconds(start)}`;
    console.log(`${place} ${result.passed ? '✔' : '✖'} ${nameOf(together)} (${what})`);
    if (!result.passed) console.log(result.output);
  }
}

console.log(`${files.length} test files in ${processes.length} processes, ${PROCESSES} at a time.`);
await Promise.all(Array.from({ length: PROCESSES }, work));

const failed = results.filter(({ passed }) => !passed);
const total = (of: (result: Result) => number) => results.reduce((sum, each) => sum + of(each), 0);
const tests = total((result) => result.tests);
for (const result of failed) console.log(`✖ ${nameOf(result.files)}`);
console.log(
  `${tests} tests in ${files.length} files, ${total((result) => result.skipped)} skipped, ` +
    `${failed.length} processes failed, ${seconds(started)}.`,
);
if (tests === 0) console.log('No test ran.');
if (left !== '') console.log(left);
process.exitCode = failed.length > 0 || tests === 0 ? 1 : 0;
