import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { type CryptoKey, importJWK, SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { REDIRECT_URI } from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { type ClientEntry, startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;
const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const sharedSecret = randomBytes(32).toString('base64url');
const registration = {
  redirect_uris: [REDIRECT_URI],
  grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
  scope: 'openid profile api',
};
const clients: ClientEntry[] = ALGORITHMS.map((alg) => ({
  client_id: alg,
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: alg,
  jwks: { keys: [keyPair(alg).publicJwk] },
  ...registration,
}));
clients.push({
  client_id: 'HS256',
  token_endpoint_auth_method: 'client_secret_jwt',
  token_endpoint_auth_signing_alg: 'HS256',
  client_secret: sharedSecret,
  ...registration,
});
const server = await startTokenServer(clients);
after(() => server.stop());
const issuer = new URL(server.url);

const privateKey = (alg: string): Promise<CryptoKey> =>
  importJWK(keyPair(alg).privateKey.export({ format: 'jwk' }), alg) as Promise<CryptoKey>;

const discover = (clientId: string, authentication: openid.ClientAuth) =>
  openid.discovery(issuer, clientId, undefined, authentication, {
    execute: [openid.allowInsecureRequests],
  });

const authorizationServer = async () =>
  oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { [oauth.allowInsecureRequests]: true }),
  );

/** What any client library does once it can authenticate, with openid-client. */
async function useWithOpenidClient(config: openid.Configuration): Promise<void> {
  const machine = await openid.clientCredentialsGrant(config, { scope: 'api' });
  assert.equal(machine.scope, 'api');

  const code_verifier = openid.randomPKCECodeVerifier();
  const [state, nonce] = [openid.randomState(), openid.randomNonce()];
  const url = await openid.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile',
    state,
    nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
  });
  const callback = await logIn(newVisitor(server.url), url);
  const tokens = await openid.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: code_verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  const userinfo = await openid.fetchUserInfo(config, tokens.access_token, 'alice');
  assert.equal(userinfo.name, 'Alice Example');

  const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '');
  assert.equal(refreshed.claims()?.sub, 'alice');
  const introspection = await openid.tokenIntrospection(config, refreshed.access_token);
  assert.equal(introspection.active, true);
  await openid.tokenRevocation(config, refreshed.refresh_token ?? '');
  const revoked = await openid.tokenIntrospection(config, refreshed.access_token);
  assert.equal(revoked.active, false);
}

for (const alg of ALGORITHMS) {
  test(`openid-client's PrivateKeyJwt with ${alg}: tokens, PAR, login, refresh, introspection, revocation`, async () => {
    const authentication = openid.PrivateKeyJwt(await privateKey(alg));
    await useWithOpenidClient(await discover(alg, authentication));
  });

  test(`oauth4webapi's PrivateKeyJwt with ${alg} gets a token, introspects and revokes it`, async () => {
    const as = await authorizationServer();
    const client = { client_id: alg };
    const authentication = oauth.PrivateKeyJwt(await privateKey(alg));
    const options = { [oauth.allowInsecureRequests]: true };
    const { access_token } = await oauth.processClientCredentialsResponse(
      as,
      client,
      await oauth.clientCredentialsGrantRequest(
        as,
        client,
        authentication,
        { scope: 'api' },
        options,
      ),
    );
    const introspect = async () =>
      oauth.processIntrospectionResponse(
        as,
        client,
        await oauth.introspectionRequest(as, client, authentication, access_token, options),
      );
    assert.equal((await introspect()).active, true);
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, authentication, access_token, options),
    );
    assert.equal((await introspect()).active, false);
  });

  test(`a script with only jose gets a token with ${alg}`, async () => {
    const client_assertion = await new SignJWT()
      .setProtectedHeader({ alg })
      .setIssuer(alg)
      .setSubject(alg)
      .setAudience(`${server.url}/token`)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(await privateKey(alg));
    const response = await server.post('/token', {
      grant_type: 'client_credentials',
      client_assertion_type: CLIENT_ASSERTION_TYPE,
      client_assertion,
    });
    assert.equal(response.status, 200);
  });
}

test("openid-client's ClientSecretJwt with HS256: tokens, PAR, login, refresh, introspection, revocation", async () => {
  await useWithOpenidClient(await discover('HS256', openid.ClientSecretJwt(sharedSecret)));
});

test('a script with only jose gets a token with HS256', async () => {
  const client_assertion = await new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('HS256')
    .setSubject('HS256')
    .setAudience(server.url)
    .setExpirationTime('1m')
    .sign(new TextEncoder().encode(sharedSecret));
  const response = await server.post('/token', {
    grant_type: 'client_credentials',
    client_assertion_type: CLIENT_ASSERTION_TYPE,
    client_assertion,
  });
  assert.equal(response.status, 200);
});

test("openid-client logs in with signed requests (JAR) and the client's own key", async () => {
  const key = await privateKey('ES256');
  const config = await discover('ES256', openid.PrivateKeyJwt(key));
  const code_verifier = openid.randomPKCECodeVerifier();
  const parameters = {
    redirect_uri: REDIRECT_URI,
    scope: 'openid',
    code_challenge: await openid.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
  };
  const signed = await openid.buildAuthorizationUrlWithJAR(config, parameters, key);
  const pushed = await openid.buildAuthorizationUrlWithPAR(config, signed.searchParams);
  for (const url of [await openid.buildAuthorizationUrlWithJAR(config, parameters, key), pushed]) {
    const callback = await logIn(newVisitor(server.url), url);
    const tokens = await openid.authorizationCodeGrant(config, callback, {
      pkceCodeVerifier: code_verifier,
    });
    assert.equal(tokens.claims()?.sub, 'alice');
  }
});
