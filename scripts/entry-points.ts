import packageJson from '../package.json' with { type: 'json' };

/** An entry of `exports` that is code. Its files are relative to the root of the repository. */
export interface EntryPoint {
  /** `index` for the package itself, else the subpath. */
  readonly name: string;
  /** What an application imports. */
  readonly specifier: string;
  readonly declarations: string;
  readonly source: string;
}

export const entryPoints: readonly EntryPoint[] = Object.entries(packageJson.exports).flatMap(
  ([subpath, conditions]) =>
    typeof conditions === 'string'
      ? []
      : [
          {
            name: subpath === '.' ? 'index' : subpath.slice('./'.length).replaceAll('/', '-'),
            specifier: packageJson.name + subpath.slice('.'.length),
            declarations: conditions.types,
            source: sourceOf(conditions.default),
          },
        ],
);

/** The source of a published file. */
export function sourceOf(file: string): string {
  return file.replace(/^(\.\/)?dist\//, 'lib/').replace(/\.js$/, '.ts');
}
