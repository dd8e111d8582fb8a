import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplayStore } from '../../../lib/index.js';
import { assertionForm, signAssertion } from '../../support/assertion.js';
import { keyPair } from '../../support/keys.js';
import { tokenEndpoint } from '../../support/token-endpoint.js';

const clients = [
  {
    clientId: 'client',
    secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk } as const],
  },
];

/** What a store of the application may do, whatever its type says. */
const BROKEN: Readonly<Record<string, () => unknown>> = {
  'rejects with an error': () => Promise.reject(new Error('The database is away.')),
  'rejects with nothing': () => Promise.reject(),
  'throws at once': () => {
    throw new Error('The database is away.');
  },
  'never answers': () => new Promise<never>(() => undefined),
  'says yes after its time': () => sleep(200, true),
  'rejects after its time': () => sleep(200).then(() => Promise.reject(new Error('late'))),
  'answers with undefined': () => undefined,
  'answers with OK': async () => 'OK',
  'answers with 1': () => 1,
  'answers with null': async () => null,
  'answers with an object': () => ({ inserted: true }),
};

for (const [fault, insert] of Object.entries(BROKEN)) {
  test(`a replay store that ${fault} fails closed with 503`, async (t) => {
    const replay = { insert } as ReplayStore;
    const endpoint = await tokenEndpoint(clients, { replay, timeout: 0.1 });
    t.after(() => endpoint.close());
    const response = await endpoint.post(assertionForm(await signAssertion()));
    const { error } = (await response.json()) as { error?: string };
    assert.deepEqual([response.status, error], [503, 'temporarily_unavailable']);
    assert.equal(endpoint.events.at(-1)?.reason, 'replay_store_failed');
  });
}

test('a busy process reads the answer of the store before it reports a timeout', async (t) => {
  const replay: ReplayStore = {
    async insert() {
      const database = spawn('sh', ['-c', 'sleep 0.1; echo inserted']);
      const answer = once(database.stdout, 'data');
      await sleep(20);
      // Timers are next when this is over, and only then what other processes have sent.
      await new Promise(setImmediate);
      const until = performance.now() + 300;
      while (performance.now() < until);
      return String(await answer).startsWith('inserted');
    },
  };
  const endpoint = await tokenEndpoint(clients, { replay, timeout: 0.2 });
  t.after(() => endpoint.close());
  const response = await endpoint.post(assertionForm(await signAssertion()));
  assert.equal(response.status, 200);
});
