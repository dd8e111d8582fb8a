// Makes dist: declarations by the compiler, a file each, and code by the bundler, in few files, since
// Node spends more time on finding the sixty files of the server half than on running them.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };
import { entryPoints, sourceOf } from './entry-points.js';
import { isFresh } from './fresh.js';
import { ROOT } from './run.js';
import { usage } from './usage.js';

usage('npm run build [-- --if-stale]   --if-stale: only if a source is newer than dist');
process.chdir(ROOT);

if (process.argv.includes('--if-stale') && isFresh('dist/index.js')) process.exit();

rmSync('dist', { recursive: true, force: true });
const compiler = join('node_modules', 'typescript', 'bin', 'tsc');
execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
/** The entry that also runs in a browser: a bundle of its own, with no import from Node. */
const FOR_BROWSERS = 'lib/explain.ts';

await build({
  entryPoints: [
    ...entryPoints.map(({ source }) => source).filter((source) => source !== FOR_BROWSERS),
    ...Object.values(packageJson.bin).map(sourceOf),
  ],
  outdir: 'dist',
  outbase: 'lib',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  logLevel: 'warning',
});
await build({
  entryPoints: [FOR_BROWSERS],
  outdir: 'dist',
  outbase: 'lib',
  bundle: true,
  // The sources beside it import from Node; what is used of them does not.
  external: ['node:*'],
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  logLevel: 'warning',
});
