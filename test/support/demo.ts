import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { npmRun } from './npm-script.js';

/** The samples as `npm start` starts them. */
export interface Demo {
  /** The issuer identifier, and the URL of the token server. */
  readonly issuer: string;
  readonly webLogin: string;
  /** The key of the client `machine`, of ES256. */
  readonly machineKey: KeyObject;
  stop(): Promise<void>;
}

/** Starts the samples with new keys, on free ports where the environment names none. */
export async function startDemo(): Promise<Demo> {
  const {
    TOKEN_SERVER_PORT = String(await freePort()),
    WEB_LOGIN_PORT = String(await freePort()),
  } = process.env;
  const folder = await mkdtemp(join(tmpdir(), 'demo-'));
  const start = npmRun('start', { KEYS_FOLDER: folder, TOKEN_SERVER_PORT, WEB_LOGIN_PORT });
  await start.line(/^Just now: /);
  return {
    issuer: `http://localhost:${TOKEN_SERVER_PORT}`,
    webLogin: `http://localhost:${WEB_LOGIN_PORT}`,
    machineKey: createPrivateKey(await readFile(join(folder, 'machine.pem'))),
    async stop() {
      await start.stop();
      await rm(folder, { recursive: true });
    },
  };
}
