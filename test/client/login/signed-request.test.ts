import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeJwt } from 'jose';
import { allowInsecureRequests, Configuration, customFetch } from 'openid-client';
import {
  AssertionService,
  clientAssertion,
  OpenIdConnectStrategy,
  type OpenIdConnectStrategyOptions,
} from '../../../lib/client/index.js';
import { ISSUER, TOKEN_ENDPOINT } from '../../support/assertion.js';
import { keyPair } from '../../support/keys.js';

const clientId = 'mvc.jar.jwt';
const assertions = new AssertionService({ clientId, key: keyPair('ES256').privateKey });

/** Where a login sends the browser, and what it pushes. */
async function start(options: Partial<OpenIdConnectStrategyOptions>) {
  const pushed: URLSearchParams[] = [];
  const config = new Configuration(
    {
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: TOKEN_ENDPOINT,
      pushed_authorization_request_endpoint: `${ISSUER}/par`,
    },
    clientId,
    undefined,
    clientAssertion(assertions),
  );
  allowInsecureRequests(config);
  config[customFetch] = async (_url, { body }) => {
    pushed.push(body as URLSearchParams);
    return Response.json({ request_uri: 'urn:example:1', expires_in: 60 }, { status: 201 });
  };
  const strategy = new OpenIdConnectStrategy(
    { config, assertions, callbackURL: 'https://client.example/cb', ...options },
    (_tokens, verified) => verified(null, {}),
  );
  const url = await new Promise<URL>((resolve, reject) => {
    const request = { url: '/login', method: 'GET', headers: {}, session: {} };
    Object.assign(Object.create(strategy), {
      redirect: (location: string) => resolve(new URL(location)),
      error: reject,
      fail: reject,
      currentUrl: () => new URL('https://client.example/login'),
    }).authenticate(request, {});
  });
  return { parameters: url.searchParams, pushed };
}

const signed = { signedAuthorizeRequests: true } as const;

test('response_type and scope are also sent outside a signed request (OpenID Connect Core §6.1)', async () => {
  const { parameters } = await start({ ...signed, scope: 'openid profile' });
  const { request = '', ...beside } = Object.fromEntries(parameters);
  assert.deepEqual(beside, {
    client_id: clientId,
    response_type: 'code',
    scope: 'openid profile',
  });
  const claims = decodeJwt(request);
  assert.equal(claims['response_type'], 'code');
  assert.equal(claims['scope'], 'openid profile');
  assert.equal(claims['redirect_uri'], 'https://client.example/cb');
});

test('without openid only client_id is sent outside a signed request (RFC 9101 §5)', async () => {
  const { parameters } = await start({ ...signed, scope: 'orders', idTokenExpected: false });
  assert.deepEqual([...parameters.keys()].sort(), ['client_id', 'request']);
});

for (const [parametersBesideRequest, scope, names] of [
  [false, 'openid', ['client_id', 'request']],
  [true, 'openid', ['client_id', 'request', 'response_type', 'scope']],
  [true, 'orders', ['client_id', 'request', 'response_type', 'scope']],
] as const) {
  test(`parametersBesideRequest: ${parametersBesideRequest} decides for the scope ${scope}`, async () => {
    const idTokenExpected = scope === 'openid';
    const options = { ...signed, scope, idTokenExpected, parametersBesideRequest };
    const { parameters } = await start(options);
    assert.deepEqual([...parameters.keys()].sort(), names);
  });
}

test('a pushed request has request, client_id and the client authentication, nothing else (RFC 9126 §3)', async () => {
  for (const parametersBesideRequest of [undefined, true]) {
    const options = { ...signed, usePAR: true, parametersBesideRequest };
    const { parameters, pushed } = await start(options);
    assert.deepEqual([...(pushed[0]?.keys() ?? [])].sort(), [
      'client_assertion',
      'client_assertion_type',
      'client_id',
      'request',
    ]);
    assert.deepEqual([...parameters.keys()].sort(), ['client_id', 'request_uri']);
  }
});

test('an unsigned authorize request has no parameter request', async () => {
  const { parameters } = await start({});
  assert.equal(parameters.has('request'), false);
  assert.equal(parameters.get('scope'), 'openid');
});

test('a scope that a handler has removed is not sent outside a signed request either', async () => {
  const { parameters } = await start({
    ...signed,
    idTokenExpected: false,
    parametersBesideRequest: true,
    events: {
      redirectToIdentityProvider: ({ protocolMessage }) => protocolMessage.delete('scope'),
    },
  });
  assert.deepEqual([...parameters.keys()].sort(), ['client_id', 'request', 'response_type']);
});
