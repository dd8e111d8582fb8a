import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { validateRequestObject } from '../../lib/index.js';
import { assertionForm, ISSUER, seconds, signAssertion } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import { tokenEndpoint } from '../support/token-endpoint.js';

const NAMES = ['EdDSA', 'Ed25519'] as const;
const pair = keyPair('Ed25519');

for (const registered of NAMES) {
  for (const alg of NAMES) {
    const client = {
      clientId: 'client',
      secrets: [{ type: 'JsonWebKey' as const, value: { ...pair.publicJwk, alg: registered } }],
      tokenEndpointAuthSigningAlg: registered,
      requestObjectSigningAlg: registered,
    };

    test(`a client registered for ${registered} may sign assertions as ${alg} (RFC 9864 §2.2)`, async (t) => {
      const endpoint = await tokenEndpoint([client]);
      t.after(() => endpoint.close());
      const assertion = await signAssertion('client', { pair, header: { alg } });
      assert.equal((await endpoint.post(assertionForm(assertion))).status, 200);
    });

    test(`a client registered for ${registered} may sign request objects as ${alg}`, async () => {
      const request = await new SignJWT({ client_id: 'client' })
        .setProtectedHeader({ alg })
        .setIssuer('client')
        .setAudience(ISSUER)
        .setExpirationTime(seconds() + 60)
        .sign(pair.privateKey);
      const { header } = await validateRequestObject({ request, client, issuer: ISSUER });
      assert.equal(header['alg'], alg);
    });
  }
}

test('a client registered for Ed25519 may not sign with another algorithm', async (t) => {
  const other = keyPair('ES256');
  const endpoint = await tokenEndpoint([
    {
      clientId: 'client',
      secrets: [{ type: 'JsonWebKey', value: other.publicJwk }],
      tokenEndpointAuthSigningAlg: 'Ed25519',
    },
  ]);
  t.after(() => endpoint.close());
  const assertion = await signAssertion('client', { pair: other });
  assert.equal((await endpoint.post(assertionForm(assertion))).status, 401);
  assert.equal(endpoint.events[0]?.reason, 'client_algorithm_mismatch');
});
