import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort } from '../../test/support/free-port.js';

/** A Redis on loopback for the time of a measurement. */
export interface RunningRedis {
  readonly url: string;
  stop(): Promise<void>;
}

async function whenReady(url: string, child: ChildProcess): Promise<void> {
  const client = createClient({ url, socket: { reconnectStrategy: () => 50 } });
  client.on('error', () => {});
  const ended = once(child, 'exit').then(() => {
    throw new Error('redis-server has not started.');
  });
  await Promise.race([client.connect(), ended]);
  client.destroy();
}

/** Starts `redis-server`, which must be installed, with these further arguments. */
export async function startRedis(args: readonly string[]): Promise<RunningRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-redis-'));
  const port = await freePort();
  const child = spawn(
    'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...args],
    { stdio: 'ignore' },
  );
  const url = `redis://127.0.0.1:${port}`;
  await whenReady(url, child);
  return {
    url,
    async stop() {
      child.kill();
      await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
}
