import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeOnSignals } from '../shared/shutdown.js';
import { createApp } from './app.js';
import { ClientsFile } from './clients/clients-file.js';
import { ClientsFileError } from './clients/registered-client.js';
import { log } from './log.js';
import { openReplayStore } from './replay.js';
import { readSettings, SettingsError } from './settings.js';
import { newServerKeys } from './signing-keys.js';

/** Whether an error is about the settings, so that its message says enough. */
const isAboutSettings = (error: unknown): error is Error =>
  error instanceof SettingsError ||
  error instanceof ClientsFileError ||
  (error as NodeJS.ErrnoException).syscall === 'listen';

async function start(): Promise<void> {
  const settings = readSettings(process.env);
  const clients = await ClientsFile.open(settings.clientsFile, log, settings);
  const replay = await openReplayStore(settings, log);
  const keys = await newServerKeys(settings.profile);

  // A signed request with a state of 8 kB is a long URL.
  const http = createServer({ maxHeaderSize: 65_536 });
  http.listen(settings.port, settings.host);
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const url = `http://localhost:${port}`;
  const issuer = settings.issuer ?? url;
  http.on('request', createApp({ issuer, settings, clients, replay: replay.store, keys, log }));
  closeOnSignals(http, () => replay.close());
  process.stdout.write(`listening on ${url}\n`);
}

try {
  await start();
} catch (error) {
  const text = isAboutSettings(error) ? error.message : (error as Error).stack;
  process.stderr.write(`${text}\n`, () => process.exit(1));
}
