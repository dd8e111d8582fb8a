import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

type Environment = Readonly<Record<string, string>>;

/** What the programs get of this process's environment: none of its settings. */
const { PATH = '', HOME = '' } = process.env;

/** The programs of the demo, each a process of its own. */
export class Services {
  private readonly children = new Set<ChildProcess>();
  private readonly onEnd: (how: string | number) => void;

  /** @param onEnd called when a program ends that should go on, with its exit code or signal */
  constructor(onEnd: (how: string | number) => void) {
    this.onEnd = onEnd;
  }

  /**
   * Starts a program that goes on, and waits until it says where it listens.
   *
   * @returns the URL
   */
  async start(folder: string, env: Environment): Promise<string> {
    const name = basename(folder);
    const child = this.spawn(folder, env);
    child.once('exit', (code, signal) => this.onEnd(code ?? signal ?? ''));
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`${name} ended with ${code ?? signal}.`);
    });
    ended.catch(() => {});
    const listening = new Promise<string>((resolve) => {
      this.eachLine(child, (line) => {
        const url = /^listening on (\S+)$/.exec(line)?.[1];
        if (url !== undefined) resolve(url);
        process.stdout.write(`[${name}] ${line}\n`);
      });
    });
    return Promise.race([listening, ended]);
  }

  /** Runs a program that comes to an end, and waits for it. */
  async run(folder: string, env: Environment): Promise<void> {
    const name = basename(folder);
    const child = this.spawn(folder, env);
    this.eachLine(child, (line) => process.stdout.write(`${line}\n`));
    const [code, signal] = await once(child, 'close');
    if (code !== 0) throw new Error(`${name} ended with ${code ?? signal}.`);
  }

  /** Ends all of them, and waits until they have. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.children].map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }),
    );
  }

  private spawn(folder: string, env: Environment): ChildProcess {
    const main = fileURLToPath(new URL(`${folder}/main.ts`, import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', main], {
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.children.add(child);
    child.once('exit', () => this.children.delete(child));
    return child;
  }

  private eachLine({ stdout }: ChildProcess, listener: (line: string) => void): void {
    if (stdout !== null) createInterface({ input: stdout }).on('line', listener);
  }
}
