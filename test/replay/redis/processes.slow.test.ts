import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import type { TestContext } from 'node:test';
import { assertionForm, signAssertion } from '../../support/assertion.js';
import { keyPair } from '../../support/keys.js';
import { postForm } from '../../support/post-form.js';
import { startProgram } from '../../support/program.js';
import { RedisServer, redisTest } from '../../support/redis-server.js';

const ASSERTIONS = 10_000;
const PROCESSES = 4;
const LANES = 16;

const pair = keyPair('EdDSA');

/** The process that a connection has ended up with, and stays with as long as it is open. */
const processOf = (agent: Agent, url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    get(`${url}/process`, { agent }, (response) => {
      response.setEncoding('utf8').once('data', resolve);
    }).on('error', reject);
  });

/** One connection to each process, so many times over. */
async function connections(t: TestContext, url: string): Promise<Agent[][]> {
  const byProcess = new Map<string, Agent[]>();
  const isComplete = () =>
    byProcess.size === PROCESSES && [...byProcess.values()].every(({ length }) => length >= LANES);
  for (let opened = 0; !isComplete() && opened < 50 * LANES; opened += 1) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const process = await processOf(agent, url);
    byProcess.set(process, [...(byProcess.get(process) ?? []), agent]);
  }
  assert.ok(isComplete(), `connections reach ${byProcess.size} processes`);
  return Array.from({ length: LANES }, (_, lane) =>
    [...byProcess.values()].map((agents) => agents[lane] as Agent),
  );
}

redisTest('four processes behind one port accept each of 10,000 assertions once', async (t) => {
  const redis = await RedisServer.start(t);
  const program = startProgram(
    new URL('../../support/programs/cluster-server.ts', import.meta.url),
    [],
    { CLIENT_JWK: JSON.stringify(pair.publicJwk), REDIS_URL: redis.url },
  );
  t.after(() => program.stop());
  const url = (await program.line('worker http')).split(' ')[1] ?? '';
  await program.lines('worker http', PROCESSES);

  let remaining = ASSERTIONS;
  const outcomes = new Map<string, number>();
  const lane = async (agents: readonly Agent[]) => {
    while (remaining > 0) {
      remaining -= 1;
      const form = assertionForm(await signAssertion('client', { pair })).toString();
      const statuses = await Promise.all(
        agents.map((agent) => postForm(agent, `${url}/token`, form)),
      );
      const outcome = statuses.sort().join(' ');
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all((await connections(t, url)).map(lane));

  assert.deepEqual([...outcomes], [['200 401 401 401', ASSERTIONS]]);
  // Each process has also tried Redis with a key of its own when it started.
  const keys = Number(await redis.command('DBSIZE'));
  assert.ok(keys >= ASSERTIONS && keys <= ASSERTIONS + PROCESSES, `${keys} keys`);
});
