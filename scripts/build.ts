// Makes dist: declarations by the compiler, a file each, and code by the bundler, in few files, since
// Node spends more time on finding the sixty files of the server half than on running them.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { build } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };
import { entryPoints, sourceOf } from './entry-points.js';

rmSync('dist', { recursive: true, force: true });
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
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
