import { fileURLToPath } from 'node:url';

const browserFile = (name: string): string =>
  fileURLToPath(new URL(`./browser/${name}`, import.meta.url));

async function bundle(): Promise<string> {
  // Only if the page is shown: production does not need it.
  const { buildSync } = await import('esbuild');
  const { outputFiles } = buildSync({
    entryPoints: [browserFile('main.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    write: false,
    platform: 'browser',
    // In a checkout the entry leads to sources that import from Node and are not used here.
    external: ['node:*'],
  });
  return outputFiles[0]?.text ?? '';
}

let script: Promise<string> | undefined;

/**
 * The script of the page, made at its first use: the library's own checks are in it, so that the
 * browser runs what the server runs.
 */
export function pageScript(): Promise<string> {
  script ??= bundle();
  return script;
}
