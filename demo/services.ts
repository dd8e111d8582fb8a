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
  /** Whether a program ended with an error, which it has explained itself. */
  hasFailed = false;
  readonly #children = new Set<ChildProcess>();
  readonly #onEnd: (how: string | number) => void;
  readonly #isTraced: boolean;

  /**
   * @param onEnd called if a program ends that should go on, with its exit code or signal
   * @param isTraced whether what the programs write is shown
   */
  constructor(onEnd: (how: string | number) => void, isTraced: boolean) {
    this.#onEnd = onEnd;
    this.#isTraced = isTraced;
  }

  /**
   * Starts a program that goes on, and waits until it says where it listens.
   *
   * @param portVariable the variable that sets its port
   * @returns the URL
   */
  async start(folder: string, portVariable: string, env: Environment): Promise<string> {
    const child = this.#spawn(folder, env, portVariable);
    let isUp = false;
    child.once('exit', (code, signal) => {
      if (isUp) this.#onEnd(code ?? signal ?? '');
    });
    const url = new Promise<string>((resolve) => {
      this.#eachLine(child, `[${basename(folder)}] `, (line) => {
        const found = /^listening on (\S+)$/.exec(line)?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    const listening = await Promise.race([url, this.#failed(child)]);
    isUp = true;
    return listening;
  }

  /** Runs a program that comes to an end, and waits for it. */
  async run(folder: string, env: Environment): Promise<void> {
    const child = this.#spawn(folder, env);
    this.#eachLine(child, '', () => {});
    const [code, signal] = await once(child, 'close');
    if (code === 0) return;
    this.hasFailed = true;
    throw new Error(`${basename(folder)} ended with ${code ?? signal}.`);
  }

  /** Ends all of them, and waits until they have. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }),
    );
  }

  async #failed(child: ChildProcess): Promise<never> {
    await once(child, 'close');
    this.hasFailed = true;
    // It has said why.
    throw new Error('');
  }

  #spawn(folder: string, env: Environment, portVariable?: string): ChildProcess {
    const main = fileURLToPath(new URL(`${folder}/main.ts`, import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', main], {
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const isTaken = /EADDRINUSE/.test(text) && portVariable !== undefined;
      process.stderr.write(
        isTaken
          ? `Port ${env['PORT']} is in use: stop the program that uses it, or set ${portVariable} to another port.\n`
          : text,
      );
    });
    return child;
  }

  #eachLine(child: ChildProcess, prefix: string, listener: (line: string) => void): void {
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (this.#isTraced) process.stdout.write(`${prefix}${line}\n`);
      listener(line);
    });
  }
}
