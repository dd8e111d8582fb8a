import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A Node process that runs a TypeScript file. */
export interface Program {
  readonly child: ChildProcess;
  /** Resolves with the first line of its output that has the text. */
  line(text: string): Promise<string>;
  /** Resolves with the lines of its output that have the text, once there are so many. */
  lines(text: string, count: number): Promise<string[]>;
  /** Its standard output and error so far. */
  output(): string;
  /** Resolves with its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Kills it if it still runs. */
  stop(): Promise<void>;
}

/**
 * Starts a TypeScript file of the tests.
 *
 * @param nodeOptions none for a JavaScript file
 */
export function startProgram(
  file: URL,
  args: readonly string[] = [],
  env: Record<string, string> = {},
  cwd?: string,
  nodeOptions: readonly string[] = ['--import', 'tsx'],
): Program {
  const child = spawn(process.execPath, [...nodeOptions, file.pathname, ...args], {
    env: { ...process.env, ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const waiting = new Set<() => void>();
  const note = (chunk: Buffer) => {
    output += chunk.toString();
    for (const look of waiting) look();
  };
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);

  const lines = (text: string, count: number): Promise<string[]> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = output.split('\n').filter((line) => line.includes(text));
        if (found.length < count) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      ended.then((end) => reject(new Error(`It ended with ${end} before "${text}":\n${output}`)));
    });

  return {
    child,
    line: async (text) => (await lines(text, 1))[0] ?? '',
    lines,
    output: () => output,
    ended,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
