/** A primary with one worker; both make two memory stores. */
import cluster from 'node:cluster';
import { MemoryReplayStore } from '../../../lib/index.js';

process.on('warning', (warning) => {
  const { code } = warning as { code?: string };
  if (code !== undefined) console.log(cluster.isPrimary ? 'primary' : 'worker', code);
});
new MemoryReplayStore();
new MemoryReplayStore();
if (cluster.isPrimary) cluster.fork();
else setImmediate(() => cluster.worker?.disconnect());
