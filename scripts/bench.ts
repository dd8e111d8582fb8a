/**
 * Builds the package, installs the peers that it is compared with, and writes bench/RESULTS.md anew.
 * The benchmarks import the package by its name and get what was built: their tsconfig.json has no
 * paths that lead to the sources.
 */
import { join } from 'node:path';
import { ROOT, runNode, runNpm } from './run.js';
import { usage } from './usage.js';

usage('npm run bench [-- NAME...]   the benchmarks of bench/main.ts, or the named ones');

const env = { TSX_TSCONFIG_PATH: join(ROOT, 'bench', 'tsconfig.json') };
process.exitCode =
  runNpm(['run', 'build']) ||
  runNpm(['--prefix', 'bench/peers', 'ci', '--no-audit', '--no-fund']) ||
  runNode(['--import', 'tsx', 'bench/main.ts', ...process.argv.slice(2)], { env });
