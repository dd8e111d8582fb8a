/**
 * Runs the tests with the oldest versions that package.json allows of everything that a user
 * installs: dependencies and peers. Arguments are test files; without any, all tests run
 * but that of the documentation's types.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Ranges = Readonly<Record<string, string>>;

interface PackageJson {
  readonly dependencies: Ranges;
  readonly peerDependencies: Ranges;
  readonly devDependencies: Ranges;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Packages of which the tests know the oldest major version by an alias, next to a newer one. */
const ALIASES: Readonly<Record<string, string>> = { express: 'express4', redis: 'redis4' };

/** The lowest version of each alternative of a range such as `^4.16.0 || ^5.0.0`. */
const lowest = (range: string): string[] => [...range.matchAll(/\d+\.\d+\.\d+/g)].map(([v]) => v);

function oldest(ranges: Ranges): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ranges).flatMap(([name, range]): [string, string][] => {
      const [first = range, second = first] = lowest(range);
      const alias = ALIASES[name];
      if (alias === undefined) return [[name, first]];
      return [
        [alias, `npm:${name}@${first}`],
        [name, second],
      ];
    }),
  );
}

const RUNNER = [
  '--import=tsx',
  '--test',
  '--test-force-exit',
  '--test-timeout=120000',
  '--test-concurrency=2',
];

/** All but the one that compiles the examples, which are written for the newest types of others. */
function allTests(): string[] {
  const without = ['test/package/*', 'test/docs.test.ts'].flatMap((path) => [
    '-not',
    '-path',
    path,
  ]);
  const found = execFileSync('find', ['test', '-name', '*.test.ts', ...without], { cwd: ROOT });
  return found.toString().split('\n').filter(Boolean);
}

const run = (command: string, args: readonly string[], cwd: string): number =>
  spawnSync(command, args, { cwd, stdio: 'inherit' }).status ?? 1;

const folder = mkdtempSync(join(tmpdir(), 'oldest-'));
try {
  const files = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: ROOT });
  for (const file of files.toString().split('\0').filter(Boolean)) {
    cpSync(join(ROOT, file), join(folder, file));
  }
  rmSync(join(folder, 'package-lock.json'));
  const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as PackageJson;
  const versions = {
    ...oldest(packageJson.dependencies),
    ...oldest(packageJson.peerDependencies),
  };
  const { dependencies, devDependencies, peerDependencies, ...rest } = packageJson;
  const replaced = Object.fromEntries(
    Object.entries({ ...dependencies, ...devDependencies }).map(([name, range]) => [
      name,
      versions[name] ?? range,
    ]),
  );
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify(
      { ...rest, peerDependencies, devDependencies: { ...replaced, ...versions } },
      null,
      2,
    ),
  );
  console.log('Oldest versions:', versions);

  const tests = process.argv.slice(2);
  process.exitCode =
    run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], folder) ||
    run('npm', ['run', 'build'], folder) ||
    run(process.execPath, [...RUNNER, ...(tests.length === 0 ? allTests() : tests)], folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
