import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  allowInsecureRequests,
  Configuration,
  clientCredentialsGrant,
  customFetch,
  tokenRevocation,
} from 'openid-client';
import type { AssertionSource } from '../../lib/client/assertion-source.js';
import {
  AssertionService,
  assertionFrom,
  ClientTokenManager,
  clientAssertion,
  OpenIdConnectStrategy,
  type OpenIdConnectStrategyOptions,
  UserTokenManager,
} from '../../lib/client/index.js';
import { ISSUER, TOKEN_ENDPOINT } from '../support/assertion.js';
import { fakeClock } from '../support/fake-clock.js';
import { keyPair } from '../support/keys.js';

const clientId = 'orders';

const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

/** A token in the shape of a Kubernetes service account's. */
const tokenOf = (claims: object = {}) =>
  [
    segment({ alg: 'RS256', kid: 'k8s' }),
    segment({
      iss: 'https://kubernetes.default.svc.cluster.local',
      sub: 'system:serviceaccount:shop:orders',
      aud: [ISSUER],
      exp: now() + 3600,
      iat: now(),
      'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'orders' } },
      ...claims,
    }),
    'c2lnbmF0dXJl',
  ].join('.');

const configurationFor = (assertions: Parameters<typeof clientAssertion>[0]) => {
  const sent: URLSearchParams[] = [];
  const config = new Configuration(
    {
      issuer: ISSUER,
      token_endpoint: TOKEN_ENDPOINT,
      revocation_endpoint: `${ISSUER}/revoke`,
      authorization_endpoint: `${ISSUER}/authorize`,
    },
    clientId,
    undefined,
    clientAssertion(assertions),
  );
  allowInsecureRequests(config);
  config[customFetch] = async (_url, { body }) => {
    sent.push(body as URLSearchParams);
    return Response.json({ access_token: 'token', token_type: 'bearer', expires_in: 1 });
  };
  return { config, sent };
};

test('each request asks for the assertion anew', async () => {
  const tokens = [tokenOf({ jti: '1' }), tokenOf({ jti: '2' }), tokenOf({ jti: '3' })];
  const given = [...tokens];
  const assertions = assertionFrom(async () => `\n ${given.shift()} \r\n`, { clientId });
  const { config, sent } = configurationFor(assertions);
  await clientCredentialsGrant(config);
  await clientCredentialsGrant(config);
  await tokenRevocation(config, 'token');
  assert.deepEqual(
    sent.map((parameters) => parameters.get('client_assertion')),
    tokens,
  );
  for (const parameters of sent) {
    assert.equal(parameters.get('client_id'), clientId);
    assert.equal(
      parameters.get('client_assertion_type'),
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    );
  }
});

test('a token manager reads the renewed file for each token', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'token-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'token');
  const { config, sent } = configurationFor(
    assertionFrom(() => readFile(path, 'utf8'), { clientId }),
  );
  const manager = new ClientTokenManager({ config });
  const users = new UserTokenManager({ config });
  const session = {};
  const login = {
    access_token: 'old',
    token_type: 'bearer' as const,
    expires_in: 0,
    refresh_token: 'refresh',
  };
  await users.save({ session }, login);
  for (const jti of ['a', 'b']) {
    await writeFile(path, `${tokenOf({ jti })}\n`);
    await manager.getToken({}, 'token');
  }
  await writeFile(path, tokenOf({ jti: 'c' }));
  await users.getToken({ session });
  const jtiOf = (assertion: string | null) =>
    JSON.parse(Buffer.from(assertion?.split('.')[1] ?? '', 'base64url').toString()).jti;
  assert.deepEqual(
    sent.map((parameters) => jtiOf(parameters.get('client_assertion'))),
    ['a', 'b', 'c'],
  );
});

const TOO_LATE = `${segment({})}.${Buffer.from('{"exp":1e999}').toString('base64url')}.c2ln`;
const EXPIRED = tokenOf({ exp: now() - 90 });
const missing = Object.assign(new Error(`no token ${tokenOf()}`), {
  code: 'ENOENT',
  path: '/var/run/secrets/token',
});

