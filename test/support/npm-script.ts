import { spawn } from 'node:child_process';
import { once } from 'node:events';
import packageJson from '../../package.json' with { type: 'json' };
import { ROOT } from './docs.js';

/** A script of package.json that runs. */
export interface NpmScript {
  /** Its standard output so far, line by line. */
  lines(): string[];
  /** Its standard error so far. */
  stderr(): string;
  /** The first match in a line of its output, as soon as there is one; fails where it ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Closes the pipe of its standard output, as a reader that dies does. */
  stopReading(): void;
  /** Its exit code, or the signal that it died of, when it ends by itself. */
  ended(): Promise<number | NodeJS.Signals>;
  /** Ends it as an operator does. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** How long a script may run that a test waits for, in milliseconds. */
const TIMEOUT = 30_000;

/** The arguments of a script of package.json that is one command of Node. */
function argumentsOf(name: string): string[] {
  const [program, ...args] =
    (packageJson.scripts as Record<string, string>)[name]?.split(' ') ?? [];
  if (program !== 'node') throw new Error(`${name} is no script that runs Node alone`);
  return args;
}

/**
 * Starts a script of package.json, without a shell, so that signals reach it on every system, and
 * without the variables of this process.
 */
export function npmRun(
  name: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): NpmScript {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [...argumentsOf(name), ...args], {
    cwd: ROOT,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const waiting = new Set<() => void>();
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      for (const look of waiting) look();
    });
  }
  const closed = once(child, 'close').then(() => child.exitCode ?? child.signalCode ?? -1);
  const lines = () => output.stdout.split('\n').slice(0, -1);
  const within = async <T>(promise: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => child.kill(), TIMEOUT);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    lines,
    stderr: () => output.stderr,
    line: (pattern) =>
      within(
        new Promise((resolve, reject) => {
          const look = () => {
            for (const line of lines()) {
              const match = pattern.exec(line);
              if (match === null) continue;
              waiting.delete(look);
              resolve(match);
              return;
            }
          };
          waiting.add(look);
          look();
          closed.then((end) => reject(new Error(`${name} ended with ${end}: ${output.stderr}`)));
        }),
      ),
    stopReading: () => child.stdout.destroy(),
    ended: () => within(closed),
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return within(closed);
    },
  };
}
