import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertionForm, signAssertion } from './support/assertion.js';
import { keyPair } from './support/keys.js';
import { tokenEndpoint } from './support/token-endpoint.js';

test('a client with a JsonWebKey secret authenticates by its assertion (RFC 7523 §3)', async (t) => {
  const endpoint = await tokenEndpoint([
    { clientId: 'client', secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk }] },
  ]);
  t.after(() => endpoint.close());

  const response = await endpoint.post(assertionForm(await signAssertion()));
  assert.equal(response.status, 200);
  const { clientId, authInfo } = (await response.json()) as {
    clientId: string;
    authInfo: { method: string };
  };
  assert.equal(clientId, 'client');
  assert.equal(authInfo.method, 'private_key_jwt');
  assert.deepEqual(
    endpoint.events.map(({ outcome }) => outcome),
    ['success'],
  );
});
