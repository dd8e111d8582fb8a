import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { installed } from '../support/packed.js';

// What a function returns may go on into the declarations of a user's own package. TypeScript must be
// able to name its type there, or it refuses with TS2742 or TS2883.

const ENTRIES = {
  server: 'passport-private-key-jwt',
  client: 'passport-private-key-jwt/client',
  redis: 'passport-private-key-jwt/redis',
  conformance: 'passport-private-key-jwt/replay-conformance',
  explain: 'passport-private-key-jwt/explain',
};

/** Prints what each entry exports at run time: functions, and classes with their methods. */
const LIST = `
  const entries = {};
  for (const [name, specifier] of Object.entries(${JSON.stringify(ENTRIES)})) {
    entries[name] = Object.entries(await import(specifier)).flatMap(([exported, value]) => {
      if (typeof value !== 'function') return [[exported]];
      if (!/^class/.test(value.toString())) return [[exported, []]];
      const members = Object.getOwnPropertyDescriptors(value.prototype);
      const methods = Object.entries(members).filter(
        ([method, { value }]) => typeof value === 'function' && !/^(constructor$|_)/.test(method),
      );
      return [[exported, methods.map(([method]) => method), 'class']];
    });
  }
  console.log(JSON.stringify(entries));
`;

type Listed = [name: string, methods?: string[], kind?: 'class'];

function reExports(entry: string, [name, methods, kind]: Listed): string[] {
  const value = `${entry}.${name}`;
  if (methods === undefined) return [`export const ${entry}_${name} = ${value};`];
  if (kind === undefined) {
    return [
      `export const ${entry}_${name} = (...all: Parameters<typeof ${value}>) => ${value}(...all);`,
    ];
  }
  return methods.map(
    (method) =>
      `export const ${entry}_${name}_${method} = (it: ${value}, ...all: Parameters<${value}['${method}']>) => it.${method}(...all);`,
  );
}

test('a package with declarations can export every result again', async (t) => {
  const peers = ['openid-client', 'express', 'passport', '@types/express', '@types/passport'];
  const project = await installed(t, 'module', ['typescript', '@types/node', ...peers]);
  const listed = await project.node('--input-type=module', '-e', LIST);
  assert.equal(listed.exitCode, 0, listed.stderr);
  const entries = JSON.parse(listed.stdout) as Record<string, Listed[]>;
  const lines = Object.entries(entries).flatMap(([entry, exported]) =>
    exported.flatMap((each) => reExports(entry, each)),
  );
  assert.ok(lines.length > 40);
  const imports = Object.entries(ENTRIES).map(
    ([entry, specifier]) => `import * as ${entry} from '${specifier}';`,
  );
  const compilerOptions = {
    ...{ strict: true, exactOptionalPropertyTypes: true, module: 'nodenext', target: 'es2022' },
    ...{ types: ['node'], declaration: true, emitDeclarationOnly: true, outDir: 'out' },
  };
  await project.write({
    'index.ts': [...imports, ...lines].join('\n'),
    'tsconfig.json': JSON.stringify({ compilerOptions, files: ['index.ts'] }),
  });
  const { stdout } = await project.bin('tsc', []);
  // Private and internal methods are there at run time, but not for TypeScript.
  const errors = stdout
    .split('\n')
    .filter((line) => /^index/.test(line) && !/TS(2339|2341|2445)/.test(line));
  assert.deepEqual(errors, []);
  const declarations = await readFile(join(project.folder, 'out', 'index.d.ts'), 'utf8');
  assert.doesNotMatch(declarations, /passport-private-key-jwt\/dist/);
});
