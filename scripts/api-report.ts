/**
 * Writes the public API of every entry point of the package to etc/*.api.md, so that a change of it
 * shows in a diff. With `--check` it writes nothing and fails where a report is out of date.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { entryPoints } from './entry-points.js';
import { ROOT } from './run.js';
import { usage } from './usage.js';

usage('npm run api | npm run api:check');

const REPORTS = join(ROOT, 'etc');
const check = process.argv.includes('--check');

function report(name: string, declarations: string): boolean {
  const mainEntryPointFilePath = join(ROOT, declarations);
  if (!existsSync(mainEntryPointFilePath))
    throw new Error(`${declarations} is missing: build first.`);
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: join(ROOT, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath,
      compiler: { tsconfigFilePath: join(ROOT, 'tsconfig.build.json') },
      newlineKind: 'lf',
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: REPORTS,
        reportTempFolder: join(ROOT, 'node_modules', '.cache', 'api-extractor'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Warning },
          // Everything is public that is exported; there are no other release stages.
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
          // What is used in a public declaration and not exported shows in the report.
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
          // A member whose name says everything needs no docstring.
          'ae-undocumented': { logLevel: ExtractorLogLevel.None },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
  const { succeeded, apiReportChanged } = Extractor.invoke(config, { localBuild: !check });
  if (check && apiReportChanged) console.error(`etc/${name}.api.md is out of date: npm run api`);
  return succeeded;
}

const reports = entryPoints.map(({ name, declarations }) => report(name, declarations));
const stale = readdirSync(REPORTS).filter(
  (file) => !entryPoints.some(({ name }) => file === `${name}.api.md`),
);
for (const file of stale) {
  if (check) console.error(`etc/${basename(file)} belongs to no entry point: npm run api`);
  else rmSync(join(REPORTS, file));
}
process.exitCode = reports.every(Boolean) && !(check && stale.length > 0) ? 0 : 1;
