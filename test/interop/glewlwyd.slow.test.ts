import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientCredentialsGrant } from 'openid-client';
import {
  AssertionService,
  type AssertionServiceOptions,
  CLIENT_ASSERTION_TYPE,
  clientAssertion,
} from '../../lib/client/index.js';
import { GLEWLWYD_PACKAGES, hasGlewlwyd, startGlewlwyd } from '../support/glewlwyd.js';
import { newKeyPair } from '../support/keys.js';
import { discover } from '../support/relying-party.js';

const isMissing = !hasGlewlwyd();
if (isMissing && process.env['REQUIRE_GLEWLWYD'] === '1') {
  throw new Error('REQUIRE_GLEWLWYD is 1, but Glewlwyd is not installed.');
}

// Glewlwyd 2.7 wants the endpoint that is called as the audience, and so does Okta.
const TOKEN_ENDPOINT = {
  audience: (server) => server.token_endpoint,
} satisfies Partial<AssertionServiceOptions>;

test('Glewlwyd, an OpenID provider in C, accepts our assertions', {
  skip: isMissing && `Glewlwyd is not installed: apt-get install ${GLEWLWYD_PACKAGES}`,
}, async (t) => {
  const glewlwyd = await startGlewlwyd();
  t.after(() => glewlwyd.stop());

  for (const alg of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const) {
    await t.test(`signed with ${alg}`, async () => {
      const clientId = `client-${alg}`;
      const key = { key: newKeyPair(alg).privateKey, alg };
      const service = new AssertionService({ clientId, key, ...TOKEN_ENDPOINT });
      await glewlwyd.addClient(clientId, service.key.publicJwk, 'api1');
      const config = await discover(glewlwyd.issuer, clientId, clientAssertion(service));
      const tokens = await clientCredentialsGrant(config, { scope: 'api1' });
      assert.equal(tokens.scope, 'api1');
    });
  }

  const clientId = 'client';
  const key = newKeyPair('ES256').privateKey;
  const service = new AssertionService({ clientId, key });
  await glewlwyd.addClient(clientId, service.key.publicJwk, 'api1');
  const post = async (endpoint: string, assertion: string, form: Record<string, string>) => {
    const body = new URLSearchParams({
      client_id: clientId,
      client_assertion_type: CLIENT_ASSERTION_TYPE,
      client_assertion: assertion,
      ...form,
    });
    const response = await fetch(endpoint, { method: 'POST', body });
    return { status: response.status, text: await response.text() };
  };
  const tokenRequest = { grant_type: 'client_credentials', scope: 'api1' };

  await t.test('at its PAR, introspection and revocation endpoints too', async () => {
    const endpoint = (name: string) => `${glewlwyd.issuer}/${name}`;
    const call = async (name: string, form: Record<string, string>) =>
      post(endpoint(name), await service.createClientToken({ audience: endpoint(name) }), form);
    const { access_token } = JSON.parse((await call('token', tokenRequest)).text);
    const pushed = await call('par', {
      response_type: 'code',
      scope: 'api1',
      redirect_uri: 'https://client.example/cb',
    });
    assert.match(pushed.text, /"request_uri":"urn:ietf:params:oauth:request_uri:/);
    assert.equal(JSON.parse((await call('introspect', { token: access_token })).text).active, true);
    assert.equal((await call('revoke', { token: access_token })).status, 200);
    assert.equal(
      JSON.parse((await call('introspect', { token: access_token })).text).active,
      false,
    );
  });

  await t.test('each once', async () => {
    const audience = `${glewlwyd.issuer}/token`;
    const assertion = await service.createClientToken({ audience });
    assert.equal((await post(audience, assertion, tokenRequest)).status, 200);
    assert.notEqual((await post(audience, assertion, tokenRequest)).status, 200);
  });

  await t.test('but none of another key', async () => {
    const stranger = new AssertionService({
      clientId,
      key: newKeyPair('ES256').privateKey,
      ...TOKEN_ENDPOINT,
    });
    const config = await discover(glewlwyd.issuer, clientId, clientAssertion(stranger));
    await assert.rejects(clientCredentialsGrant(config, { scope: 'api1' }));
  });
});