const MISTAKES: readonly (readonly [string, () => unknown, RegExp])[] = [
  [
    'a file that is missing',
    () => Promise.reject(missing),
    /could not be read \(ENOENT \/var\/run\/secrets\/token\): is the token mounted/,
  ],
  [
    'a function that throws',
    () => {
      throw new RangeError(tokenOf());
    },
    /could not be read \(RangeError\)\.$/,
  ],
  ['a function that throws nothing', () => Promise.reject(), /could not be read \(undefined\)\.$/],
  ['a function that throws a token', () => Promise.reject(tokenOf()), /read \(string\)\.$/],
  ['an empty file', () => ' \n', /it is empty: has the platform written its token yet/],
  ['nothing', () => undefined, /returned undefined: return the text of a JWT/],
  ['null', () => null, /returned null: return the text of a JWT/],
  ['the answer of an endpoint', () => ({ value: tokenOf() }), /returned object: return the text/],
  ['bytes', () => Buffer.from(tokenOf()), /returned bytes: return text, as readFile\(path, 'utf8'/],
  [
    'JSON',
    () => JSON.stringify({ value: tokenOf() }),
    /is JSON, not a JWT: return only the member/,
  ],
  ['a JSON string', () => JSON.stringify(tokenOf()), /is JSON, not a JWT/],
  ['a JSON list', () => JSON.stringify([tokenOf()]), /is JSON, not a JWT/],
  ['a line of settings', () => 'TOKEN={"value":"ya29"}', /it is not a JWT: return three base64url/],
  ['another token', () => 'ya29.opaque-token-of-a-cloud', /it is not a JWT/],
  ['two tokens', () => `${tokenOf()}\n${tokenOf()}`, /it is not a JWT/],
  ['a header with its name', () => `Bearer ${tokenOf()}`, /it is not a JWT/],
  ['an encrypted token', () => `${tokenOf()}.a.b`, /it is not a JWT/],
  ['a damaged token', () => tokenOf().slice(30), /it is not a JWT/],
  ['a token that has expired', () => EXPIRED, /it expired (89|9\d) seconds ago: does the platform/],
  ['a token that never expires', () => tokenOf({ exp: undefined }), /it has no exp/],
  ['a token whose exp is too large', () => TOO_LATE, /it has no exp/],
  ['a token whose exp is text', () => tokenOf({ exp: String(now() + 60) }), /it has no exp/],
  [
    'a token of 17 kB',
    () => tokenOf({ groups: 'g'.repeat(13_000) }),
    /it has 17\d{3} characters, and servers accept at most 16384/,
  ],
];

for (const [what, ask, message] of MISTAKES) {
  test(`${what} in place of an assertion is an error without its value`, async () => {
    const assertions = assertionFrom(ask as () => string, { clientId });
    await assert.rejects(assertions.createClientToken(), (error: Error) => {
      assert.equal(error.name, 'ConfigurationError');
      assert.match(error.message, message);
      assert.match(error.message, /^The assertion of orders /);
      assert.doesNotMatch(error.message, /eyJ|ya29|c2lnbmF0dXJl/);
      return true;
    });
  });
}

for (const [exp, clockOffset, mistake] of [
  [1001, 0, undefined],
  [1000, 0, /it expired 0 seconds ago/],
  [999, 0, /it expired 1 second ago: does the platform still renew it/],
  [998, 0, /it expired 2 seconds ago/],
  [999, -2, undefined],
  [1001, 3, /it expired 2 seconds ago/],
] as const) {
  test(`at the second 1000, with a clock corrected by ${clockOffset} s, a token with exp ${exp} is ${mistake ? 'refused' : 'accepted'} (RFC 7519 §4.1.4)`, async (t) => {
    const time = fakeClock(1000);
    t.after(time.restore);
    const token = tokenOf({ exp });
    const assertions = assertionFrom(() => token, { clientId }) as AssertionSource;
    const made = assertions.createClientToken({ clockOffset });
    if (mistake) await assert.rejects(made, mistake);
    else assert.equal(await made, token);
  });
}

test('a token may have 16384 characters, and no more', async () => {
  const short = tokenOf();
  const longest = short + 'A'.repeat(16_384 - short.length);
  const made = (token: string) => assertionFrom(() => token, { clientId }).createClientToken();
  assert.equal(await made(longest), longest);
  await assert.rejects(made(`${longest}AA`), /it has 16386 characters/);
});

test('the error of the function is the cause of ours', async () => {
  const assertions = assertionFrom(() => Promise.reject(missing), { clientId });
  await assert.rejects(assertions.createClientToken(), (error: Error) => error.cause === missing);
});

test('the algorithms in the metadata do not rule out a platform, whose alg is not known', () => {
  const assertions = assertionFrom(() => tokenOf(), { clientId });
  const metadata = {
    issuer: ISSUER,
    token_endpoint: TOKEN_ENDPOINT,
    token_endpoint_auth_signing_alg_values_supported: ['ES256'],
  };
  const config = new Configuration(metadata, clientId, undefined, clientAssertion(assertions));
  assert.ok(new ClientTokenManager({ config }));
});

test('a mistake rejects the call, and nothing is sent', async () => {
  const { config, sent } = configurationFor(assertionFrom(() => EXPIRED, { clientId }));
  for (const request of [
    clientCredentialsGrant(config),
    new ClientTokenManager({ config }).getToken(),
  ]) {
    await assert.rejects(request, (error: Error) => {
      const said: string[] = [];
      for (let each: unknown = error; each instanceof Error; each = each.cause) {
        said.push(each.message);
      }
      assert.match(said.join(), /it expired/);
      return true;
    });
  }
  assert.equal(sent.length, 0);
});

const verify = (_tokens: unknown, verified: (error: null, user: object) => void) =>
  verified(null, {});

test('a login accepts assertions of a platform, but cannot sign the authorize request', () => {
  const assertions = assertionFrom(() => tokenOf(), { clientId });
  const { config } = configurationFor(assertions);
  const strategyOf = (options: Partial<OpenIdConnectStrategyOptions>) =>
    new OpenIdConnectStrategy(
      { config, assertions, callbackURL: 'https://client.example/cb', ...options },
      verify,
    );
  assert.ok(strategyOf({}));
  assert.throws(() => strategyOf({ signedAuthorizeRequests: true }), {
    name: 'TypeError',
    message: /Signed authorize requests need a key of the client, and assertionFrom has none/,
  });
  assert.throws(() => strategyOf({ assertions: {} as AssertionService }), {
    name: 'TypeError',
    message: 'assertions must be an AssertionService, or the result of assertionFrom',
  });
});

for (const [what, make, message] of [
  ['no function', () => assertionFrom('token' as never, { clientId }), /needs a function/],
  ['no client', () => assertionFrom(() => '', {} as never), /clientId must be a non-empty string/],
  ['no options', () => assertionFrom(() => '', undefined as never), /clientId must be/],
  [
    'an option that there is not',
    () => assertionFrom(() => '', { clientId, audience: ISSUER } as never),
    /assertionFrom has no option audience/,
  ],
] as const) {
  test(`assertionFrom refuses ${what}`, () => {
    assert.throws(make, { name: 'TypeError', message });
  });
}

test('assertions of a platform are for one client, and print nothing else', async () => {
  const assertions = assertionFrom(() => tokenOf(), { clientId });
  const other = new AssertionService({ clientId: 'other', key: keyPair('ES256').privateKey });
  await assert.rejects(
    clientCredentialsGrant(
      new Configuration(
        { issuer: ISSUER, token_endpoint: TOKEN_ENDPOINT },
        other.clientId,
        undefined,
        clientAssertion(assertions),
      ),
    ),
    /The assertions are for the client orders, the configuration for other/,
  );
  assert.equal(JSON.stringify(assertions), '{"clientId":"orders"}');
  assert.doesNotMatch(inspect(assertions, { depth: Infinity, showHidden: true }), /eyJ/);
});
