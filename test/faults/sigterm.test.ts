import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import { startProgram } from '../support/program.js';

/** The status of an answer, or the code of the error where there was none. */
const post = (agent: Agent, url: string, form: string): Promise<number | string> =>
  new Promise((resolve) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const sent = request(`${url}/token`, { method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(form);
  });

test('SIGTERM under load: what was begun is finished, and the process ends by itself', async (t) => {
  const program = startProgram(
    new URL('../support/programs/token-server.ts', import.meta.url),
    [],
    { CLIENT_JWK: JSON.stringify(keyPair('ES256').publicJwk), LOOKUP_MILLISECONDS: '300' },
  );
  t.after(() => program.stop());
  const url = (await program.line('server http')).split(' ')[1] ?? '';
  const agent = new Agent();
  t.after(() => agent.destroy());

  const forms = await Promise.all(
    Array.from({ length: 64 }, async () => assertionForm(await signAssertion()).toString()),
  );
  const begun = forms.map((form) => post(agent, url, form));
  await sleep(150);
  const terminated = performance.now();
  program.child.kill('SIGTERM');
  await sleep(50);
  const refused = await post(agent, url, forms[0] ?? '');

  assert.deepEqual(new Set(await Promise.all(begun)), new Set([200]));
  assert.equal(refused, 'ECONNREFUSED');
  assert.equal(await program.ended, 0);
  // Nothing of the library keeps a process alive: no timer, no connection, no promise.
  assert.ok(performance.now() - terminated < 5000);
});
