/**
 * A process of an application that refreshes the tokens of many users, all the time. It prints what
 * came of it as a line of JSON.
 */

import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { allowInsecureRequests, discovery } from 'openid-client';
import { createClient } from 'redis';
import { AssertionService, clientAssertion, UserTokenManager } from '../../../lib/client/index.js';
import { RedisLock, RedisTokenStore } from '../../../lib/client/tokens/redis.js';

interface Task {
  readonly issuer: string;
  readonly clientId: string;
  readonly keyFile: string;
  readonly redisUrl: string;
  readonly users: readonly string[];
  readonly seconds: number;
  readonly withLock: boolean;
}

const task = JSON.parse(process.argv[2] ?? '') as Task;
const assertions = new AssertionService({
  clientId: task.clientId,
  key: readFileSync(task.keyFile),
});
const config = await discovery(
  new URL(task.issuer),
  task.clientId,
  undefined,
  clientAssertion(assertions),
  { execute: [allowInsecureRequests] },
);
const redis = createClient({ url: task.redisUrl });
redis.on('error', () => undefined);
await redis.connect();
const users = new UserTokenManager({
  config,
  store: new RedisTokenStore(redis, { timeout: 0.5 }),
  ...(task.withLock && { lock: new RedisLock(redis) }),
});

const result = {
  refreshes: 0,
  events: {} as Record<string, number>,
  errors: {} as Record<string, number>,
  loggedOut: [] as string[],
};
subscribe('passport-private-key-jwt:client', (event) => {
  const { type } = event as { type: string };
  result.events[type] = (result.events[type] ?? 0) + 1;
});

async function refresh(sessionID: string): Promise<void> {
  const request = { sessionID };
  try {
    const { accessToken } = await users.getToken(request);
    await users.getToken(request, accessToken);
    result.refreshes += 1;
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'LoginRequiredError') result.loggedOut.push(sessionID);
    else result.errors[`${name}: ${message}`] = (result.errors[`${name}: ${message}`] ?? 0) + 1;
  }
}

console.log('ready');
const until = Date.now() + task.seconds * 1000;
const left = [...task.users];
while (Date.now() < until) {
  const several = left.splice(0, 10);
  left.push(...several);
  await Promise.all(several.filter((each) => !result.loggedOut.includes(each)).map(refresh));
}
// Once more each, so that everybody is asked after all that happened.
for (const sessionID of task.users) await refresh(sessionID);
console.log(JSON.stringify(result));
process.exit();
