import type { KnipConfig } from 'knip';
import packageJson from './package.json' with { type: 'json' };
import { entryPoints, sourceOf } from './scripts/entry-points.js';

/** Where the published files come from: an entry of `exports` or `bin` needs no other mention. */
const published = [
  ...entryPoints.map(({ source }) => source),
  ...Object.values(packageJson.bin).map(sourceOf),
];

export default {
  entry: [
    ...published,
    'scripts/*.ts',
    'scripts/mutation/worker.ts',
    'test/**/*.test.ts',
    'test/support/programs/*.ts',
    'samples/*/*.ts',
    'demo/*/main.ts',
    'demo/server/inspector/browser/main.ts',
    'bench/*.ts',
    'bench/http/server.ts',
    'test/frameworks/jest/*.ts',
    'test/frameworks/types/programs/*.ts',
  ],
  project: [
    'lib/**/*.ts',
    'scripts/**/*.ts',
    'test/**/*.ts',
    'samples/**/*.ts',
    'demo/**/*.ts',
    'bench/**/*.ts',
  ],
  // Copied into another folder before they are compiled.
  ignore: ['test/frameworks/nest-more/*.ts'],
  ignoreExportsUsedInFile: true,
  // The frameworks are installed by the tests that need them, each in a folder of its own.
  ignoreDependencies: ['@nestjs/*', 'typedoc-plugin-missing-exports'],
  // Servers and tools of the system that tests start where they are installed.
  ignoreBinaries: ['redis-server', 'glewlwyd', 'openssl', 'redis-cli', 'sqlite3'],
} satisfies KnipConfig;
