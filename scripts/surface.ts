/**
 * Counts what users must learn: exported names by the reports in `etc`, and options by the tables in
 * `lib` that read them. Prints them; the test of the budgets reads the same counts.
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

/** The options that each table reads, by the interface that the compiler ties it to. */
export function options(): Record<string, string[]> {
  const tables: Record<string, string[]> = {};
  const visit = (node: ts.Node): void => {
    const table = ts.isSatisfiesExpression(node)
      ? /^OptionTable<(.+)>$/s.exec(node.type.getText())
      : null;
    if (table !== null) {
      let literal = (node as ts.SatisfiesExpression).expression;
      while (ts.isParenthesizedExpression(literal)) literal = literal.expression;
      if (!ts.isObjectLiteralExpression(literal))
        throw new Error(`${table[1]} has no literal table`);
      // What a table takes over from another one is counted there.
      const own = literal.properties.filter((property) => !ts.isSpreadAssignment(property));
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
  })) {
    const all = Object.values(counted).flat().length;
    console.log(`${all} ${what}`);
    for (const [owner, names] of Object.entries(counted))
      console.log(`  ${names.length} ${owner}: ${names.join(', ')}`);
  }
}
