import type { KnipConfig } from 'knip';
import packageJson from './package.json' with { type: 'json' };

/** Where the published files come from: an entry of `exports` or `bin` needs no other mention. */
const published = [
  ...Object.values(packageJson.exports).flatMap((conditions) =>
    typeof conditions === 'string' ? [] : [conditions.default],
  ),
  ...Object.values(packageJson.bin),
].map((file) => file.replace(/^(\.\/)?dist\//, 'lib/').replace(/\.js$/, '.ts'));

export default {
  entry: [
    ...published,
    'scripts/*.ts',
    'test/**/*.test.ts',
    'test/support/programs/*.ts',
    'samples/*/*.ts',
    'bench/*.ts',
  ],
  project: ['lib/**/*.ts', 'scripts/**/*.ts', 'test/**/*.ts', 'samples/**/*.ts', 'bench/**/*.ts'],
  ignoreExportsUsedInFile: true,
  // Tools of guides, pages and measurements that are still to come.
  ignoreDependencies: [
    '@opentelemetry/api',
    '@opentelemetry/sdk-metrics',
    'playwright-core',
    'typedoc',
    'typedoc-plugin-markdown',
  ],
  stryker: { config: ['stryker.*.json'] },
  // Servers and tools of the system that tests start where they are installed.
  ignoreBinaries: ['glewlwyd', 'redis-cli', 'sqlite3'],
} satisfies KnipConfig;
