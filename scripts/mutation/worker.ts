/**
 * Runs tests against one mutant after the other, in a process that stays warm: packages are loaded
 * once, each bundle is compiled once, and run anew for each mutant.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { constants, Script } from 'node:vm';
import { ROOT } from '../run.js';
import type { Bundle } from './bundles.js';
import { rememberKeys } from './keys.js';
import { TestFile } from './node-test.js';

export interface Job {
  /** Nothing is mutated without it. */
  readonly mutant?: string;
  /** After so many passes through the mutant it counts as an endless loop. */
  readonly hitLimit?: number;
  readonly parts: readonly Part[];
  /** Whether to go on after a test has failed. */
  readonly toTheEnd?: boolean;
}

export interface Part {
  readonly bundle: Bundle;
  /** Places of the tests to run, with their deadlines in milliseconds; all tests without it. */
  readonly tests?: readonly { readonly place: number; readonly within: number }[];
}

export interface Failure {
  readonly file: string;
  /** Nothing if the file could not be loaded. */
  readonly place?: number;
  readonly message: string;
  readonly timedOut: boolean;
}

export interface Answer {
  readonly failures: readonly Failure[];
  /** In the order in which they ran. Times are in milliseconds. */
  readonly ran: readonly { readonly place: number; readonly name: string; readonly time: number }[];
  readonly coverage: Coverage;
}

/** How often each mutant was passed: while the file was loaded, and by each test. */
export interface Coverage {
  readonly static: Readonly<Record<string, number>>;
  readonly perTest: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Sent before each step: end this process if it sends nothing else for this long. */
export interface Progress {
  readonly within: number;
}

/** For a step whose usual time is not known, in milliseconds. */
const UNKNOWN = 30_000;

/** What the switches in the mutated files read. */
interface Switches {
  activeMutant?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  currentTestId?: string | undefined;
  mutantCoverage?: Coverage;
}
const switches: Switches = {};
Object.assign(globalThis, { __stryker__: switches });

// Tests mock these.
const { setTimeout, clearTimeout, setImmediate, performance } = globalThis;
const environment = { ...process.env };
const folder = process.cwd();
const countKeysAnew = rememberKeys(process.argv[2] ?? '');

let onStrayError: (error: unknown) => void = () => {};
process.on('uncaughtException', (error) => onStrayError(error));
process.on('unhandledRejection', (error) => onStrayError(error));

class Late extends Error {}

/** Settles like the work. Rejects if it takes too long, or on an unhandled error or rejection. */
async function guarded(within: number, work: () => unknown): Promise<void> {
  process.send?.({ within } satisfies Progress);
  let timer: NodeJS.Timeout | undefined;
  const stray = new Promise<never>((_, reject) => {
    onStrayError = (error) => reject(error ?? new Error('rejected without a reason'));
    timer = setTimeout(() => reject(new Late(`still ran after ${within} ms`)), within);
  });
  try {
    await Promise.race([Promise.resolve().then(work), stray]);
    await Promise.race([new Promise((resolve) => setImmediate(resolve)), stray]);
  } finally {
    clearTimeout(timer);
    onStrayError = () => {};
  }
}

type Program = (outside: (name: string) => unknown) => Promise<void>;
const scripts = new Map<string, { program: () => Program; outside: Map<string, object> }>();

async function compile({ test, path, outside }: Bundle) {
  const known = scripts.get(path);
  if (known !== undefined) return known;
  const modules = new Map<string, object>();
  for (const name of outside) {
    if (name !== 'node:test') modules.set(name, { __esModule: true, ...(await import(name)) });
  }
  const code = `(async (outside) => {'use strict';\n${readFileSync(path, 'utf8')}\n})`;
  const script = new Script(code, {
    filename: join(ROOT, test),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const compiled = { program: () => script.runInThisContext() as Program, outside: modules };
  scripts.set(path, compiled);
  return compiled;
}

async function load(bundle: Bundle): Promise<TestFile> {
  const { program, outside } = await compile(bundle);
  countKeysAnew();
  const file = new TestFile();
  const nodeTest = { __esModule: true, ...file.module };
  await program()((name) => (name === 'node:test' ? nodeTest : outside.get(name)));
  await file.begin();
  return file;
}

/** Undoes what tests change in their process. */
function cleanUp(): void {
  mock.reset();
  mock.timers.reset();
  for (const name of Object.keys(process.env)) {
    if (!(name in environment)) delete process.env[name];
  }
  Object.assign(process.env, environment);
  process.chdir(folder);
}

async function run({ mutant, hitLimit, parts, toTheEnd = false }: Job): Promise<Answer> {
  const coverage: Coverage = { static: {}, perTest: {} };
  const hitCount = hitLimit === undefined ? undefined : 0;
  Object.assign(switches, { activeMutant: mutant, hitCount, hitLimit, mutantCoverage: coverage });
  const failures: Failure[] = [];
  const ran: Answer['ran'][number][] = [];

  async function attempt(
    where: Pick<Failure, 'file' | 'place'>,
    within: number,
    work: () => unknown,
  ) {
    try {
      await guarded(within, work);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const timedOut = error instanceof Late || message.startsWith('Stryker: Hit count limit');
      failures.push({ ...where, message, timedOut });
    }
  }

  for (const { bundle, tests } of parts) {
    const { test: file } = bundle;
    switches.currentTestId = undefined;
    let loaded = new TestFile();
    await attempt({ file }, UNKNOWN, async () => {
      loaded = await load(bundle);
    });
    const places = tests ?? loaded.tests.map((_, place) => ({ place, within: UNKNOWN }));
    for (const { place, within } of places) {
      const test = loaded.tests[place];
      if (failures.length > 0 && !toTheEnd) break;
      // A mutant may take rows from the table that the tests are made from.
      if (test === undefined) continue;
      switches.currentTestId = `${place}`;
      const start = performance.now();
      await attempt({ file, place }, within, () => loaded.run(test));
      ran.push({ place, name: test.name, time: performance.now() - start });
    }
    await guarded(5_000, () => loaded.end()).catch(() => {});
    cleanUp();
    if (failures.length > 0 && !toTheEnd) break;
  }
  switches.activeMutant = undefined;
  return { failures, ran, coverage };
}

process.on('disconnect', () => process.exit());
process.on('message', async (job: Job) => {
  const answer = await run(job);
  process.send?.(answer);
});
