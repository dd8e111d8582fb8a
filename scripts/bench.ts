/**
 * Builds the package, installs the peers that it is compared with, and writes bench/RESULTS.md anew.
 * The benchmarks import the package by its name and get what was built: their tsconfig.json has no
 * paths that lead to the sources. They are bundled first, because a loader of TypeScript also
 * rewrites the JavaScript of the package, but not that of its peers in node_modules.
 */
import { build } from 'esbuild';
import { ROOT, runNode, runNpm } from './run.js';
import { usage } from './usage.js';

usage('npm run bench [-- NAME...]   the benchmarks of bench/main.ts, or the named ones');
process.chdir(ROOT);

async function bundle(): Promise<void> {
  await build({
    entryPoints: ['bench/main.ts', 'bench/http/server.ts', 'bench/memory-replay/fill.ts'],
    outdir: 'bench/dist',
    entryNames: '[name]',
    bundle: true,
    packages: 'external',
    tsconfig: 'bench/tsconfig.json',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'warning',
  });
}

const failed =
  runNpm(['run', 'build']) || runNpm(['--prefix', 'bench/peers', 'ci', '--no-audit', '--no-fund']);
if (failed === 0) {
  await bundle();
  process.exitCode = runNode(['bench/dist/main.js', ...process.argv.slice(2)]);
} else {
  process.exitCode = failed;
}
