// Loads a token endpoint. It fails on a wrong answer, or if memory grows once the load is steady.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { newKeyPair } from '../../test/support/keys.js';
import { postForm } from '../../test/support/post-form.js';
import { median } from '../harness/median.js';
import type { Message, Sample } from './messages.js';
import { Requests } from './requests.js';

const IN_FLIGHT = 64;
const SAMPLE_SECONDS = 2;
/** Assertions and keys, code and heap have settled after this part of the time. */
const WARM_UP = 0.3;
/** What memory may differ by between the first and the last third after the warm-up. */
const ALLOWED_GROWTH = 1.05;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    users: { type: 'string' },
    seconds: { type: 'string', default: '180' },
    redis: { type: 'string' },
  },
});
const duration = Number(values.seconds);
if (!(duration >= 20)) throw new TypeError('--seconds must be a number of at least 20');

const pair = newKeyPair('ES256');
const server = fork(fileURLToPath(new URL('server.ts', import.meta.url)), {
  execArgv: ['--expose-gc', '--import', 'tsx'],
  env: {
    ...process.env,
    NODE_ENV: 'production',
    CLIENT_JWK: JSON.stringify(pair.publicJwk),
    ...(values.redis === undefined ? {} : { REDIS_URL: values.redis }),
  },
});

async function nextMessage(): Promise<Message> {
  const [message] = (await once(server, 'message')) as [Message];
  return message;
}

async function takeSample(): Promise<Sample> {
  const answer = nextMessage();
  server.send('sample');
  const message = await answer;
  if (!('sample' in message)) throw new Error('The server has answered with something else.');
  return message.sample;
}

const started = await nextMessage();
if (!('url' in started)) throw new Error('The server has not said where it listens.');
const { url } = started;

const requests = new Requests(pair);
const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
const answers = new Map<string, number>();
const wrong: string[] = [];
let isRunning = true;

async function lane(): Promise<void> {
  while (isRunning) {
    const { kind, form, expected } = await requests.next();
    const status = await postForm(agent, url, form);
    answers.set(kind, (answers.get(kind) ?? 0) + 1);
    if (status !== expected) wrong.push(`${kind}: ${status} instead of ${expected}`);
    if (status === 200) requests.noteAccepted(form);
  }
}

const lanes = Promise.all(Array.from({ length: IN_FLIGHT }, lane));
const samples: Sample[] = [];
const begin = performance.now();
while (performance.now() - begin < duration * 1000) {
  await sleep(SAMPLE_SECONDS * 1000);
  samples.push(await takeSample());
}
isRunning = false;
await lanes;
const elapsed = (performance.now() - begin) / 1000;
agent.destroy();
server.kill();

const steady = samples.slice(Math.floor(samples.length * WARM_UP));
const third = Math.ceil(steady.length / 3);
const early = median(steady.slice(0, third).map(({ usedBytes }) => usedBytes));
const late = median(steady.slice(-third).map(({ usedBytes }) => usedBytes));
const total = [...answers.values()].reduce((sum, count) => sum + count, 0);
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

console.log(
  `${total} requests in ${elapsed.toFixed(0)} s, ${(total / elapsed).toFixed(0)} a second`,
);
for (const [kind, count] of [...answers].sort()) console.log(`  ${kind}: ${count}`);
console.log(`wrong answers: ${wrong.length}`, wrong.slice(0, 10));
console.log(`memory after collection: ${megabytes(early)} MB early, ${megabytes(late)} MB late`);
console.log(`replay entries: ${samples.at(-1)?.replayEntries ?? 'in Redis'}`);
console.log(
  `event-loop delay: p99 ${median(steady.map(({ delayP99 }) => delayP99)).toFixed(1)} ms,`,
  `longest ${Math.max(...steady.map(({ delayMax }) => delayMax)).toFixed(1)} ms`,
);
if (late > early * ALLOWED_GROWTH) console.log('The memory grows.');
if (wrong.length > 0 || late > early * ALLOWED_GROWTH) process.exitCode = 1;
