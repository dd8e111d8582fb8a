/**
 * Writes the reference of every entry point of the package to docs/reference/*.md, from the types and
 * the docstrings of the sources. It is packed, and not committed. Whatever typedoc warns of is an error.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Application, TSConfigReader, type TypeDocOptions } from 'typedoc';
import type { MarkdownRenderer, PluginOptions } from 'typedoc-plugin-markdown';
import { entryPoints } from './entry-points.js';
import { isFresh } from './fresh.js';
import { shapeModel } from './reference-model.js';
import { ReferenceRouter, ReferenceTheme } from './reference-theme.js';
import { ROOT } from './run.js';
import { usage } from './usage.js';

usage('npm run docs [-- --if-stale]   --if-stale: only if a source is newer than the pages');

const REFERENCE = join(ROOT, 'docs', 'reference');

if (process.argv.includes('--if-stale') && isFresh(join(REFERENCE, 'README.md'))) process.exit();

const OPTIONS = {
  name: 'API reference',
  entryPoints: entryPoints.map(({ source }) => join(ROOT, source)),
  sortEntryPoints: false,
  tsconfig: join(ROOT, 'tsconfig.build.json'),
  logLevel: 'Warn',
  excludeInternal: true,
  excludeExternals: true,
  disableSources: true,
  preservedTypeAnnotationTags: ['@throws'],
  sort: ['source-order'],
  groupOrder: [
    ...['Classes', 'Functions', 'Variables', 'Interfaces', 'Type Aliases', 'References'],
    ...['Constructors', 'Properties', 'Accessors', 'Methods'],
  ],
  validation: { notExported: false, invalidLink: true, invalidPath: true, notDocumented: true },
  // A property whose name says everything needs no docstring.
  requiredToBeDocumented: [
    ...(['Class', 'Function', 'Variable', 'Interface', 'TypeAlias'] as const),
    ...(['Method', 'Accessor'] as const),
  ],
  plugin: ['typedoc-plugin-markdown', 'typedoc-plugin-missing-exports'],
  out: REFERENCE,
  readme: 'none',
  router: 'reference',
  theme: 'reference',
} satisfies Partial<TypeDocOptions>;

/** Types of options are not exported, but their members are what users look up: they are on the page. */
const UNEXPORTED = { placeInternalsInOwningModule: true };

const MARKDOWN_OPTIONS = {
  hideBreadcrumbs: true,
  hidePageHeader: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
  typeDeclarationVisibility: 'compact',
  tableColumnSettings: {
    hideDefaults: true,
    hideInherited: true,
    hideModifiers: true,
    hideOverrides: true,
  },
} satisfies Partial<PluginOptions>;

const pagesIn = (folder: string): Map<string, string> =>
  new Map(readdirSync(folder).map((page) => [page, readFileSync(join(folder, page), 'utf8')]));

/** Removes the anchors of table rows that nothing links to: their numbers change with every addition. */
function removeUnusedAnchors(folder: string): void {
  const pages = pagesIn(folder);
  const targets = new Set(
    [...pages.values()].flatMap((text) => [...text.matchAll(/#([\w-]+)\)/g)].map(([, id]) => id)),
  );
  for (const [page, text] of pages) {
    const used = text.replace(/<a id="([^"]+)"><\/a> /g, (anchor, id) =>
      targets.has(id) ? anchor : '',
    );
    writeFileSync(join(folder, page), used);
  }
}

const app = await Application.bootstrapWithPlugins(
  { ...OPTIONS, ...MARKDOWN_OPTIONS, ...UNEXPORTED },
  [new TSConfigReader()],
);
(app.renderer as MarkdownRenderer).defineTheme('reference', ReferenceTheme);
app.renderer.defineRouter('reference', ReferenceRouter);
shapeModel(app);

const found = app.getEntryPoints() ?? [];
for (const each of found) {
  const entry = entryPoints.find(({ source }) => each.sourceFile.fileName === join(ROOT, source));
  each.displayName = entry?.specifier ?? each.displayName;
}
const project = app.converter.convert(found);
app.validate(project);
rmSync(REFERENCE, { recursive: true, force: true });
await app.generateOutputs(project);
removeUnusedAnchors(REFERENCE);

process.exitCode = app.logger.hasErrors() || app.logger.hasWarnings() ? 1 : 0;
