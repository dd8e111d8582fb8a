import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { type Finished, type RunOptions, runProcess, temporaryFolder } from './cli.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What npm hands to the scripts that it runs would lead an npm inside them astray. */
function npmEnvironment(): Record<string, string | undefined> {
  const names = Object.keys(process.env).filter(
    (name) => /^npm_/i.test(name) && !/^npm_config_(cache|registry|userconfig)$/i.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

/** Runs npm; it must succeed. */
export async function npm(cwd: string, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProcess('npm', args, {
    cwd,
    env: npmEnvironment(),
  });
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

/** The package as npm would publish it, from what `npm run prepack` has made. */
export interface Tarball {
  readonly path: string;
  /** What is in it. */
  readonly files: readonly string[];
  /** In bytes: what is downloaded. */
  readonly size: number;
  /** In bytes: what is on disk afterwards. */
  readonly unpackedSize: number;
}

/** Packs the package for the time of a test. */
export async function pack(t: TestContext): Promise<Tarball> {
  const folder = await temporaryFolder(t);
  const [packed] = JSON.parse(
    await npm(ROOT, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  ) as {
    filename: string;
    size: number;
    unpackedSize: number;
    files: { path: string }[];
  }[];
  assert.ok(packed);
  const { filename, size, unpackedSize } = packed;
  const files = packed.files.map(({ path }) => path);
  return { path: join(folder, filename), files, size, unpackedSize };
}

/** A project of somebody who has installed the package. */
export interface Project {
  readonly folder: string;
  write(files: Readonly<Record<string, string>>): Promise<void>;
  node(...args: string[]): Promise<Finished>;
  /** Runs a binary of what is installed. */
  bin(name: string, args: readonly string[], options?: RunOptions): Promise<Finished>;
}

/** The range that this package itself is developed with. */
export const developedWith = (name: string): string => {
  const range = (packageJson.devDependencies as Record<string, string>)[name];
  assert.ok(range !== undefined, `${name} is no devDependency`);
  return `${name}@${range}`;
};

/**
 * A new project with the packed package and with the named packages besides, and nothing else.
 *
 * @param type `module` or `commonjs`
 */
export async function installed(
  t: TestContext,
  type: 'module' | 'commonjs',
  packages: readonly string[] = [],
): Promise<Project> {
  const [{ path }, folder] = await Promise.all([pack(t), temporaryFolder(t)]);
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type }));
  const names = [path, ...packages.map(developedWith)];
  await npm(folder, 'install', '--prefer-offline', '--no-audit', '--no-fund', ...names);
  return {
    folder,
    async write(files) {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(folder, name)), { recursive: true });
        await writeFile(join(folder, name), content);
      }
    },
    node: (...args) => runProcess(process.execPath, args, { cwd: folder }),
    bin: (name, args, options = {}) =>
      runProcess(join(folder, 'node_modules', '.bin', name), args, { cwd: folder, ...options }),
  };
}
