// A token endpoint in a process of its own: `server KIND`. To any message it answers with what it has
// used since the one before.
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { listeners } from './listeners.js';
import type { Message } from './messages.js';

const [kind = ''] = process.argv.slice(2);
const server = await listeners(kind);

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

// Connections wait while the other servers have their turn.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  send({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token` });
});
