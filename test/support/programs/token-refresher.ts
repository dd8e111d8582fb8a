/**
 * A process of an application that refreshes the tokens of many users, all the time. It prints what
 * came of it as a line of JSON.
 */

import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { allowInsecureRequests, type CustomFetch, customFetch, discovery } from 'openid-client';
import { createClient } from 'redis';
import { AssertionService, clientAssertion, UserTokenManager } from '../../../lib/client/index.js';
import { RedisLock, RedisTokenStore } from '../../../lib/client/tokens/redis.js';

interface Task {
  readonly issuer: string;
  readonly clientId: string;
  readonly keyFile: string;
  readonly redisUrl: string;
  readonly users: readonly string[];
  readonly number: number;
  readonly seconds: number;
  readonly withLock: boolean;
  readonly dieAfter?: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

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
if (task.dieAfter !== undefined) {
  let answers = 0;
  config[customFetch] = (async (url, options) => {
    const response = await fetch(url, options as RequestInit);
    answers += 1;
    if (answers === task.dieAfter) process.kill(process.pid, 'SIGKILL');
    return response;
  }) satisfies CustomFetch;
}
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
  growth: 0,
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

function usedBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

console.log('ready');
const [start, length] = [Date.now(), task.seconds * 1000];
const left = [...task.users];
let before = usedBytes();
let isWarm = false;
while (Date.now() < start + length) {
  if (!isWarm && Date.now() > start + length / 3) {
    isWarm = true;
    before = usedBytes();
  }
  const several = left.splice(0, 10);
  left.push(...several);
  await Promise.all(several.filter((each) => !result.loggedOut.includes(each)).map(refresh));
}
result.growth = usedBytes() - before;
// Once more each, shared among the processes, so that everybody is asked after all that happened.
const last = task.users.filter((_user, number) => number % 4 === task.number);
const lane = async () => {
  for (let user = last.shift(); user !== undefined; user = last.shift()) await refresh(user);
};
await Promise.all(Array.from({ length: 10 }, lane));
console.log(JSON.stringify(result));
process.exit();
