import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitUntil } from './wait-until.js';

/** How long the sample may take to start, in milliseconds. */
const START_TIMEOUT = 30_000;

/** Client metadata as CLIENTS_FILE holds it. */
export type ClientEntry = Readonly<Record<string, unknown>>;

/** The token-server sample as a process of its own. */
export interface TokenServerProcess {
  /** Its issuer identifier and the URL that it listens at. */
  readonly url: string;
  /** What it logged, line by line. */
  readonly lines: readonly string[];
  /** The events of its log, of one kind, as soon as there are so many of them. */
  events(name: string, atLeast: number): Promise<Record<string, unknown>[]>;
  /** Changes CLIENTS_FILE. */
  writeClients(clients: readonly ClientEntry[] | string): Promise<void>;
  /** Posts a form. */
  post(path: string, form: Record<string, string> | URLSearchParams): Promise<Response>;
  /** Ends it as an operator does. The exit code, or the signal that it died of. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** How a process ended that was to start the sample. */
export interface Ended {
  readonly code: number | NodeJS.Signals;
  readonly stderr: string;
}

function spawnSample(env: Readonly<Record<string, string>>): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  return spawn('npm', ['run', '--silent', 'sample:token-server'], {
    env: { PATH, HOME, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode ?? child.signalCode ?? -1;
}

function textOf(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.on('data', (chunk) => {
    text += chunk;
  });
  return () => text;
}

/** Runs the sample with settings that stop it. */
export async function runTokenServer(env: Readonly<Record<string, string>>): Promise<Ended> {
  const child = spawnSample(env);
  const stderr = textOf(child.stderr);
  const timer = setTimeout(() => child.kill(), START_TIMEOUT);
  const code = await exitOf(child);
  clearTimeout(timer);
  return { code, stderr: stderr() };
}

async function clientsFile(clients: readonly ClientEntry[] | string) {
  const folder = await mkdtemp(join(tmpdir(), 'token-server-'));
  const path = join(folder, 'clients.json');
  const write = (content: readonly ClientEntry[] | string) =>
    writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  await write(clients);
  return { path, write, remove: () => rm(folder, { recursive: true }) };
}

/** Writes CLIENTS_FILE, and runs the sample with it until it stops by itself. */
export async function runWithClients(
  clients: readonly ClientEntry[] | string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const file = await clientsFile(clients);
  try {
    return await runTokenServer({ CLIENTS_FILE: file.path, ...env });
  } finally {
    await file.remove();
  }
}

const eventsOf = (lines: readonly string[], name: string): Record<string, unknown>[] =>
  lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => event === name);

/** Starts the sample, as `npm run sample:token-server` does, on a free port. */
export async function startTokenServer(
  clients: readonly ClientEntry[],
  env: Readonly<Record<string, string>> = {},
): Promise<TokenServerProcess> {
  const file = await clientsFile(clients);
  const child = spawnSample({ CLIENTS_FILE: file.path, ...env });
  const stderr = textOf(child.stderr);
  const lines: string[] = [];

  const url = await new Promise<string>((resolve, reject) => {
    const fail = () => reject(new Error(`The token server did not start: ${stderr()}`));
    const timer = setTimeout(fail, START_TIMEOUT);
    child.once('exit', fail);
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      lines.push(line);
      const listening = /^listening on (\S+)$/.exec(line)?.[1];
      if (listening === undefined) return;
      clearTimeout(timer);
      resolve(listening);
    });
  });

  return {
    url,
    lines,
    async events(name, atLeast) {
      await waitUntil(async () => eventsOf(lines, name).length >= atLeast);
      return eventsOf(lines, name);
    },
    writeClients: file.write,
    post: (path, form) =>
      fetch(url + path, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' }),
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const code = await exitOf(child);
      await file.remove();
      return code;
    },
  };
}
