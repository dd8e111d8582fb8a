/**
 * Changes the code in small ways and runs the tests: a change that no test notices is a hole. All
 * changes of a file are compiled at once, each behind a switch, and the tests run in one warm process.
 * So a change takes 0.1 to 0.6 seconds. `scripts/mutation` has the parts.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bundle, bundle, type Mutant } from './mutation/bundles.js';
import { WarmProcess } from './mutation/warm-process.js';
import type { Answer, Failure, Job, Part } from './mutation/worker.js';
import { ROOT } from './run.js';
import { usage } from './usage.js';

usage(`npm run mutation -- FILE_OR_FOLDER... [--tests FILE_OR_FOLDER,...] [--sample N] [--survivors]
  --tests      instead of the fast tests of the same room: lib/keys/pem.ts has those of test/keys
  --sample     at most N mutants of each file, spread over it
  --survivors  only what no test noticed last time, with all tests, however long they take`);

/** Of the mutants of a file, at least this part must be noticed. */
const LIMIT = 0.9;
/** The tests of one mutant may take this long together, in milliseconds. Fast tests run first. */
const BUDGET = 8_000;
/** Up to this many tests that noticed a mutant nearby run before all others. */
const FIRST = 6;
/** The process is replaced after this many mutants, because what they leave behind adds up. */
const PROCESS_LASTS = 150;
/** Results of the last run, for `--survivors`. */
const RESULTS = join(ROOT, 'node_modules', '.cache', 'mutation.json');

type Outcome = 'killed' | 'timed out' | 'survived' | 'not covered';
const isNoticed = (outcome: Outcome): boolean => outcome === 'killed' || outcome === 'timed out';

