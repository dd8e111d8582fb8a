import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { waitUntil } from './wait-until.js';

/** Whether a program can be run here. */
export const isInstalled = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** Registers a test that needs a program; where there is none it is left out, and says so. */
export function testWith(
  program: string,
  name: string,
  run: (t: TestContext) => Promise<void>,
): void {
  if (isInstalled(program)) {
    test(name, run);
    return;
  }
  if (process.env['REQUIRE_REDIS'] === '1' && program !== 'valkey-server') {
    throw new Error(`REQUIRE_REDIS is 1, but ${program} is not installed.`);
  }
  test(name, { skip: `${program} is not installed: install it to run this test` }, run);
}

/** Registers a test that needs Redis. */
export const redisTest = (name: string, run: (t: TestContext) => Promise<void>): void =>
  testWith('redis-server', name, run);

/** Redis Cluster wants a second port, this much above the first. */
const BUS_OFFSET = 10_000;

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  await once(server.close(), 'close');
  return true;
}

/** A port of loopback that nobody listens on, nor on that of its cluster bus. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 30_000);
    if ((await isFree(port)) && (await isFree(port + BUS_OFFSET))) return port;
  }
}

const PERSISTENT = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];

/** A real server of Redis, Valkey or Sentinel, on loopback, with its files in a folder of its own. */
export class RedisServer {
  readonly port: number;
  readonly folder: string;
  private readonly program: string;
  private readonly args: readonly string[];
  private process: ChildProcess | undefined;

  private constructor(program: string, port: number, folder: string, args: readonly string[]) {
    this.program = program;
    this.port = port;
    this.folder = folder;
    this.args = args;
  }

  /** Starts a server that writes each command to disk, and stops it after the test. */
  static async start(
    t: TestContext,
    args: readonly string[] = [],
    program = 'redis-server',
  ): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'replay-redis-'));
    const server = new RedisServer(program, await freePort(), folder, [...PERSISTENT, ...args]);
    t.after(() => server.remove());
    await server.start();
    return server;
  }

  /** Starts a Sentinel that watches over a master named `replay`, and stops it after the test. */
  static async startSentinel(t: TestContext, master: RedisServer): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'replay-sentinel-'));
    const port = await freePort();
    const file = join(folder, 'sentinel.conf');
    await writeFile(
      file,
      [
        `sentinel monitor replay 127.0.0.1 ${master.port} 1`,
        'sentinel down-after-milliseconds replay 1000',
        'sentinel failover-timeout replay 3000',
        '',
      ].join('\n'),
    );
    const sentinel = new RedisServer('redis-server', port, folder, [file, '--sentinel']);
    t.after(() => sentinel.remove());
    await sentinel.start('+monitor');
    return sentinel;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the server, or starts it again after `kill`. */
  async start(ready = 'Ready to accept connections'): Promise<void> {
    const { program, port, folder, args } = this;
    const configuration = args.filter((argument) => argument.startsWith(folder));
    const options = args.filter((argument) => !argument.startsWith(folder));
    const address = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
    const child = spawn(program, [...configuration, ...address, ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.process = child;
    let log = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (log.includes(ready)) resolve();
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${program} ended with ${code}:\n${log}`)));
    });
  }

  /** Ends it in the way of a power failure. */
  async kill(): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Stops its execution: connections stay open, nothing is answered. */
  pause(): void {
    this.process?.kill('SIGSTOP');
  }

  resume(): void {
    this.process?.kill('SIGCONT');
  }

  /** Runs a command with redis-cli. */
  async command(...args: string[]): Promise<string> {
    const address = ['-h', '127.0.0.1', '-p', String(this.port)];
    const { stdout } = await promisify(execFile)('redis-cli', [...address, ...args]);
    return stdout.trim();
  }

  /** Records the commands that clients send, as Redis sees them. */
  async monitor(t: TestContext): Promise<{ commands(count: number): Promise<string[][]> }> {
    const child = spawn('redis-cli', ['-p', String(this.port), 'MONITOR'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    t.after(() => child.kill());
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const lines = () => output.split('\n').filter((line) => line.includes('] "'));
    await waitUntil(async () => output.includes('OK'));
    return {
      async commands(count) {
        await waitUntil(async () => lines().length >= count);
        return lines().map((line) => [...line.matchAll(/"([^"]*)"/g)].map(([, word = '']) => word));
      },
    };
  }

  private async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
