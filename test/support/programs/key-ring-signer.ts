/**
 * A process of a client that gets tokens all the time, with a `KeyRing` on files that it shares with
 * others. It publishes its keys, and prints its port, and each refusal.
 */

import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { allowInsecureRequests, clientCredentialsGrant, discovery } from 'openid-client';
import {
  AssertionService,
  clientAssertion,
  KeyRing,
  keyFiles,
  publishJwks,
} from '../../../lib/client/index.js';

interface Task {
  readonly issuer: string;
  readonly files: readonly string[];
  readonly reloadEvery: number;
  readonly publishBefore: number;
  /** How far the clock of this process is ahead, in seconds. */
  readonly clockAhead: number;
}

const task = JSON.parse(process.argv[2] ?? '') as Task;
const { now } = Date;
Date.now = () => now() + task.clockAhead * 1000;

const { reloadEvery, publishBefore } = task;
const ring = new KeyRing({ keys: keyFiles(task.files), reloadEvery, publishBefore });
const app = express();
app.use('/jwks.json', publishJwks(ring));
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`port ${(server.address() as AddressInfo).port}`);
});
const assertions = new AssertionService({ clientId: 'client', key: ring });
const config = await discovery(
  new URL(task.issuer),
  'client',
  undefined,
  clientAssertion(assertions),
  {
    execute: [allowInsecureRequests],
  },
);
for (;;) {
  // Not by a manager, which would try another key after a refusal.
  await clientCredentialsGrant(config).catch((error) => console.log(`refused ${error}`));
  await sleep(100);
}
