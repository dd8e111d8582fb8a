import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NpmScript, npmRun } from './npm-script.js';
import { waitUntil } from './wait-until.js';

/** Client metadata as CLIENTS_FILE holds it. */
export type ClientEntry = Readonly<Record<string, unknown>>;

type Environment = Readonly<Record<string, string>>;

/** The token-server sample as a process of its own. */
export interface TokenServerProcess {
  /** The URL that it listens at, and its issuer identifier by default. */
  readonly url: string;
  /** All that it wrote, line by line. */
  lines(): readonly string[];
  stopReading: NpmScript['stopReading'];
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

const sample = (env: Environment): NpmScript => npmRun('demo:server', { PORT: '0', ...env });

/** Runs the sample with settings that stop it. */
export async function runTokenServer(env: Environment): Promise<Ended> {
  const script = sample(env);
  const code = await script.ended();
  return { code, stderr: script.stderr() };
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
  env: Environment = {},
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

/** Starts the sample, as `npm run demo:server` does, on a free port. */
export async function startTokenServer(
  clients: readonly ClientEntry[],
  env: Environment = {},
): Promise<TokenServerProcess> {
  const file = await clientsFile(clients);
  const script = sample({ CLIENTS_FILE: file.path, ...env });
  const [, url = ''] = await script.line(/^listening on (\S+)$/);
  return {
    url,
    lines: script.lines,
    stopReading: script.stopReading,
    async events(name, atLeast) {
      await waitUntil(async () => eventsOf(script.lines(), name).length >= atLeast);
      return eventsOf(script.lines(), name);
    },
    writeClients: file.write,
    post: (path, form) =>
      fetch(url + path, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' }),
    async stop(signal) {
      const code = await script.stop(signal);
      await file.remove();
      return code;
    },
  };
}
