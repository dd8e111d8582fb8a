// Token endpoints in a process of their own, a port for each: `server KIND...`. To any message it
// answers with what the process has used since the one before.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { listener } from './listeners.js';
import type { Message } from './messages.js';

const send = (message: Message) => process.send?.(message);
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
let before = process.cpuUsage();

process.on('message', () => {
  const { user, system } = process.cpuUsage(before);
  send({ figures: { cpu: user + system, delayP99: delay.percentile(99) / 1e6 } });
  delay.reset();
  before = process.cpuUsage();
});
process.on('disconnect', () => process.exit());

const urls: Record<string, string> = {};
for (const kind of process.argv.slice(2)) {
  const server = await listener(kind);
  // Connections wait while the other servers have their turn.
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  urls[kind] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
}
send({ urls });
