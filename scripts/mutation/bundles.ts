import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Instrumenter } from '@stryker-mutator/instrumenter';
import { build, type Plugin } from 'esbuild';
import packageJson from '../../package.json' with { type: 'json' };
import { ROOT } from '../run.js';

/** One small change of one file. Lines and columns begin at 0. */
export interface Mutant {
  readonly id: string;
  readonly file: string;
  readonly kind: string;
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
  readonly replacement: string;
}

/** A test file with all of `lib` that it imports, as one script. */
export interface Bundle {
  readonly test: string;
  readonly path: string;
  /** The packages and modules of Node that it takes from outside. */
  readonly outside: readonly string[];
}

const silent = () => {};
const logger = {
  isTraceEnabled: () => false,
  isDebugEnabled: () => false,
  isInfoEnabled: () => false,
  isWarnEnabled: () => true,
  isErrorEnabled: () => true,
  isFatalEnabled: () => true,
  trace: silent,
  debug: silent,
  info: silent,
  warn: console.warn,
  error: console.error,
  fatal: console.error,
};

/**
 * Puts every mutant into the files, each behind a switch, and bundles the tests with them. Test files
 * that import none of the files are left out.
 */
export async function bundle(
  files: readonly string[],
  tests: readonly string[],
  folder: string,
): Promise<{ mutants: Mutant[]; bundles: Bundle[] }> {
  const sources = files.map((name) => ({
    name,
    mutate: true,
    content: readFileSync(join(ROOT, name), 'utf8'),
  }));
  const options = { plugins: null, excludedMutations: [], ignorers: [] };
  const instrumented = await new Instrumenter(logger).instrument(sources, options);
  const contents = new Map(
    instrumented.files.map(({ name, content }) => [resolve(ROOT, name), content]),
  );
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [...tests],
    outdir: folder,
    outbase: '.',
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'utf8',
    metafile: true,
    logLevel: 'error',
    plugins: [mutatedSources(contents), fromOutside],
  });
  const bundles = Object.entries(metafile.outputs).map(([output, { entryPoint = '', inputs }]) => ({
    test: entryPoint,
    path: resolve(ROOT, output),
    inputs: Object.keys(inputs),
  }));
  return {
    mutants: instrumented.mutants.map(({ id, fileName, mutatorName, location, replacement }) => ({
      id,
      file: fileName,
      kind: mutatorName,
      start: location.start,
      end: location.end,
      replacement,
    })),
    bundles: bundles
      .filter(({ inputs }) => inputs.some((input) => files.includes(input)))
      .map(({ test, path, inputs }) => ({
        test,
        path,
        outside: inputs.filter((input) => input.startsWith(GIVEN)).map(withoutPrefix),
      })),
  };
}

const mutatedSources = (contents: ReadonlyMap<string, string>): Plugin => ({
  name: 'mutated sources',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const source = contents.get(path) ?? readFileSync(path, 'utf8');
      // In a bundle all files have one place; each is to see its own.
      const text = source
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)));
      return { contents: text, loader: 'ts' };
    });
  },
});

const GIVEN = 'given:';
const withoutPrefix = (input: string): string => input.slice(GIVEN.length);

/**
 * Packages and modules of Node are loaded once in a process, not with every bundle: the script asks the
 * function `outside` for them. An `import` statement would make a module of the script, and a module
 * can neither be compiled once and run often nor be forgotten.
 */
const fromOutside: Plugin = {
  name: 'from outside',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      // This package by its own name, which tsconfig.json leads to lib.
      if (kind === 'entry-point' || path.startsWith(packageJson.name)) return undefined;
      if (kind === 'dynamic-import') return { path, external: true };
      if (path.startsWith(GIVEN)) return { path: withoutPrefix(path), namespace: 'given' };
      return { path, namespace: 'outside' };
    });
    // Two steps, because esbuild takes the default export of a CommonJS module from `default` only if
    // the file that imports it is of no package of type "module".
    onLoad({ filter: /.*/, namespace: 'outside' }, ({ path }) => {
      const name = JSON.stringify(`${GIVEN}${path}`);
      return { contents: `export * from ${name}; export { default } from ${name};` };
    });
    onLoad({ filter: /.*/, namespace: 'given' }, ({ path }) => ({
      contents: `module.exports = outside(${JSON.stringify(path)});`,
    }));
  },
};
