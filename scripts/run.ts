import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end, with the terminal of this process. Returns its exit code. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): number {
  const env = { ...process.env, ...options.env };
  const { status } = spawnSync(program, args, { cwd: options.cwd ?? ROOT, env, stdio: 'inherit' });
  return status ?? 1;
}

export const runNode = (args: readonly string[], options?: RunOptions): number =>
  run(process.execPath, args, options);

/**
 * Runs npm. On Windows, npm is a command file, which Node does not start without a shell; so its
 * script is run instead, where npm itself has said which it is.
 */
export function runNpm(args: readonly string[], options?: RunOptions): number {
  const script = process.env['npm_execpath'];
  return script === undefined ? run('npm', args, options) : runNode([script, ...args], options);
}
