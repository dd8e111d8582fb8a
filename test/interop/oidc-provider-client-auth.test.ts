import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import {
  buildAuthorizationUrlWithPAR,
  type Configuration,
  clientCredentialsGrant,
  getDPoPHandle,
  initiateBackchannelAuthentication,
  initiateDeviceAuthorization,
  pollBackchannelAuthenticationGrant,
  pollDeviceAuthorizationGrant,
  randomDPoPKeyPair,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client';
import {
  AssertionService,
  type AssertionServiceOptions,
  clientAssertion,
} from '../../lib/client/index.js';
import { certificateOf } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';
import { type OpenIdProvider, openIdProvider } from '../support/openid-provider.js';
import { discover } from '../support/relying-party.js';
import { keyService } from '../support/remote-signer.js';

const CLIENT_ID = 'client.jwt';

type Setting = Parameters<typeof openIdProvider>;

/** A provider that knows the client's public key, and openid-client set up for it. */
async function setUp(
  t: TestContext,
  options: Partial<AssertionServiceOptions> = {},
  client: Partial<Setting[0]> = {},
  configuration?: Setting[1],
): Promise<{ provider: OpenIdProvider; config: Configuration }> {
  const key = keyPair('ES256').privateKey;
  const assertions = new AssertionService({ clientId: CLIENT_ID, key, ...options });
  const provider = await openIdProvider(
    {
      client_id: CLIENT_ID,
      jwks: { keys: [(assertions.key.publicJwk ?? keyPair('ES256').publicJwk) as never] },
      ...client,
    },
    configuration,
  );
  t.after(() => provider.close());
  const config = await discover(provider.issuer, CLIENT_ID, clientAssertion(assertions));
  return { provider, config };
}

function assertFresh({ assertions }: OpenIdProvider, routes: readonly string[]): void {
  assert.deepEqual(
    assertions.map(({ route }) => route),
    routes,
  );
  assert.equal(new Set(assertions.map(({ claims }) => claims['jti'])).size, routes.length);
}

for (const alg of [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const) {
  test(`oidc-provider accepts assertions signed with ${alg}`, async (t) => {
    const { provider, config } = await setUp(
      t,
      { key: { key: keyPair(alg).privateKey, alg } },
      { token_endpoint_auth_signing_alg: alg },
      () => ({ enabledJWA: { clientAuthSigningAlgValues: [alg] } }),
    );
    const { access_token } = await clientCredentialsGrant(config);
    assert.ok(access_token);
    assert.equal(provider.assertions[0]?.header['alg'], alg);
  });
}

test('oidc-provider accepts assertions that a key service signed in DER', async (t) => {
  const { publicJwk } = keyPair('ES512');
  const { config } = await setUp(
    t,
    { key: keyService('ES512') },
    {
      jwks: { keys: [{ ...publicJwk, kid: 'remote' } as never] },
      token_endpoint_auth_signing_alg: 'ES512',
    },
    () => ({ enabledJWA: { clientAuthSigningAlgValues: ['ES512'] } }),
  );
  assert.ok((await clientCredentialsGrant(config)).access_token);
});

test('oidc-provider accepts assertions for its token endpoint, without typ, with a certificate', async (t) => {
  const { privateKey: key } = keyPair('ES256');
  const { provider, config } = await setUp(t, {
    key: { key, certificate: await certificateOf(keyPair('ES256')), x5c: true },
    audience: ({ token_endpoint }) => token_endpoint,
    typ: false,
    notBefore: false,
  });
  assert.ok((await clientCredentialsGrant(config)).access_token);
  const { header, claims } = provider.assertions[0] ?? {};
  assert.equal(claims?.['aud'], `${provider.issuer}/token`);
  assert.deepEqual(Object.keys(header ?? {}), ['alg', 'kid', 'x5t', 'x5t#S256', 'x5c']);
});

test('every call of openid-client carries an assertion of its own', async (t) => {
  const { provider, config } = await setUp(
    t,
    {},
    {
      grant_types: [
        'authorization_code',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
        'urn:openid:params:grant-type:ciba',
      ],
      backchannel_token_delivery_mode: 'poll',
    },
    () => ({
      features: {
        deviceFlow: { enabled: true },
        ciba: {
          enabled: true,
          deliveryModes: ['poll'],
          processLoginHint: async (_ctx, hint) => hint,
          validateRequestContext: async () => {},
          verifyUserCode: async () => {},
          triggerAuthenticationDevice: async () => {},
          validateBindingMessage: async () => {},
        },
      },
    }),
  );
  const { access_token } = await clientCredentialsGrant(config);
  await tokenIntrospection(config, access_token);
  await tokenRevocation(config, access_token);
  const revoked = await tokenIntrospection(config, access_token);
  assert.equal(revoked.active, false);
  const parameters = {
    redirect_uri: 'https://client.example/cb',
    code_challenge: 'a'.repeat(43),
    code_challenge_method: 'S256',
    scope: 'openid',
  };
  await buildAuthorizationUrlWithPAR(config, parameters);
  const device = await initiateDeviceAuthorization(config, { scope: 'openid' });
  const ciba = await initiateBackchannelAuthentication(config, {
    scope: 'openid',
    login_hint: 'alice',
  });
  assertFresh(provider, [
    'token',
    'introspection',
    'revocation',
    'introspection',
    'pushed_authorization_request',
    'device_authorization',
    'backchannel_authentication',
  ]);

  // Nobody approves either, so that each is polled until it is given up.
  provider.assertions.length = 0;
  const giveUp = () => ({ signal: AbortSignal.timeout(500) });
  const aborted = { code: 'OAUTH_TIMEOUT' };
  const often = { interval: 0.05 };
  await assert.rejects(
    pollDeviceAuthorizationGrant(config, { ...device, ...often }, {}, giveUp()),
    aborted,
  );
  await assert.rejects(
    pollBackchannelAuthenticationGrant(config, { ...ciba, ...often }, {}, giveUp()),
    aborted,
  );
  assert.ok(provider.assertions.length > 4);
  assertFresh(
    provider,
    provider.assertions.map(() => 'token'),
  );
});

test('a request that is sent again for a DPoP nonce carries a new assertion (RFC 9449 §8)', async (t) => {
  const { provider, config } = await setUp(t, {}, {}, () => ({
    features: {
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    },
  }));
  const DPoP = getDPoPHandle(config, await randomDPoPKeyPair());
  const { token_type } = await clientCredentialsGrant(config, {}, { DPoP });
  assert.equal(token_type, 'dpop');
  assertFresh(provider, ['token', 'token']);
});

test('simultaneous calls do not share an assertion', async (t) => {
  const { provider, config } = await setUp(t);
  const calls = Array.from({ length: 20 }, () => clientCredentialsGrant(config));
  for (const { access_token } of await Promise.all(calls)) assert.ok(access_token);
  assertFresh(
    provider,
    calls.map(() => 'token'),
  );
});

test('an assertion of another key is refused', async (t) => {
  const { config } = await setUp(
    t,
    { key: keyPair('ES256').privateKey },
    {
      jwks: { keys: [keyPair('ES384').publicJwk as never] },
    },
  );
  await assert.rejects(clientCredentialsGrant(config), { error: 'invalid_client', status: 401 });
});