/** What the last run found out about a file. */
interface Known {
  readonly isSample: boolean;
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

/** A test that passes without a mutant. */
interface Test {
  readonly bundle: Bundle;
  readonly place: number;
  readonly name: string;
  readonly time: number;
  /** How often it passes each mutant. */
  readonly hits: Readonly<Record<string, number>>;
  /** The same for loading its file. A mutant there may change every test of the file. */
  readonly loading: Readonly<Record<string, number>>;
}

const nameOf = ({ bundle: { test }, name }: Test): string => `${test} "${name}"`;

function filesOf(path: string, suffix: string): string[] {
  const clean = path.replaceAll('\\', '/').replace(/\/$/, '');
  if (!existsSync(join(ROOT, clean))) return [];
  if (!statSync(join(ROOT, clean)).isDirectory()) return [clean];
  return readdirSync(join(ROOT, clean), { recursive: true, encoding: 'utf8' })
    .map((name) => `${clean}/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith(suffix))
    .sort();
}

/** The fast tests of the room that a file of `lib` is in. */
function testsOf(file: string): string[] {
  const [, room = '', ...rest] = file.split('/');
  const all = filesOf(rest.length === 0 ? 'test' : `test/${room}`, '.test.ts');
  const own = rest.length === 0 ? all.filter((test) => test.split('/').length === 2) : all;
  return own.filter((test) => !test.endsWith('.slow.test.ts'));
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tests: { type: 'string' },
    sample: { type: 'string' },
    survivors: { type: 'boolean', default: false },
  },
});
const files = unique(positionals.flatMap((path) => filesOf(path, '.ts')));
if (files.length === 0)
  throw new Error('Name files or folders: npm run mutation -- lib/keys/pem.ts');
const tests = unique(
  flags.tests === undefined
    ? files.flatMap(testsOf)
    : flags.tests.split(',').flatMap((path) => filesOf(path, '.test.ts')),
);
if (tests.length === 0) throw new Error('There are no such tests. Name some with --tests.');
const sample = flags.sample === undefined ? Number.POSITIVE_INFINITY : Number(flags.sample);
if (!(sample > 0)) throw new Error('--sample must be a number of mutants.');

setPriority(constants.priority.PRIORITY_LOW);
const folder = mkdtempSync(join(tmpdir(), 'mutation-'));
const keys = join(folder, 'keys');
mkdirSync(keys);
const warm = new WarmProcess(keys);
process.on('exit', () => {
  warm.stop();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(130));
}

/** The tests of a file that pass without a mutant; the others are named. */
async function passing(of: Bundle): Promise<Test[]> {
  const answer = await warm.run({ parts: [{ bundle: of }], toTheEnd: true });
  if (typeof answer === 'string') {
    console.log(`Left out: ${of.test}, because its process ${answer}.`);
    return [];
  }
  const { failures, ran, coverage } = answer;
  for (const { place, message } of failures) {
    const name = ran.find((test) => test.place === place)?.name;
    console.log(
      `Left out: ${of.test}${name === undefined ? '' : ` "${name}"`}, which fails: ${message}`,
    );
  }
  // A test that timed out may still be running.
  if (failures.some(({ timedOut }) => timedOut)) warm.stop();
  return ran
    .filter(({ place }) => failures.every((failure) => failure.place !== place))
    .map((test) => ({
      ...test,
      bundle: of,
      hits: coverage.perTest[test.place] ?? {},
      loading: coverage.static,
    }));
}

/** Tests grouped by their files, in the order of the first test of each; in a file they keep their order. */
function parts(chosen: readonly Test[]): Part[] {
  return unique(chosen.map((test) => test.bundle)).map((of) => ({
    bundle: of,
    tests: chosen
      .filter((test) => test.bundle === of)
      .sort((one, other) => one.place - other.place)
      .map(({ place, time }) => ({ place, within: Math.ceil(2_000 + time * 8) })),
  }));
}

/** Tests that noticed a mutant, and on which line. */
const kills: { readonly file: string; readonly line: number; readonly test: Test }[] = [];
/** Tests that noticed a mutant and pass alone without one. */
const trusted = new Set<Test>();
/** Why the results are not to be trusted. */
const doubts: string[] = [];
let age = 0;

/** The tests for a mutant, most promising ones first, and how many of them there is no time for. */
function testsFor({ id, file, start }: Mutant): { chosen: Test[]; first: Test[]; tooMany: number } {
  const all = (covered.get(id) ?? []).filter((test) => usable.includes(test));
  const distance = ({ line }: { line: number }) => Math.abs(line - start.line);
  const near = kills
    .filter((kill) => kill.file === file && all.includes(kill.test))
    .sort((one, other) => distance(one) - distance(other))
    .map(({ test }) => test);
  const first = unique(near).slice(0, FIRST);
  const rest = all.filter((test) => !first.includes(test)).sort((a, b) => a.time - b.time);
  let sum = 0;
  const chosen = [...first, ...rest].filter((test, index) => {
    sum += test.time;
    return index === 0 || flags.survivors || sum <= BUDGET;
  });
  return { chosen, first, tooMany: all.length - chosen.length };
}

/** Runs tests without a mutant and returns those that fail. */
async function failingWithout(chosen: readonly Test[]): Promise<Test[]> {
  const answer = await warm.run({ parts: parts(chosen), toTheEnd: true });
  if (typeof answer === 'string') return [...chosen];
  return chosen.filter((test) => answer.failures.some((failure) => isOf(failure, test)));
}

const isOf = ({ file, place }: Failure, { bundle: { test }, place: own }: Test): boolean =>
  file === test && (place === undefined || place === own);

/**
 * On a busy machine a test may be late by chance, and the mutant before may have left something behind
 * that keeps a file from loading: such an answer is asked for again, once, from a new process.
 */
async function answerTo(job: Job): Promise<Answer | 'hangs' | 'ended'> {
  const answer = await warm.run(job);
  if (typeof answer !== 'string') {
    const [failure] = answer.failures;
    if (failure === undefined) return answer;
    if (failure.place !== undefined && !failure.timedOut) return answer;
  }
  warm.stop();
  return warm.run(job);
}

async function outcomeOf(mutant: Mutant): Promise<{ outcome: Outcome; tooMany: number }> {
  const { chosen, first, tooMany } = testsFor(mutant);
  if (chosen.length === 0) return { outcome: 'not covered', tooMany };
  if (age >= PROCESS_LASTS) await replaceProcess();
  age += 1;
  const hits = chosen.map(
    ({ hits, loading }) => (hits[mutant.id] ?? 0) + (loading[mutant.id] ?? 0),
  );
  const job: Job = {
    mutant: mutant.id,
    hitLimit: 2_000 + 100 * hits.reduce((sum, each) => sum + each, 0),
    parts: [
      ...parts(chosen.filter((test) => first.includes(test))),
      ...parts(chosen.filter((test) => !first.includes(test))),
    ],
  };
  const answer = await answerTo(job);
  if (answer === 'hangs') return { outcome: 'timed out', tooMany };
  if (answer === 'ended') return { outcome: 'killed', tooMany };
  const [failure] = answer.failures;
  if (failure === undefined) return { outcome: 'survived', tooMany };
  if (failure.timedOut) {
    warm.stop();
    return { outcome: 'timed out', tooMany };
  }
  const killer = chosen.find((test) => failure.place !== undefined && isOf(failure, test));
  if (killer === undefined) return { outcome: 'killed', tooMany };
  if (!trusted.has(killer)) {
    // It may need the tests before it, which do not run with every mutant.
    if ((await failingWithout([killer])).length > 0) {
      console.log(`Left out: ${nameOf(killer)}, which fails alone.`);
      usable.splice(usable.indexOf(killer), 1);
      return outcomeOf(mutant);
    }
    trusted.add(killer);
  }
  kills.push({ file: mutant.file, line: mutant.start.line, test: killer });
  return { outcome: 'killed', tooMany };
}

/** Ends the process. First checks that the tests that noticed mutants still pass in it without one. */
async function replaceProcess(): Promise<void> {
  for (const test of await failingWithout([...trusted])) doubts.push(nameOf(test));
  warm.stop();
  age = 0;
}

/** Mutants that are spread evenly over the list. */
function spread<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list];
  const step = list.length / count;
  return list.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

/** Names a mutant by its text, so that it keeps its name when lines move. */
function keysOf(list: readonly Mutant[], lines: readonly string[]): Map<Mutant, string> {
  const counts = new Map<string, number>();
  const named = list.map((mutant): [Mutant, string] => {
    const line = lines[mutant.start.line]?.trim();
    const key = [line, mutant.start.column, mutant.kind, mutant.replacement].join('|');
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return [mutant, `${key}|${count}`];
  });
  return new Map(named);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 160);

function survivor(
  mutant: Mutant,
  lines: readonly string[],
  outcome: Outcome,
  tooMany: number,
): string {
  const { file, start, end, kind, replacement } = mutant;
  const source = lines
    .slice(start.line, end.line + 1)
    .map((line, index, all) => {
      const to = index === all.length - 1 ? end.column : line.length;
      return line.slice(index === 0 ? start.column : 0, to);
    })
    .join('\n');
  const left =
    tooMany === 0 ? '' : `; there was no time for ${tooMany} tests, --survivors runs them`;
  return [
    `  ${file}:${start.line + 1}:${start.column + 1} ${kind}, ${outcome}${left}`,
    `    - ${oneLine(source)}`,
    `    + ${oneLine(replacement)}`,
  ].join('\n');
}

function readResults(): Record<string, Known> {
  if (!existsSync(RESULTS)) return {};
  return JSON.parse(readFileSync(RESULTS, 'utf8')) as Record<string, Known>;
}

function writeResults(file: string, known: Known): void {
  mkdirSync(dirname(RESULTS), { recursive: true });
  writeFileSync(RESULTS, JSON.stringify({ ...readResults(), [file]: known }));
}

/** Prints what became of the mutants of a file. Returns whether enough were noticed. */
async function examine(file: string): Promise<boolean> {
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
  const own = mutants.filter((mutant) => mutant.file === file);
  if (own.length === 0) return true;
  const keys = keysOf(own, lines);
  const last = flags.survivors ? readResults()[file] : undefined;
  const outcomes: Record<string, Outcome> = {};
  const todo = spread(own, sample).filter((mutant) => {
    const key = keys.get(mutant) ?? '';
    const known = last?.outcomes[key];
    if (known !== undefined && isNoticed(known)) outcomes[key] = known;
    return known === undefined ? last?.isSample !== true : !isNoticed(known);
  });
  const survivors: string[] = [];
  for (const mutant of todo) {
    const { outcome, tooMany } = await outcomeOf(mutant);
    outcomes[keys.get(mutant) ?? ''] = outcome;
    if (!isNoticed(outcome)) survivors.push(survivor(mutant, lines, outcome, tooMany));
  }
  writeResults(file, { isSample: last?.isSample ?? sample < own.length, outcomes });
  const all = Object.values(outcomes);
  const count = (wanted: Outcome) => all.filter((outcome) => outcome === wanted).length;
  const score = all.filter(isNoticed).length / all.length;
  const of = all.length < own.length ? ` of ${own.length}` : '';
  console.log(
    `${file}: ${all.length}${of} mutants, ${count('killed')} killed, ${count('timed out')} timed out, ` +
      `${count('survived')} survived, ${count('not covered')} not covered: ${(100 * score).toFixed(1)} %`,
  );
  if (survivors.length > 0) console.log(survivors.join('\n'));
  return score >= LIMIT;
}

const { mutants, bundles } = await bundle(files, tests, folder);
const usable: Test[] = [];
for (const each of bundles) usable.push(...(await passing(each)));
const covered = new Map<string, Test[]>();
for (const test of usable) {
  for (const id of unique([...Object.keys(test.hits), ...Object.keys(test.loading)])) {
    covered.set(id, [...(covered.get(id) ?? []), test]);
  }
}
console.log(`${mutants.length} mutants, ${usable.length} tests in ${bundles.length} files.`);

const started = performance.now();
const below: string[] = [];
for (const file of files) {
  if (!(await examine(file))) below.push(file);
}
for (const test of await failingWithout(usable)) doubts.push(nameOf(test));
console.log(`${Math.round((performance.now() - started) / 1000)} s.`);
if (below.length > 0) console.log(`Under ${100 * LIMIT} %: ${below.join(', ')}`);
for (const name of unique(doubts)) {
  console.log(`The results are not to be trusted: ${name} now fails without a mutant too.`);
}
process.exit(below.length > 0 || doubts.length > 0 ? 1 : 0);
