/**
 * Runs the tests with the oldest versions that package.json allows of everything that a user
 * installs: dependencies and peers. Arguments are test files; without any, all tests run.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Ranges = Readonly<Record<string, string>>;

interface PackageJson {
  readonly scripts: Record<string, string>;
  readonly dependencies: Ranges;
  readonly peerDependencies: Ranges;
  readonly devDependencies: Ranges;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The lowest version of each alternative of a range such as `^4.16.0 || ^5.0.0`. */
const lowest = (range: string): string[] => [...range.matchAll(/\d+\.\d+\.\d+/g)].map(([v]) => v);

function oldest(ranges: Ranges): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ranges).flatMap(([name, range]): [string, string][] => {
      const [first = range, ...later] = lowest(range);
      // The tests know Express 4 by an alias, next to Express 5.
      if (name !== 'express') return [[name, first]];
      return [
        ['express4', `npm:express@${first}`],
        ['express', later.at(-1) ?? first],
      ];
    }),
  );
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
    JSON.stringify({ ...rest, devDependencies: { ...replaced, ...versions } }, null, 2),
  );
  console.log('Oldest versions:', versions);

  const tests = process.argv.slice(2);
  const runner = rest.scripts['test']?.split(' ').filter((word) => !word.startsWith('test/')) ?? [];
  const status =
    run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], folder) ||
    run('npm', ['run', 'build'], folder) ||
    (tests.length === 0
      ? run('npm', ['test'], folder)
      : run(runner[0] ?? 'node', [...runner.slice(1), ...tests], folder));
  process.exitCode = status;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
