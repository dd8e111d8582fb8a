import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertionForm, signAssertion } from '../../support/assertion.js';
import { keyPair } from '../../support/keys.js';
import { tokenEndpoint } from '../../support/token-endpoint.js';
import { waitUntil } from '../../support/wait-until.js';

const client = {
  clientId: 'client',
  secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk } as const],
};

/** Sends a request, or its beginning, and hangs up. */
async function hangUp(url: string, body: string, sent: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(
    [
      'POST /token HTTP/1.1',
      `Host: ${hostname}:${port}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
      '',
      sent,
    ].join('\r\n'),
  );
  await sleep(50);
  socket.destroy();
}

test('a caller that disconnects during the lookup has used its assertion up', async (t) => {
  const endpoint = await tokenEndpoint(() => sleep(150, client));
  t.after(() => endpoint.close());
  const form = assertionForm(await signAssertion());
  await hangUp(endpoint.url, form.toString(), form.toString());
  await waitUntil(async () => endpoint.events.length === 1);
  assert.equal(endpoint.events[0]?.outcome, 'success');

  assert.equal((await endpoint.post(form)).status, 401);
  assert.equal(endpoint.events.at(-1)?.reason, 'replayed');
  assert.equal((await endpoint.post(assertionForm(await signAssertion()))).status, 200);
});

test('a caller that disconnects before its form is complete has used nothing up', async (t) => {
  const endpoint = await tokenEndpoint([client]);
  t.after(() => endpoint.close());
  const form = assertionForm(await signAssertion());
  await hangUp(endpoint.url, form.toString(), form.toString().slice(0, 200));
  await sleep(100);
  assert.deepEqual(endpoint.events, []);
  assert.equal((await endpoint.post(form)).status, 200);
});

test('a hundred callers that disconnect leave the service as it was', async (t) => {
  const endpoint = await tokenEndpoint(() => sleep(100, client));
  t.after(() => endpoint.close());
  const forms = await Promise.all(
    Array.from({ length: 100 }, async () => assertionForm(await signAssertion()).toString()),
  );
  await Promise.all(forms.map((form) => hangUp(endpoint.url, form, form)));
  await waitUntil(async () => endpoint.events.length === 100);
  assert.equal((await endpoint.post(assertionForm(await signAssertion()))).status, 200);
});
