import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  type DPoPHandle,
  fetchUserInfo,
  getDPoPHandle,
  randomDPoPKeyPair,
  refreshTokenGrant,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client';
import { newBrowser } from '../support/browser.js';
import { keyPair } from '../support/keys.js';
import { SUBJECT } from '../support/openid-provider.js';
import { CLIENT_ID, relyingParty } from '../support/relying-party.js';

const flags = [false, true];
const VARIANTS = flags.flatMap((jar) =>
  flags.flatMap((par) => flags.map((dpop) => ({ jar, par, dpop }))),
);

const demandDPoP = () => ({
  features: {
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
  },
});

for (const { jar, par, dpop } of VARIANTS) {
  const how = [jar && 'JAR', par && 'PAR', dpop && 'DPoP with nonces'].filter(Boolean);
  test(`a user logs in, and the tokens are refreshed and revoked, with ${how.join(', ') || 'neither JAR, PAR nor DPoP'}`, async (t) => {
    let DPoP: DPoPHandle | undefined;
    const party = await relyingParty({
      strategy: ({ config }) => ({
        signedAuthorizeRequests: jar,
        usePAR: par,
        ...(dpop && {
          DPoP: async () => {
            DPoP ??= getDPoPHandle(config, await randomDPoPKeyPair());
            return DPoP;
          },
        }),
      }),
      client: {
        require_signed_request_object: jar,
        require_pushed_authorization_requests: par,
        dpop_bound_access_tokens: dpop,
      },
      ...(dpop && { provider: demandDPoP }),
    });
    t.after(() => party.close());
    const { config, provider } = party;

    const page = await newBrowser().open(`${party.url}/login`);
    assert.deepEqual(JSON.parse(page.body), { user: { sub: SUBJECT } });
    const [tokens] = party.logins;
    assert.equal(tokens?.claims()?.sub, SUBJECT);
    assert.equal(tokens?.token_type, dpop ? 'dpop' : 'bearer');

    const options = DPoP && { DPoP };
    const refreshed = await refreshTokenGrant(config, tokens?.refresh_token ?? '', {}, options);
    assert.notEqual(refreshed.access_token, tokens?.access_token);
    const userInfo = await fetchUserInfo(config, refreshed.access_token, SUBJECT, options);
    assert.equal(userInfo.sub, SUBJECT);
    const introspected = await tokenIntrospection(config, refreshed.access_token);
    assert.equal(introspected.active, true);
    assert.equal(introspected.cnf?.jkt, await DPoP?.calculateThumbprint());
    await tokenRevocation(config, refreshed.refresh_token ?? '');
    await assert.rejects(refreshTokenGrant(config, refreshed.refresh_token ?? '', {}, options), {
      error: 'invalid_grant',
    });

    assert.deepEqual(party.errors, []);
    assert.deepEqual(provider.failures, []);
    const jtis = provider.assertions.map(({ claims }) => claims['jti']);
    assert.equal(new Set(jtis).size, jtis.length);
    const routes = new Set(provider.assertions.map(({ route }) => route));
    assert.deepEqual(
      [...routes],
      [...(par ? ['pushed_authorization_request'] : []), 'token', 'introspection', 'revocation'],
    );
    assert.equal(provider.requestObjects.length > 0, jar);
    for (const { header, claims } of provider.requestObjects) {
      assert.equal(header['typ'], 'oauth-authz-req+jwt');
      assert.equal(claims['aud'], provider.issuer);
      assert.equal(claims['client_id'], CLIENT_ID);
      assert.equal(typeof claims['dpop_jkt'], dpop ? 'string' : 'undefined');
    }
  });
}

for (const alg of ['PS256', 'ES384', 'EdDSA'] as const) {
  test(`authorize requests are signed with the key of assertions, ${alg} too`, async (t) => {
    const algorithms = [alg];
    const pair = keyPair(alg);
    const party = await relyingParty({
      pair: { ...pair, alg },
      strategy: () => ({ signedAuthorizeRequests: true }),
      client: { request_object_signing_alg: alg, token_endpoint_auth_signing_alg: alg },
      provider: () => ({
        enabledJWA: {
          clientAuthSigningAlgValues: algorithms,
          requestObjectSigningAlgValues: algorithms,
        },
      }),
    });
    t.after(() => party.close());
    await newBrowser().open(`${party.url}/login`);
    assert.equal(party.logins.length, 1);
    const { assertions, requestObjects } = party.provider;
    assert.deepEqual(requestObjects[0]?.header['kid'], assertions[0]?.header['kid']);
    assert.equal(requestObjects[0]?.header['alg'], alg);
  });
}

test('if the server requires JAR and PAR, the strategy uses both without options', async (t) => {
  const party = await relyingParty({
    provider: () => ({
      features: {
        requestObjects: { enabled: true, requireSignedRequestObject: true },
        pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
      },
    }),
  });
  t.after(() => party.close());
  await newBrowser().open(`${party.url}/login`);
  assert.equal(party.logins.length, 1);
});
