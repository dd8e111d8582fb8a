/**
 * Runs the tests with the oldest versions that package.json allows of everything that a user
 * installs: dependencies and peers.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, runNode, runNpm } from './run.js';
import { usage } from './usage.js';

usage('npm run test:oldest [-- FILE_OR_FOLDER...]   default: the fast tests');

type Ranges = Readonly<Record<string, string>>;

interface PackageJson {
  readonly dependencies: Ranges;
  readonly peerDependencies: Ranges;
  readonly devDependencies: Ranges;
}

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

  process.exitCode =
    runNpm(['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder }) ||
    runNpm(['run', 'build'], { cwd: folder }) ||
    runNode(['--import', 'tsx', 'scripts/test.ts', ...process.argv.slice(2)], { cwd: folder });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
