import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type RedisClient, RedisReplayStore } from '../../lib/replay/redis.js';
import { keyPair } from './keys.js';
import { assertNoneAcceptedTwice, type Load, startLoad } from './load.js';
import { type TokenEndpoint, tokenEndpoint } from './token-endpoint.js';

/** A token endpoint that remembers assertions in Redis, for the time of a test. */
export async function replayEndpoint(
  t: TestContext,
  client: RedisClient,
  timeout?: number,
): Promise<TokenEndpoint> {
  const secrets = [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk } as const];
  const replay = new RedisReplayStore(client, { timeout });
  const endpoint = await tokenEndpoint([{ clientId: 'client', secrets }], {
    replay,
    timeout: 10,
  });
  t.after(() => endpoint.close());
  return endpoint;
}

/**
 * A fault under load, and what the service does about it, whatever the fault is: it refuses with
 * 503, goes on by itself once the fault is over, and accepts nothing twice.
 *
 * @param fault brings it about
 * @param recovery ends it
 * @param forgiven milliseconds before the fault whose assertions may be forgotten
 */
export async function survive(
  endpoint: TokenEndpoint,
  fault: () => Promise<void>,
  recovery: () => Promise<void> | void,
  forgiven = 0,
): Promise<Load> {
  const load = startLoad(endpoint);
  await load.accepted();
  const before = Date.now() - forgiven;
  await fault();
  const after = Date.now();
  await load.refused(20);
  await recovery();
  await load.accepted();
  await load.stop();
  const sent = load.sent.filter(({ sentAt }) => sentAt <= before || sentAt >= after);
  await assertNoneAcceptedTwice(endpoint, forgiven === 0 ? load.sent : sent);
  const reasons = new Set(endpoint.events.map(({ reason }) => reason));
  assert.deepEqual(reasons, new Set([undefined, 'replayed', 'replay_store_failed']));
  return load;
}
