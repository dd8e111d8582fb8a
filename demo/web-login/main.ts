import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeOnSignals } from '../shared/shutdown.js';
import { createApp } from './app.js';
import { connect } from './provider.js';
import { readSettings, SettingsError } from './settings.js';

async function start(): Promise<void> {
  const settings = readSettings(process.env);
  const provider = await connect(settings);

  const http = createServer();
  http.listen(settings.port, settings.host);
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const url = `http://localhost:${port}`;
  http.on('request', createApp(provider, settings, settings.baseUrl ?? url));
  closeOnSignals(http, async () => {});
  process.stdout.write(`listening on ${url}\n`);
}

/** Whether an error is about the settings, so that its message says enough. */
const isAboutSettings = (error: unknown): error is Error =>
  error instanceof SettingsError || (error as NodeJS.ErrnoException).syscall === 'listen';

try {
  await start();
} catch (error) {
  const text = isAboutSettings(error) ? error.message : (error as Error).stack;
  process.stderr.write(`${text}\n`, () => process.exit(1));
}
