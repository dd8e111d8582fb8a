import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../run.js';
import type { Answer, Job, Progress } from './worker.js';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
/** How much longer than a step may take the process may be silent, in milliseconds. */
const GRACE = 5_000;
const MEGABYTES = 1500;

/** The process that runs the tests. It starts when it is needed, and again after it was stopped. */
export class WarmProcess {
  #child: ChildProcess | undefined;
  readonly #keys: string;

  constructor(keys: string) {
    this.#keys = keys;
  }

  /** The answer; `hangs` if the process had to be stopped, `ended` if it ended by itself. */
  run(job: Job): Promise<Answer | 'hangs' | 'ended'> {
    this.#child ??= this.#start();
    const child = this.#child;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout;
      const settle = (result: Answer | 'hangs' | 'ended') => {
        clearTimeout(timer);
        child.removeAllListeners();
        if (typeof result === 'string') this.stop();
        resolve(result);
      };
      const wait = (within: number) => {
        clearTimeout(timer);
        timer = setTimeout(() => settle('hangs'), within + GRACE);
      };
      child.on('message', (message: Answer | Progress) => {
        if ('within' in message) wait(message.within);
        else settle(message);
      });
      child.once('exit', () => settle('ended'));
      child.once('error', () => settle('ended'));
      wait(30_000);
      child.send(job);
    });
  }

  /** Ends it, and the processes that its tests have started. */
  stop(): void {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Windows has no groups of processes.
      child.kill('SIGKILL');
    }
  }

  #start(): ChildProcess {
    return fork(WORKER, [this.#keys], {
      cwd: ROOT,
      detached: true,
      execArgv: ['--import', 'tsx', '--no-warnings', `--max-old-space-size=${MEGABYTES}`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
  }
}
