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
await build({
  entryPoints: [
    ...entryPoints.map(({ source }) => source),
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
