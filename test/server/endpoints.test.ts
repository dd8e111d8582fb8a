import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { authenticateClient, PrivateKeyJwtStrategy } from '../../lib/index.js';
import { assertionForm, ISSUER, signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { CLIENT } from '../support/attacks.js';
import { authenticatedEndpoints } from '../support/authenticated-endpoints.js';
import { listen } from '../support/listen.js';
import { oauthAnswer } from '../support/oauth-answer.js';

const TYP = 'client-authentication+jwt';

/** The endpoints at which OAuth clients authenticate. */
const ENDPOINTS = {
  token: '/token',
  'pushed authorization request (RFC 9126 §2)': '/oauth/par',
  'introspection (RFC 7662 §2.1)': '/oauth/introspect',
  'revocation (RFC 7009 §2.1)': '/oauth/revoke',
  'device authorization (RFC 8628 §3.1)': '/oauth/device',
  'CIBA (CIBA Core §7.1)': '/oauth/backchannel/authorize',
};

for (const [name, path] of Object.entries(ENDPOINTS)) {
  test(`${name}: its own URL, the token endpoint and the issuer are audiences`, async (t) => {
    const server = await authenticatedEndpoints();
    t.after(() => server.close());
    const own = ISSUER + path;
    for (const aud of [own, [own], TOKEN_ENDPOINT, ISSUER, ['https://other.example', own]]) {
      assert.equal(await server.call({ path, aud }), 200);
    }
    assert.deepEqual(
      server.events.map(({ audienceForm }) => audienceForm),
      [
        path === '/token' ? 'token_endpoint' : 'endpoint',
        path === '/token' ? 'token_endpoint' : 'endpoint',
        'token_endpoint',
        'issuer',
        path === '/token' ? 'token_endpoint' : 'endpoint',
      ],
    );
    assert.equal(await server.call({ path: `${path}?a=b`, aud: own }), 200);
    assert.equal(await server.call({ path, aud: `${own}?a=b` }), 401);
    assert.equal(await server.call({ path, aud: `${own}/` }), 401);
    assert.equal(server.events.at(-1)?.endpoint, own);
  });

  test(`${name}: audience 'issuer' accepts only the issuer (RFC 10070 §4)`, async (t) => {
    const server = await authenticatedEndpoints({ audience: 'issuer' });
    t.after(() => server.close());
    const own = ISSUER + path;
    assert.equal(await server.call({ path, aud: ISSUER, typ: TYP }), 200);
    assert.equal(await server.call({ path, aud: [ISSUER], typ: TYP }), 200);
    for (const aud of [own, TOKEN_ENDPOINT, [ISSUER, own], [own, ISSUER], [], undefined]) {
      assert.equal(await server.call({ path, aud, typ: TYP }), 401);
      assert.equal(server.events.at(-1)?.reason, 'audience_mismatch');
    }
  });

  test(`${name}: with typ client-authentication+jwt only the issuer is accepted, in compatible mode too`, async (t) => {
    const server = await authenticatedEndpoints({ additionalAudiences: ['https://old.example'] });
    t.after(() => server.close());
    assert.equal(await server.call({ path, aud: ISSUER, typ: TYP }), 200);
    for (const aud of [ISSUER + path, 'https://old.example', [ISSUER, 'https://old.example']]) {
      assert.equal(await server.call({ path, aud, typ: TYP }), 401);
    }
  });

  test(`${name}: the URL of another endpoint is refused as audience`, async (t) => {
    const server = await authenticatedEndpoints();
    t.after(() => server.close());
    const others = Object.values(ENDPOINTS).filter((other) => other !== path && other !== '/token');
    for (const other of others) {
      assert.equal(await server.call({ path, aud: ISSUER + other }), 401);
    }
  });
}

const EVIL = 'https://evil.example';

const HEADERS: readonly Record<string, string>[] = [
  { host: 'evil.example' },
  { host: 'evil.example', 'x-forwarded-proto': 'https' },
  { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
  { forwarded: 'host=evil.example;proto=https' },
  { 'x-original-url': 'https://evil.example/token', 'x-rewrite-url': '/token' },
];

for (const headers of HEADERS) {
  test(`${JSON.stringify(headers)} adds no audience, with trust proxy on`, async (t) => {
    const server = await authenticatedEndpoints({ tokenEndpoint: undefined });
    t.after(() => server.close());
    for (const aud of [EVIL, `${EVIL}/token`, 'http://evil.example/token']) {
      assert.equal(await server.call({ path: '/token', aud, headers }), 401);
      assert.equal(server.events.at(-1)?.reason, 'audience_mismatch');
    }
    assert.equal(await server.call({ path: '/token', aud: TOKEN_ENDPOINT, headers }), 200);
  });
}

test('a request line with an absolute URL adds no audience (RFC 9112 §3.2.2)', async (t) => {
  const server = await authenticatedEndpoints({
    issuer: 'https://login.co',
    tokenEndpoint: undefined,
  });
  t.after(() => server.close());
  const lines: readonly (readonly [string, string])[] = [
    // The origin of the issuer and this target make a URL of another host: login.com.
    ['m://x/token', 'https://login.com://x/token'],
    ['http://evil.example/token', 'http://evil.example/token'],
    ['https://login.co/token', 'https://login.cohttps://login.co/token'],
  ];
  for (const [path, aud] of lines) {
    assert.equal(await server.call({ path, aud }), 401);
    assert.equal(server.events.at(-1)?.reason, 'audience_mismatch');
    assert.equal(await server.call({ path, aud: 'https://login.co' }), 200);
  }
  assert.equal(await server.call({ path: '/token', aud: 'https://login.co/token' }), 200);
});

test('a path that looks like a host stays a path of the issuer', async (t) => {
  const server = await authenticatedEndpoints({}, { prefix: /^.*evil\.example/ });
  t.after(() => server.close());
  assert.equal(await server.call({ path: '//evil.example/token', aud: `${EVIL}/token` }), 401);
  assert.equal(await server.call({ path: '/@evil.example/token', aud: `${EVIL}/token` }), 401);
  assert.equal(await server.call({ path: '/.evil.example/token', aud: `${EVIL}/token` }), 401);
});

test('behind a proxy that changes the path, the endpoint is named', async (t) => {
  const endpoint = 'https://as.example/auth/par';
  const server = await authenticatedEndpoints({}, { endpoint });
  t.after(() => server.close());
  assert.equal(await server.call({ path: '/oauth/par', aud: endpoint }), 200);
  assert.equal(await server.call({ path: '/oauth/par', aud: `${ISSUER}/oauth/par` }), 401);
});

test("a route's own endpoint overrides the strategy's", async (t) => {
  const options = { endpoint: 'https://as.example/of/the/strategy' };
  const strategyAlone = await authenticatedEndpoints(options);
  t.after(() => strategyAlone.close());
  assert.equal(await strategyAlone.call({ path: '/oauth/par', aud: options.endpoint }), 200);
  const route = 'https://as.example/of/the/route';
  const both = await authenticatedEndpoints(options, { endpoint: route });
  t.after(() => both.close());
  assert.equal(await both.call({ path: '/oauth/par', aud: route }), 200);
  assert.equal(await both.call({ path: '/oauth/par', aud: options.endpoint }), 401);
});

test('tenants have issuers of their own, computed from the request', async (t) => {
  const tenantOf = (url = '') => url.split('/')[1] ?? '';
  const server = await authenticatedEndpoints(
    {
      issuer: async ({ originalUrl }) => `${ISSUER}/${tenantOf(originalUrl)}`,
      tokenEndpoint: ({ originalUrl }) => `${ISSUER}/${tenantOf(originalUrl)}/token`,
    },
    { prefix: '/:tenant' },
  );
  t.after(() => server.close());
  const one = { path: '/one/oauth/par' };
  for (const aud of [`${ISSUER}/one`, `${ISSUER}/one/token`, `${ISSUER}/one/oauth/par`]) {
    assert.equal(await server.call({ ...one, aud }), 200);
    assert.equal(server.events.at(-1)?.issuer, `${ISSUER}/one`);
  }
  for (const aud of [ISSUER, `${ISSUER}/two`, `${ISSUER}/two/token`, `${ISSUER}/two/oauth/par`]) {
    assert.equal(await server.call({ ...one, aud }), 401);
  }
});

const WRONG_IDENTITIES: Readonly<Record<string, unknown>> = {
  undefined,
  null: null,
  'an empty text': '',
  'no URL': 'as.example',
  'a promise of nothing': Promise.resolve(),
};

for (const name of ['issuer', 'tokenEndpoint', 'endpoint'] as const) {
  for (const [what, value] of Object.entries(WRONG_IDENTITIES)) {
    test(`${name}() that returns ${what} accepts no client: the operator's error`, async (t) => {
      const server = await authenticatedEndpoints({ [name]: () => value });
      t.after(() => server.close());
      for (const aud of [undefined, '', null, 'as.example', ISSUER]) {
        assert.equal(await server.call({ path: '/token', aud }), 500);
      }
      assert.equal(
        server.errors[0]?.message,
        `${name} must be an absolute URL, or a function that returns one`,
      );
    });
  }
}

test('with ignoreTrailingSlash aud may have one final slash more or less', async (t) => {
  const server = await authenticatedEndpoints({
    ignoreTrailingSlash: true,
    additionalAudiences: ['https://old.example/'],
  });
  t.after(() => server.close());
  const path = '/token';
  for (const aud of [`${ISSUER}/`, `${TOKEN_ENDPOINT}/`, [`${ISSUER}/`], 'https://old.example']) {
    assert.equal(await server.call({ path, aud }), 200);
  }
  for (const aud of [`${ISSUER}//`, `${ISSUER}/x/`, 'https://as.exampl/', '/']) {
    assert.equal(await server.call({ path, aud }), 401);
  }
  assert.equal(await server.call({ path, aud: `${ISSUER}/`, typ: TYP }), 200);
  assert.equal(await server.call({ path, aud: `${TOKEN_ENDPOINT}/`, typ: TYP }), 401);
});

test('additionalAudiences are accepted in compatible mode', async (t) => {
  const server = await authenticatedEndpoints({
    additionalAudiences: ['https://old.example', 'urn:as'],
  });
  t.after(() => server.close());
  for (const aud of ['https://old.example', 'urn:as', ['urn:as']]) {
    assert.equal(await server.call({ path: '/token', aud }), 200);
    assert.equal(server.events.at(-1)?.audienceForm, 'additional');
  }
  assert.equal(await server.call({ path: '/token', aud: 'https://old.example/' }), 401);
});

test('an error of the functions reaches the caller without details', async (t) => {
  const issuer = () => {
    throw new Error('the tenant table is locked');
  };
  const strategy = new PrivateKeyJwtStrategy({ issuer }, () => CLIENT);
  const app = express();
  app.post('/token', express.urlencoded(), authenticateClient(strategy));
  app.use(((_error, _request, response, _next) => {
    response.status(500).json({ error: 'server_error', error_description: '' });
  }) satisfies express.ErrorRequestHandler);
  const server = await listen(app);
  t.after(() => server.close());
  const body = assertionForm(await signAssertion());
  const response = await fetch(`${server.url}/token`, { method: 'POST', body });
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /tenant/);
  const none = await fetch(`${server.url}/token`, { method: 'POST', body: new URLSearchParams() });
  assert.equal((await oauthAnswer(none)).error, 'invalid_client');
});

test('an issuer without an origin gives no endpoint URL from a path', async (t) => {
  const issuer = 'urn:as:one';
  const strategy = new PrivateKeyJwtStrategy({ issuer }, () => CLIENT);
  const app = express();
  app.use(express.urlencoded({ extended: false }));
  app.post('/token', authenticateClient(strategy), (_request, response) => {
    response.end();
  });
  const server = await listen(app);
  t.after(() => server.close());
  const statusFor = async (aud: string) => {
    const body = assertionForm(await signAssertion('client', { claims: { aud } }));
    return (await fetch(`${server.url}/token`, { method: 'POST', body })).status;
  };
  assert.equal(await statusFor(issuer), 200);
  assert.equal(await statusFor('null/token'), 401);
});
