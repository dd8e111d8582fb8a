/**
 * Counts what users must learn: exported names by the reports in `etc`, and options by the tables in
 * `lib` that read them. What a call is about (its request, its client, its scope) is counted apart. Prints them; the test of the budgets reads the same counts.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './run.js';
import { usage } from './usage.js';

/** The exported names of each entry point. */
export function exportedNames(): Record<string, string[]> {
  const folder = join(ROOT, 'etc');
  return Object.fromEntries(
    readdirSync(folder).map((file) => {
      const report = readFileSync(join(folder, file), 'utf8');
      const names = [...report.matchAll(/^export (?:declare |abstract |async )*\w+ (\w+)/gm)];
      const lists = [...report.matchAll(/^export \{([^}]*)\}/gm)];
      const listed = lists.flatMap(([, list = '']) => list.split(',').map((name) => name.trim()));
      return [
        basename(file, '.api.md'),
        [...names.map(([, name = '']) => name), ...listed.filter(Boolean)],
      ];
    }),
  );
}

/** Whether a table takes an option over from another one: `name: OTHER.name`. */
const isTakenOver = (property: ts.ObjectLiteralElementLike): boolean =>
  ts.isSpreadAssignment(property) ||
  (ts.isPropertyAssignment(property) &&
    ts.isPropertyAccessExpression(property.initializer) &&
    property.initializer.name.getText() === property.name.getText());

/**
 * The options that each table reads, by the interface that the compiler ties it to. An option that
 * several tables have is counted where it is written.
 *
 * @param kind `OptionTable`, or `ArgumentTable` for what calls are about
 */
export function options(
  kind: 'OptionTable' | 'ArgumentTable' = 'OptionTable',
): Record<string, string[]> {
  const tables: Record<string, string[]> = {};
  const visit = (node: ts.Node): void => {
    const table = ts.isSatisfiesExpression(node)
      ? new RegExp(`^${kind}<(.+)>$`, 's').exec(node.type.getText())
      : null;
    if (table !== null) {
      let literal = (node as ts.SatisfiesExpression).expression;
      while (ts.isParenthesizedExpression(literal)) literal = literal.expression;
      if (!ts.isObjectLiteralExpression(literal))
        throw new Error(`${table[1]} has no literal table`);
      const own = literal.properties.filter((property) => !isTakenOver(property));
      tables[table[1] ?? ''] = own.map((property) => property.name?.getText() ?? '');
    }
    ts.forEachChild(node, visit);
  };
  for (const path of readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts')) continue;
    const text = readFileSync(join(ROOT, 'lib', path), 'utf8');
    visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  }
  return tables;
}

if (process.argv[1] === import.meta.filename) {
  usage('npm run surface');
  for (const [what, counted] of Object.entries({
    'exported names': exportedNames(),
    options: options(),
    'members of call arguments': options('ArgumentTable'),
  })) {
    const all = Object.values(counted).flat().length;
    console.log(`${all} ${what}`);
    for (const [owner, names] of Object.entries(counted))
      console.log(`  ${names.length} ${owner}: ${names.join(', ')}`);
  }
}
