import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { CLI } from './cli-bundle.js';

/** What a process left behind. */
export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Runs a command to its end. Its environment has nothing that forces colours on or off. */
export async function runProcess(
  command: string,
  args: readonly string[],
  { stdin = '', cwd, env = {} }: RunOptions = {},
): Promise<Finished> {
  const { FORCE_COLOR, NO_COLOR, NODE_DISABLE_COLORS, ...inherited } = process.env;
  const child = spawn(command, args, { cwd, env: { ...inherited, ...env } });
  child.stdin.on('error', () => {}); // A process that ends without reading closes the pipe.
  child.stdin.end(stdin);
  const [[exitCode], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { exitCode, stdout, stderr };
}

/** Runs the command line. */
export const runCli = (args: readonly string[], options?: RunOptions): Promise<Finished> =>
  runProcess(process.execPath, [CLI, ...args], options);

/** A folder for the time of a test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'private-key-jwt-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
