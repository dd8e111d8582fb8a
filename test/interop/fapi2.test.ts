import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  authorizationCodeGrant,
  buildAuthorizationUrlWithPAR,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  getDPoPHandle,
  randomDPoPKeyPair,
  randomPKCECodeVerifier,
  refreshTokenGrant,
} from 'openid-client';
import { AssertionService, clientAssertion, presets } from '../../lib/client/index.js';
import { newBrowser } from '../support/browser.js';
import { newKeyPair } from '../support/keys.js';
import { openIdProvider, SUBJECT } from '../support/openid-provider.js';
import { discover } from '../support/relying-party.js';

const CLIENT_ID = 'client';
const CALLBACK = 'https://client.example/cb';

/** oidc-provider held to the FAPI 2.0 Security Profile, with DPoP nonces of its own. */
const fapiProvider = (publicJwk: unknown, alg: string) =>
  openIdProvider(
    {
      client_id: CLIENT_ID,
      redirect_uris: [CALLBACK],
      jwks: { keys: [publicJwk as never] },
      token_endpoint_auth_signing_alg: alg as never,
      id_token_signed_response_alg: 'PS256',
      dpop_bound_access_tokens: true,
      require_pushed_authorization_requests: true,
    },
    () => ({
      enabledJWA: { idTokenSigningAlgValues: ['PS256'] },
      responseTypes: ['code'],
      features: {
        fapi: { enabled: true, profile: '2.0' },
        pushedAuthorizationRequests: { enabled: true },
        dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
        userinfo: { enabled: true },
      },
    }),
  );

for (const alg of ['PS256', 'ES256', 'EdDSA'] as const) {
  test(`a login under FAPI 2.0 with ${alg}: every request, sent again or not, has its own assertion`, async (t) => {
    const service = new AssertionService({
      ...presets.fapi2,
      clientId: CLIENT_ID,
      key: newKeyPair(alg).privateKey,
    });
    const provider = await fapiProvider(service.key.publicJwk, alg);
    t.after(() => provider.close());
    const config = await discover(provider.issuer, CLIENT_ID, clientAssertion(service));
    const DPoP = getDPoPHandle(config, await randomDPoPKeyPair('ES256'));
    const pkceCodeVerifier = randomPKCECodeVerifier();

    const url = await buildAuthorizationUrlWithPAR(
      config,
      {
        redirect_uri: CALLBACK,
        scope: 'openid profile',
        code_challenge: await calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      },
      { DPoP },
    );
    const callback = await newBrowser().openUntil(url, CALLBACK);
    const tokens = await authorizationCodeGrant(
      config,
      callback,
      { pkceCodeVerifier, idTokenExpected: true },
      undefined,
      { DPoP },
    );
    const user = await fetchUserInfo(config, tokens.access_token, SUBJECT, { DPoP });
    assert.equal(user['name'], 'Alice');
    // Another key of the client's, which knows no nonce yet.
    const other = getDPoPHandle(config, await randomDPoPKeyPair('ES256'));
    const refresh = await refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, {
      DPoP: other,
    });
    assert.equal(refresh.token_type, 'dpop');

    const routes = provider.assertions.map(({ route }) => route);
    assert.deepEqual(routes, [
      'pushed_authorization_request',
      'pushed_authorization_request',
      'token',
      'token',
      'token',
    ]);
    const ids = new Set(provider.assertions.map(({ claims }) => claims['jti']));
    assert.equal(ids.size, routes.length);
    assert.deepEqual(provider.failures, []);
  });
}
