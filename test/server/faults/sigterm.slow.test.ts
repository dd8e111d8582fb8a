import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertionForm, signAssertion } from '../../support/assertion.js';
import { keyPair } from '../../support/keys.js';
import { postForm } from '../../support/post-form.js';
import { startProgram } from '../../support/program.js';

test('SIGTERM under load: running requests are finished, and the process ends by itself', async (t) => {
  const program = startProgram(
    new URL('../../support/programs/token-server.ts', import.meta.url),
    [],
    { CLIENT_JWK: JSON.stringify(keyPair('ES256').publicJwk), LOOKUP_MILLISECONDS: '2000' },
  );
  t.after(() => program.stop());
  const url = (await program.line('server http')).split(' ')[1] ?? '';
  const agent = new Agent();
  t.after(() => agent.destroy());

  const forms = await Promise.all(
    Array.from({ length: 64 }, async () => assertionForm(await signAssertion()).toString()),
  );
  const begun = forms.map((form) => postForm(agent, `${url}/token`, form));
  // Long enough for the server to accept all of them, on a busy machine too.
  await sleep(1000);
  const terminated = performance.now();
  program.child.kill('SIGTERM');
  await sleep(50);
  const refused = await postForm(agent, `${url}/token`, forms[0] ?? '');

  assert.deepEqual(new Set(await Promise.all(begun)), new Set([200]));
  // A connection that was accepted in the last moment is reset.
  assert.match(String(refused), /^ECONN(REFUSED|RESET)$/);
  assert.equal(await program.ended, 0);
  // Nothing of the library keeps a process alive: no timer, no connection, no promise.
  assert.ok(performance.now() - terminated < 5000);
});
