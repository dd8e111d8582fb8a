import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import express from 'express';
import { SignJWT } from 'jose';
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
import {
  type AssertionClient,
  authenticateClient,
  PrivateKeyJwtStrategy,
} from '../../lib/index.js';
import { assertionForm, seconds, signAssertion } from '../support/assertion.js';
import { newBrowser } from '../support/browser.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
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

const ES = keyPair('ES256');

/** Our PAR endpoint with the profile, which has the name of the peer, so that one assertion is for both. */
async function ourPar(t: TestContext, issuer: string) {
  const client: AssertionClient = {
    clientId: CLIENT_ID,
    secrets: [{ type: 'JsonWebKey', value: JSON.stringify(ES.publicJwk) }],
  };
  const strategy = new PrivateKeyJwtStrategy({ issuer, profile: 'fapi2' }, () => client);
  const app = express();
  app.post(
    '/request',
    express.urlencoded({ extended: false }),
    authenticateClient(strategy),
    (_request, response) => {
      response.status(201).json({});
    },
  );
  const server = await listen(app);
  t.after(() => server.close());
  return `${server.url}/request`;
}

/**
 * What a client may send, and whether we take it. The peer answers the same, but for the rows that say
 * that it is more lenient.
 */
const SENT: readonly {
  readonly what: string;
  readonly claims?: (issuer: string) => Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly form?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly other?: true;
  readonly taken: boolean;
  readonly peerTakes?: true;
}[] = [
  { what: 'the issuer as aud', taken: true },
  {
    what: 'an array as aud',
    claims: (issuer) => ({ aud: [issuer] }),
    taken: false,
    peerTakes: true,
  },
  {
    what: 'the token endpoint as aud',
    claims: (issuer) => ({ aud: `${issuer}/token` }),
    taken: false,
    peerTakes: true,
  },
  {
    what: 'the PAR endpoint as aud',
    claims: (issuer) => ({ aud: `${issuer}/request` }),
    taken: false,
    peerTakes: true,
  },
  {
    what: 'nbf and iat 8 s ahead',
    claims: () => ({ nbf: seconds() + 8, iat: seconds() + 8 }),
    taken: true,
  },
  { what: 'nbf 70 s ahead', claims: () => ({ nbf: seconds() + 70 }), taken: false },
  {
    what: 'iat 70 s ahead',
    claims: () => ({ iat: seconds() + 70 }),
    taken: false,
    peerTakes: true,
  },
  {
    what: 'exp five minutes past',
    claims: () => ({ exp: seconds() - 300, iat: undefined }),
    taken: false,
  },
  { what: 'no exp', claims: () => ({ exp: undefined }), taken: false },
  { what: 'no jti', claims: () => ({ jti: undefined }), taken: false },
  { what: 'another sub', claims: () => ({ sub: 'other' }), taken: false },
  { what: 'another key', other: true, taken: false },
  { what: 'a client_secret beside it', form: { client_secret: 'x' }, taken: false },
  {
    what: 'an Authorization header beside it',
    headers: { authorization: 'Basic Y2xpZW50Ong=' },
    taken: false,
  },
];

for (const { what, taken, peerTakes = taken, ...sent } of SENT) {
  test(`FAPI 2.0: an assertion with ${what} is ${taken ? 'taken' : 'refused'}${peerTakes === taken ? ', by oidc-provider too' : ''}`, async (t) => {
    const provider = await fapiProvider(ES.publicJwk, 'ES256');
    t.after(() => provider.close());
    const { issuer } = provider;
    const challenge = await calculatePKCECodeChallenge(randomPKCECodeVerifier());
    const assertion = await signAssertion(CLIENT_ID, {
      pair: sent.other ? newKeyPair('ES256') : ES,
      header: sent.header ?? {},
      claims: { aud: issuer, ...sent.claims?.(issuer) },
    });
    const body = assertionForm(assertion, {
      client_id: CLIENT_ID,
      response_type: 'code',
      redirect_uri: CALLBACK,
      scope: 'openid',
      code_challenge: challenge,
      code_challenge_method: 'S256',
      ...sent.form,
    });
    for (const [who, url, takes] of [
      ['oidc-provider', `${issuer}/request`, peerTakes],
      ['we', await ourPar(t, issuer), taken],
    ] as const) {
      const response = await fetch(url, { method: 'POST', body, headers: sent.headers ?? {} });
      const text = await response.text();
      if (takes) assert.equal(response.status, 201, `${who}: ${text}`);
      else assert.match(`${response.status}`, /^40[01]$/, `${who}: ${text}`);
    }
  });
}

test('FAPI 2.0: oidc-provider accepts the request object that our service signs, pushed with our assertion', async (t) => {
  const service = new AssertionService({
    ...presets.fapi2,
    clientId: CLIENT_ID,
    key: ES.privateKey,
  });
  const provider = await openIdProvider(
    {
      client_id: CLIENT_ID,
      redirect_uris: [CALLBACK],
      jwks: { keys: [service.key.publicJwk as never] },
      token_endpoint_auth_signing_alg: 'ES256',
      request_object_signing_alg: 'ES256',
      id_token_signed_response_alg: 'PS256',
      dpop_bound_access_tokens: true,
      require_signed_request_object: true,
    },
    () => ({
      enabledJWA: { idTokenSigningAlgValues: ['PS256'] },
      responseTypes: ['code'],
      features: {
        fapi: { enabled: true, profile: '2.0' },
        pushedAuthorizationRequests: { enabled: true },
        requestObjects: { enabled: true },
        dPoP: { enabled: true, nonceSecret: randomBytes(32) },
      },
    }),
  );
  t.after(() => provider.close());
  const server = { issuer: provider.issuer, token_endpoint: `${provider.issuer}/token` };
  const challenge = await calculatePKCECodeChallenge(randomPKCECodeVerifier());
  const parameters = {
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  };
  const push = async (request: string) => {
    const body = assertionForm(await service.createClientToken({ server }), {
      client_id: CLIENT_ID,
      request,
    });
    return fetch(`${provider.issuer}/request`, { method: 'POST', body });
  };
  const now = seconds();
  const signed = (claims: Record<string, unknown>) =>
    new SignJWT({
      iss: CLIENT_ID,
      aud: provider.issuer,
      client_id: CLIENT_ID,
      ...parameters,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'oauth-authz-req+jwt' })
      .sign(ES.privateKey);
  const ours = await push(await service.signAuthorizationRequest(parameters, { server }));
  assert.equal(ours.status, 201, await ours.text());
  for (const claims of [{ nbf: now }, { exp: now + 300 }, { nbf: now, exp: now - 300 }]) {
    const refused = await push(await signed(claims));
    assert.equal(refused.status, 400, `${JSON.stringify(claims)} ${await refused.text()}`);
  }
});
