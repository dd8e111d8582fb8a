import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../demo/server/app.js';
import { ClientsFile } from '../../demo/server/clients/clients-file.js';
import { openReplayStore } from '../../demo/server/replay.js';
import { readSettings } from '../../demo/server/settings.js';
import { newServerKeys } from '../../demo/server/signing-keys.js';
import { type NpmScript, npmRun } from './npm-script.js';
import { waitUntil } from './wait-until.js';

/** Client metadata as CLIENTS_FILE holds it. */
export type ClientEntry = Readonly<Record<string, unknown>>;

type Environment = Readonly<Record<string, string>>;

/** The demo's authorization server. */
export interface TokenServer {
  /** The URL that it listens at, and its issuer identifier by default. */
  readonly url: string;
  /** All that it wrote, line by line. */
  lines(): readonly string[];
  /** The events of its log, of one kind, as soon as there are so many of them. */
  events(name: string, atLeast: number): Promise<Record<string, unknown>[]>;
  /** Changes CLIENTS_FILE. */
  writeClients(clients: readonly ClientEntry[] | string): Promise<void>;
  /** Posts a form. */
  post(path: string, form: Record<string, string> | URLSearchParams): Promise<Response>;
  stop(): Promise<unknown>;
}

/** The demo's authorization server as a process of its own. */
export interface TokenServerProcess extends TokenServer {
  stopReading: NpmScript['stopReading'];
  /** Ends it as an operator does. The exit code, or the signal that it died of. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** How a process ended that was to start the server. */
export interface Ended {
  readonly code: number | NodeJS.Signals;
  readonly stderr: string;
}

/** Tests send more bad requests a minute than an address may. */
const DEFAULTS: Environment = { PORT: '0', FAILURES_PER_MINUTE: '100000' };

const script = (env: Environment): NpmScript => npmRun('demo:server', { ...DEFAULTS, ...env });

/** Runs the server with settings that stop it. */
export async function runTokenServer(env: Environment): Promise<Ended> {
  const run = script(env);
  const code = await run.ended();
  return { code, stderr: run.stderr() };
}

async function clientsFile(clients: readonly ClientEntry[] | string) {
  const folder = await mkdtemp(join(tmpdir(), 'token-server-'));
  const path = join(folder, 'clients.json');
  const write = (content: readonly ClientEntry[] | string) =>
    writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  await write(clients);
  return { path, write, remove: () => rm(folder, { recursive: true }) };
}

/** Writes CLIENTS_FILE, and runs the server with it until it stops by itself. */
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

function tokenServer(url: string, lines: () => readonly string[]) {
  return {
    url,
    lines,
    async events(name: string, atLeast: number) {
      await waitUntil(async () => eventsOf(lines(), name).length >= atLeast);
      return eventsOf(lines(), name);
    },
    post: (path: string, form: Record<string, string> | URLSearchParams) =>
      fetch(url + path, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' }),
  };
}

/** Starts the server in this process, with the settings of an environment, on a free port. */
export async function startTokenServer(
  clients: readonly ClientEntry[],
  env: Environment = {},
): Promise<TokenServer> {
  const file = await clientsFile(clients);
  const lines: string[] = [];
  const log = (event: string, details: object) => {
    lines.push(JSON.stringify({ event, ...details }));
  };
  const settings = readSettings({ ...DEFAULTS, CLIENTS_FILE: file.path, ...env });
  const replay = await openReplayStore(settings, log);
  const http = createServer({ maxHeaderSize: 65_536 }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://localhost:${(http.address() as AddressInfo).port}`;
  const app = createApp({
    issuer: settings.issuer ?? url,
    settings,
    clients: await ClientsFile.open(file.path, log, settings),
    replay: replay.store,
    keys: await newServerKeys(settings.profile),
    log,
  });
  http.on('request', app);
  return {
    ...tokenServer(url, () => lines),
    writeClients: file.write,
    async stop() {
      http.close();
      http.closeAllConnections();
      await replay.close();
      await file.remove();
    },
  };
}

/** Starts the server as `npm run demo:server` does, on a free port. */
export async function startTokenServerProcess(
  clients: readonly ClientEntry[],
  env: Environment = {},
): Promise<TokenServerProcess> {
  const file = await clientsFile(clients);
  const run = script({ CLIENTS_FILE: file.path, ...env });
  const [, url = ''] = await run.line(/^listening on (\S+)$/);
  return {
    ...tokenServer(url, run.lines),
    stopReading: run.stopReading,
    writeClients: file.write,
    async stop(signal) {
      const code = await run.stop(signal);
      await file.remove();
      return code;
    },
  };
}
