import cluster from 'node:cluster';

let warned = false;

/**
 * Tells the operator, once, that the memory of a worker of `node:cluster` is not that of the others:
 * each of them would accept the same assertion.
 */
export function warnInClusterWorker(): void {
  if (warned || !cluster.isWorker) return;
  warned = true;
  process.emitWarning(
    'A MemoryReplayStore knows only the assertions that this worker has seen: each worker of the cluster accepts the same assertion once. Use a store that all of them share, such as redisReplay of passport-private-key-jwt/redis.',
    { type: 'PrivateKeyJwtWarning', code: 'replay_memory_in_cluster' },
  );
}
