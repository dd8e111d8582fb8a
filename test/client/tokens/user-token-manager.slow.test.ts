import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { SignJWT } from 'jose';
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  Configuration,
  customFetch,
  type DPoPHandle,
  getDPoPHandle,
  randomDPoPKeyPair,
  type TokenEndpointResponse,
  tokenRevocation,
} from 'openid-client';
import {
  AssertionService,
  type ClientEvent,
  clientAssertion,
  LoginRequiredError,
  MemoryTokenStore,
  type TokenSet,
  type TokenStore,
  UserTokenManager,
} from '../../../lib/client/index.js';
import { newBrowser } from '../../support/browser.js';
import { type FakeClock, fakeClock } from '../../support/fake-clock.js';
import { flakyEndpoint, withEndpoints } from '../../support/flaky-endpoint.js';
import { newKeyPair } from '../../support/keys.js';
import { listen } from '../../support/listen.js';
import { openIdProvider } from '../../support/openid-provider.js';
import { discover } from '../../support/relying-party.js';
import { clientName, userTokenKey } from '../../support/user-token-key.js';

const CALLBACK = 'https://client.example/cb';
const LIFETIME = 600;

const GIVEN = { access_token: 'at', token_type: 'bearer', refresh_token: 'rt' } as const;

type UserTokenManagerOptions = ConstructorParameters<typeof UserTokenManager>[0];
type UserTokenRequest = Parameters<UserTokenManager['getToken']>[0];
type Request = { session: Record<string, TokenSet>; sessionID: string };

const newRequest = (): Request => ({ session: {}, sessionID: 'session-1' });

/** A request of the same session that was read from the session store at this moment. */
const another = (request: Request): Request => structuredClone(request);

const tokensOf = ({ session }: Request): TokenSet => {
  const member = Object.keys(session).find((name) => name.startsWith('tokens:'));
  return session[member ?? ''] ?? assert.fail('there are no tokens in the session');
};

async function party(t: TestContext, scope = 'openid offline_access', rotates = true) {
  const assertions = new AssertionService({
    clientId: 'client',
    key: newKeyPair('ES256').privateKey,
  });
  const provider = await openIdProvider(
    {
      client_id: 'client',
      redirect_uris: [CALLBACK],
      jwks: { keys: [assertions.key.publicJwk as never] },
    },
    () => ({
      ttl: { AccessToken: LIFETIME, RefreshToken: 86_400, Grant: 86_400, Session: 86_400 },
      rotateRefreshToken: rotates,
      pkce: { required: () => false },
      issueRefreshToken: async (_ctx, _client, { scopes }) => scopes.has('offline_access'),
      features: {
        dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
      },
    }),
  );
  t.after(() => provider.close());
  const config = await discover(provider.issuer, 'client', clientAssertion(assertions));

  /** A manager, and a request whose user has just logged in. */
  const login = async (options: Partial<UserTokenManagerOptions> = {}, DPoP?: DPoPHandle) => {
    const time = fakeClock();
    const users = new UserTokenManager<Request>({ config, ...options });
    const url = buildAuthorizationUrl(config, { redirect_uri: CALLBACK, scope, prompt: 'consent' });
    const callback = await newBrowser().openUntil(url, CALLBACK);
    const response = await authorizationCodeGrant(
      config,
      callback,
      { idTokenExpected: true },
      undefined,
      DPoP && { DPoP },
    );
    const request = newRequest();
    await users.save(request, response);
    provider.assertions.length = 0;
    return { users, request, time, response };
  };
  return { assertions, provider, config, login };
}

const expire = (time: FakeClock) => time.advance(LIFETIME - 60);

/** The tokens that the server is told to revoke from now on, and what it is told of their type. */
function revokedTokens(config: Configuration): (string | null)[][] {
  const revoked: (string | null)[][] = [];
  config[customFetch] = (url, options) => {
    const form = options.body as URLSearchParams;
    if (String(url).endsWith('/revocation')) {
      revoked.push([form.get('token'), form.get('token_type_hint')]);
    }
    return fetch(url, options as RequestInit);
  };
  return revoked;
}

/** Logs out while the answer of a refresh is on its way; what comes of both. */
async function logoutDuringRefresh(
  config: Configuration,
  users: UserTokenManager<Request>,
  refreshing: Request,
  leaving: Request,
) {
  const refreshes: Record<string, unknown>[] = [];
  const revoked: (string | null)[][] = [];
  const steps = new EventEmitter();
  const [isAnswered, mayReturn] = [once(steps, 'answered'), once(steps, 'leaving')];
  config[customFetch] = async (url, options) => {
    const form = options.body as URLSearchParams;
    if (String(url).endsWith('/revocation')) {
      revoked.push([form.get('token'), form.get('token_type_hint')]);
    }
    const response = await fetch(url, options as RequestInit);
    if (!String(url).endsWith('/token')) return response;
    refreshes.push((await response.clone().json()) as Record<string, unknown>);
    steps.emit('answered');
    await mayReturn;
    return response;
  };
  const renewal = users.getToken(refreshing);
  await isAnswered;
  const logout = users.revoke(leaving);
  await setImmediate();
  steps.emit('leaving');
  await assert.rejects(renewal, LoginRequiredError);
  assert.equal(await logout, true);
  return { revoked, refreshes };
}

/** Whether the provider takes an access token. */
async function isActive(
  config: Configuration,
  { accessToken }: Pick<TokenSet, 'accessToken'>,
): Promise<boolean> {
  const { userinfo_endpoint = '' } = config.serverMetadata();
  const headers = { authorization: `Bearer ${accessToken}` };
  return (await fetch(userinfo_endpoint, { headers })).ok;
}

test('the tokens are plain JSON in the session, and are used until shortly before they expire', async (t) => {
  const { login, provider } = await party(t);
  const { users, request, time, response } = await login();
  const kept = tokensOf(request);
  assert.deepEqual(JSON.parse(JSON.stringify(kept)), kept);
  assert.deepEqual(kept, {
    accessToken: response.access_token,
    tokenType: 'bearer',
    expiresAt: time.now() + LIFETIME,
    renewAt: time.now() + LIFETIME - 60,
    scope: 'openid offline_access',
    refreshToken: response.refresh_token,
    idToken: response.id_token,
  });
  time.advance(LIFETIME - 61);
  assert.deepEqual(await users.getToken(request), kept);
  assert.deepEqual(provider.assertions, []);
});

test('tokens are refreshed with a new assertion, and the session is saved at once', async (t) => {
  const { login, provider, config } = await party(t);
  const { users, request, time } = await login();
  let saved = 0;
  Object.assign(request.session, {
    save: (done: () => void) => {
      saved += 1;
      done();
    },
  });
  const before = tokensOf(request);
  expire(time);
  const renewed = await users.getToken(request);
  assert.deepEqual(tokensOf(request), renewed);
  assert.notEqual(renewed.refreshToken, before.refreshToken);
  assert.equal(renewed.scope, before.scope);
  assert.ok(await isActive(config, renewed));
  assert.equal(saved, 2, 'before, to see that it can be saved, and after');
  expire(time);
  await users.getToken(request);
  const ids = provider.assertions.map(({ claims }) => claims['jti']);
  assert.equal(new Set(ids).size, 2);
});

test('if the session cannot be saved, the refresh fails and the refresh token is not used', async (t) => {
  const { login, provider } = await party(t);
  const { users, request, time } = await login();
  const failure = new Error('the session store is down');
  Object.assign(request.session, { save: (done: (error: Error) => void) => done(failure) });
  expire(time);
  await assert.rejects(users.getToken(request), failure);
  assert.equal(provider.assertions.length, 0, 'a refresh that cannot be saved does not begin');
});

test('simultaneous requests of one session cause one refresh, and all get its tokens', async (t) => {
  const { login, provider, config } = await party(t);
  const { users, request, time } = await login();
  expire(time);
  const requests = Array.from({ length: 10 }, () => another(request));
  const renewed = await Promise.all(requests.map((each) => users.getToken(each)));
  assert.equal(new Set(renewed.map(({ accessToken }) => accessToken)).size, 1);
  assert.equal(provider.assertions.length, 1);
  for (const each of requests) assert.deepEqual(tokensOf(each), renewed[0]);
  assert.ok(await isActive(config, tokensOf(requests[9] ?? request)));
});

test('a request that still has the old refresh token does not use it again', async (t) => {
  const { login, provider, config } = await party(t);
  const { users, request, time } = await login();
  const late = another(request);
  expire(time);
  const renewed = await users.getToken(request);
  assert.deepEqual(await users.getToken(late), renewed);
  assert.equal(provider.assertions.length, 1);
  assert.ok(await isActive(config, renewed), 'the provider saw no refresh token twice');
});

test('a request that is two refreshes behind does not use its refresh token either', async (t) => {
  const { login, provider } = await party(t);
  const { users, request, time } = await login();
  const late = another(request);
  expire(time);
  const { accessToken } = await users.getToken(request);
  const renewed = await users.getToken(request, accessToken);
  assert.deepEqual(await users.getToken(late, accessToken), renewed);
  assert.equal(provider.assertions.length, 2);
});

test('after an hour an old refresh token is sent again, and the server decides', async (t) => {
  const { login } = await party(t);
  const { users, request, time } = await login();
  const late = another(request);
  expire(time);
  await users.getToken(request);
  time.advance(3600);
  await assert.rejects(users.getToken(late), LoginRequiredError);
});

test('a refresh token that the server did not replace is used again', async (t) => {
  const { login, provider } = await party(t, 'openid offline_access', false);
  const { users, request, time } = await login();
  const { refreshToken } = tokensOf(request);
  const seen = new Set<string>();
  for (let times = 1; times <= 3; times += 1) {
    expire(time);
    const renewed = await users.getToken(request);
    seen.add(renewed.accessToken);
    assert.equal(renewed.refreshToken, refreshToken);
    assert.equal(provider.assertions.length, times);
  }
  assert.equal(seen.size, 3);
});

test('a logout with a refresh token that was not replaced revokes it', async (t) => {
  const { login, config } = await party(t, 'openid offline_access', false);
  const { users, request, time } = await login();
  const late = another(request);
  expire(time);
  const { refreshToken } = tokensOf(request);
  const { revoked, refreshes } = await logoutDuringRefresh(config, users, request, late);
  assert.deepEqual(revoked, [
    [refreshToken, 'refresh_token'],
    [refreshes[0]?.['access_token'], 'access_token'],
  ]);
});

test('a token that an API has refused is refreshed before it expires', async (t) => {
  const { login, provider } = await party(t);
  const { users, request } = await login();
  const [member = ''] = Object.keys(request.session);
  request.session[member] = { ...tokensOf(request), accessToken: 'not-of-this-provider' };
  const response = await users.fetch(request, provider.issuer)('/me');
  assert.deepEqual(await response.json(), { sub: 'alice' });
  assert.notEqual(tokensOf(request).accessToken, 'not-of-this-provider');
  assert.equal(provider.assertions.length, 1);
});

for (const [when, handleOf] of Object.entries<(handle: DPoPHandle) => () => unknown>({
  'at once': (handle) => () => handle,
  'after it was loaded': (handle) => async () => handle,
})) {
  test(`tokens that are bound to a key are refreshed and used with this key, passed ${when} (RFC 9449)`, async (t) => {
    const { login, provider, config } = await party(t);
    const DPoP = getDPoPHandle(config, await randomDPoPKeyPair('ES256'));
    const { users, request, time } = await login({ DPoP: handleOf(DPoP) as never }, DPoP);
    assert.equal(tokensOf(request).tokenType, 'dpop');
    expire(time);
    const response = await users.fetch(request, provider.issuer)('/me');
    assert.deepEqual(await response.json(), { sub: 'alice' });
    assert.equal(provider.assertions.length, 2, 'the provider wanted another nonce by now');
  });
}

test('if the key of the tokens cannot be loaded, the next request may refresh them at once', async (t) => {
  const { login, provider, config } = await party(t);
  const handle = getDPoPHandle(config, await randomDPoPKeyPair('ES256'));
  const answers: unknown[] = [new Error('the vault is away')];
  const DPoP = async () => {
    const answer = answers.shift() ?? handle;
    if (answer instanceof Error) throw answer;
    return answer as DPoPHandle;
  };
  const { users, request, time } = await login({ DPoP }, handle);
  expire(time);
  await assert.rejects(users.getToken(request), /the vault is away/);
  assert.equal(tokensOf(request).refreshing, undefined);
  const response = await users.fetch(request, provider.issuer)('/me');
  assert.deepEqual(await response.json(), { sub: 'alice' });
});

test('a user without tokens must log in', async (t) => {
  const { login } = await party(t);
  const { users } = await login();
  await assert.rejects(users.getToken(newRequest()), (error) => {
    assert.ok(error instanceof LoginRequiredError);
    assert.equal(error.status, 401);
    assert.equal(error.message, 'The user has no tokens');
    return true;
  });
});

test('without a refresh token the access token is used until it expires or is refused', async (t) => {
  const { login, provider } = await party(t, 'openid');
  const { users, request, time } = await login();
  const { accessToken } = tokensOf(request);
  time.advance(LIFETIME - 1);
  assert.equal((await users.getToken(request)).accessToken, accessToken);
  const expected = {
    name: 'LoginRequiredError',
    message: 'The access token has expired and there is no refresh token',
  };
  await assert.rejects(users.getToken(request, accessToken), expected);
  time.advance(1);
  await assert.rejects(users.getToken(request), expected);
  assert.deepEqual(provider.assertions, []);
});

test('if the refresh token is no longer valid, the user must log in', async (t) => {
  const { login, config } = await party(t);
  const { users, request, time } = await login();
  await tokenRevocation(config, tokensOf(request).refreshToken ?? '');
  expire(time);
  await assert.rejects(users.getToken(request), (error: Error) => {
    assert.equal(error.name, 'LoginRequiredError');
    assert.match(
      error.message,
      /^The user must log in again: the provider says invalid_grant: grant request is invalid\. The assertion had kid "[\w-]{43}", alg ES256, typ client-authentication\+jwt and aud "http:/,
    );
    assert.deepEqual(
      [(error as LoginRequiredError).error, (error as LoginRequiredError).error_description],
      ['invalid_grant', 'grant request is invalid'],
    );
    return true;
  });
  assert.deepEqual(request.session, {}, 'the tokens are forgotten');
});

test('a refusal for another reason is an error, and the tokens are kept', async (t) => {
  const { login, config } = await party(t);
  const { request } = await login();
  const stranger = new AssertionService({
    clientId: 'client',
    key: newKeyPair('ES256').privateKey,
  });
  const users = new UserTokenManager({ config: withEndpoints(config, {}, stranger) });
  const before = tokensOf(request);
  await assert.rejects(users.getToken(request, before.accessToken), { error: 'invalid_client' });
  assert.deepEqual(tokensOf(request), before);
});

test('a refresh whose answer is lost is not sent again, and the tokens are kept', async (t) => {
  const { login, config, assertions, provider } = await party(t);
  const { request } = await login();
  const flaky = await flakyEndpoint(`${provider.issuer}/token`);
  t.after(() => flaky.close());
  const moved = withEndpoints(config, { token_endpoint: `${flaky.url}/token` }, assertions);
  const users = new UserTokenManager({ config: moved });
  flaky.lose = 1;
  const before = tokensOf(request);
  await assert.rejects(users.getToken(request, before.accessToken));
  assert.equal(flaky.ids.length, 1);
  assert.deepEqual(tokensOf(request), before);
  await users.getToken(request, before.accessToken);
  assert.equal(flaky.ids.length, 2);
  assert.equal(new Set(flaky.ids).size, 2);
});

test('a refresh that could not be sent is sent once more, with a new assertion', async (t) => {
  const { login, config, provider } = await party(t);
  const { request } = await login();
  const closed = await flakyEndpoint(`${provider.issuer}/token`);
  await closed.close();
  const signed: string[] = [];
  const service = new AssertionService({
    clientId: 'client',
    key: {
      alg: 'ES256',
      sign: async (data) => {
        signed.push(Buffer.from(data).toString());
        return new Uint8Array(64);
      },
    },
  });
  const users = new UserTokenManager({
    config: withEndpoints(config, { token_endpoint: `${closed.url}/token` }, service),
  });
  await assert.rejects(users.getToken(request, tokensOf(request).accessToken));
  assert.equal(signed.length, 2);
  assert.notEqual(signed[0], signed[1]);
});

test('at logout the refresh token is revoked and the tokens are forgotten', async (t) => {
  const { login, provider, config } = await party(t);
  const { users, request } = await login();
  const before = tokensOf(request);
  assert.equal(await users.revoke(request), true);
  assert.deepEqual(request.session, {});
  assert.equal(provider.assertions[0]?.route, 'revocation');
  assert.equal(await isActive(config, before), false);
  assert.equal(await users.revoke(request), false);
  assert.equal(provider.assertions.length, 2, 'there is nothing to revoke');
});

test('without a refresh token the access token is revoked', async (t) => {
  const { login, config } = await party(t, 'openid');
  const { users, request } = await login();
  const before = tokensOf(request);
  const revoked = revokedTokens(config);
  await users.revoke(request);
  assert.deepEqual(revoked, [[before.accessToken, 'access_token']]);
  assert.equal(await isActive(config, before), false);
});

test('a logout during a refresh revokes the new tokens', async (t) => {
  const { login, config } = await party(t);
  const { users, request, time } = await login();
  expire(time);
  const other = another(request);
  const { revoked, refreshes } = await logoutDuringRefresh(config, users, request, other);
  assert.deepEqual(revoked, [
    [refreshes[0]?.['refresh_token'], 'refresh_token'],
    [refreshes[0]?.['access_token'], 'access_token'],
  ]);
  assert.equal(
    await isActive(config, { accessToken: String(refreshes[0]?.['access_token']) }),
    false,
  );
  assert.deepEqual(other.session, {});
  await assert.rejects(users.getToken(request), LoginRequiredError);
});

test('a logout with old tokens revokes the tokens that replaced them', async (t) => {
  const { login, config } = await party(t);
  const { users, request, time } = await login();
  const late = another(request);
  expire(time);
  const { accessToken } = await users.getToken(request);
  const renewed = await users.getToken(request, accessToken);
  const revoked = revokedTokens(config);
  await users.revoke(late);
  assert.deepEqual(revoked, [
    [renewed.refreshToken, 'refresh_token'],
    [renewed.accessToken, 'access_token'],
  ]);
  assert.equal(await isActive(config, renewed), false);
});

test('if a provider reissues a replaced refresh token, the user must log in: there is no endless loop', async (t) => {
  const { config, assertions } = await party(t);
  let answers = 0;
  const endpoint = await listen((_request, response) => {
    answers += 1;
    response.setHeader('content-type', 'application/json');
    const refresh_token = ['B', 'C', 'A'][(answers - 1) % 3];
    response.end(
      JSON.stringify({
        access_token: `at-${answers}`,
        token_type: 'bearer',
        expires_in: 600,
        refresh_token,
      }),
    );
  });
  t.after(() => endpoint.close());
  const token_endpoint = endpoint.url;
  const users = new UserTokenManager<Request>({
    config: withEndpoints(
      config,
      { token_endpoint, revocation_endpoint: endpoint.url },
      assertions,
    ),
  });
  const request = newRequest();
  const time = fakeClock();
  t.after(time.restore);
  await users.save(request, {
    access_token: 'at-0',
    token_type: 'bearer',
    expires_in: 600,
    refresh_token: 'A',
  });
  for (let refresh = 1; refresh <= 3; refresh += 1) {
    time.advance(600);
    assert.equal((await users.getToken(request)).accessToken, `at-${refresh}`);
  }
  time.advance(600);
  await assert.rejects(users.getToken(request), {
    name: 'LoginRequiredError',
    message: /a refresh token that it had already replaced: the user must log in again$/,
  });
  assert.equal(answers, 3);
  assert.equal(await users.revoke(request), true);
});

test('a logout succeeds if the server does not revoke access tokens (RFC 7009 §2.2.1)', async (t) => {
  const { login, config, assertions } = await party(t);
  const { request } = await login();
  const hints: (string | null)[] = [];
  const endpoint = await listen(async (incoming, response) => {
    const form = new URLSearchParams(await text(incoming));
    hints.push(form.get('token_type_hint'));
    const isRefreshToken = hints.at(-1) === 'refresh_token';
    response.writeHead(isRefreshToken ? 200 : 400, { 'content-type': 'application/json' });
    response.end(isRefreshToken ? '' : '{"error":"unsupported_token_type"}');
  });
  t.after(() => endpoint.close());
  const users = new UserTokenManager<Request>({
    config: withEndpoints(config, { revocation_endpoint: endpoint.url }, assertions),
  });
  assert.equal(await users.revoke(request), true);
  assert.deepEqual(hints, ['refresh_token', 'access_token']);
});

test('the access token is revoked even if the refresh token cannot be', async (t) => {
  const { login, config, assertions } = await party(t);
  const { request } = await login();
  const hints: (string | null)[] = [];
  const endpoint = await listen(async (incoming, response) => {
    hints.push(new URLSearchParams(await text(incoming)).get('token_type_hint'));
    response.writeHead(hints.length === 1 ? 503 : 200).end();
  });
  t.after(() => endpoint.close());
  const users = new UserTokenManager<Request>({
    config: withEndpoints(config, { revocation_endpoint: endpoint.url }, assertions),
  });
  await assert.rejects(users.revoke(request), { name: 'ProviderError', status: 503 });
  assert.deepEqual(hints, ['refresh_token', 'access_token']);
});

test('the tokens are forgotten even if the server cannot be reached', async (t) => {
  const { login, config, assertions } = await party(t);
  const { request } = await login();
  const closed = await listen(() => {});
  await closed.close();
  const revocation_endpoint = `${closed.url}/revoke`;
  const users = new UserTokenManager({
    config: withEndpoints(config, { revocation_endpoint }, assertions),
  });
  await assert.rejects(users.revoke(request));
  assert.deepEqual(request.session, {});
});

test('if the server has no revocation endpoint, the tokens are forgotten, and revoke returns false', async (t) => {
  const { login, config, assertions } = await party(t);
  const { request } = await login();
  const {
    supportsPKCE: _method,
    revocation_endpoint: _none,
    ...metadata
  } = config.serverMetadata();
  const users = new UserTokenManager<Request>({
    config: new Configuration(metadata, 'client', undefined, clientAssertion(assertions)),
  });
  assert.equal(await users.revoke(request), false);
  assert.deepEqual(request.session, {});
});

for (const [what, response] of [
  ['a promise', Promise.resolve({ access_token: 'at', token_type: 'bearer' })],
  ['nothing', undefined],
  ['an error of the server', { error: 'invalid_grant' }],
] as const) {
  test(`${what} is not saved instead of tokens`, async (t) => {
    const { config } = await party(t);
    const request = newRequest();
    const users = new UserTokenManager({ config });
    await assert.rejects(users.save(request, response as unknown as TokenEndpointResponse), {
      name: 'TypeError',
      message: 'The tokens have no access_token: pass the response of the token endpoint',
    });
    assert.deepEqual(request.session, {});
  });
}

test('only save can put tokens into the session', async (t) => {
  const { config } = await party(t);
  const users = new UserTokenManager({ config });
  const session = { [`tokens:${clientName(config)}`]: { access_token: 'at' } };
  await assert.rejects(users.getToken({ session }), {
    name: 'TypeError',
    message: /^The stored value is not a TokenSet.*only save may write tokens into a session$/,
  });
});

test('a store may return null if it has no tokens for a session', async (t) => {
  const { config } = await party(t);
  const store = { get: async () => null, replace: async () => false };
  const users = new UserTokenManager({ config, store });
  await assert.rejects(users.getToken(newRequest()), LoginRequiredError);
});

test('a store keeps the tokens under the id of the session', async (t) => {
  const store = new MemoryTokenStore();
  const { login, provider, config } = await party(t);
  const { users, request, time, response } = await login({ store });
  assert.deepEqual(request.session, {});
  expire(time);
  const renewed = await users.getToken(another(request));
  const key = userTokenKey(config, 'session-1');
  assert.deepEqual(store.get(key), renewed);
  const elsewhere = new UserTokenManager<Request>({ config, store });
  assert.deepEqual(await elsewhere.getToken(request), renewed, 'another process has them too');
  await users.revoke(request);
  assert.equal(store.get(key)?.tokenType, 'ended');
  await assert.rejects(elsewhere.getToken(request), LoginRequiredError);
  await assert.rejects(elsewhere.save(request, response), LoginRequiredError);
  assert.equal(provider.assertions.length, 5, 'a refresh, and two tokens that are revoked twice');
});

/** A client of a provider that answers each refresh, and the refresh tokens that arrived there. */
function clientOf(issuer: string, clientId: string, answer: object = {}) {
  const assertions = new AssertionService({
    clientId,
    key: newKeyPair('ES256').privateKey,
  });
  const metadata = { issuer, token_endpoint: `${issuer}/token` };
  const config = new Configuration(metadata, clientId, undefined, clientAssertion(assertions));
  const sent: (string | null)[] = [];
  config[customFetch] = async (_url, { body }) => {
    sent.push((body as URLSearchParams).get('refresh_token'));
    return Response.json({ access_token: `renewed by ${issuer}`, token_type: 'bearer', ...answer });
  };
  return { config, sent };
}

for (const [what, issuer, clientId] of [
  ['another provider', 'https://other.example', 'client'],
  ['another client of the provider', 'https://as.example', 'client-2'],
] as const) {
  for (const where of ['a session', 'a store'] as const) {
    test(`no manager gets the tokens that a manager of ${what} keeps in ${where} (RFC 9700 §4.4)`, async () => {
      const store = where === 'a store' ? new MemoryTokenStore() : undefined;
      const request = newRequest();
      const clients = [clientOf('https://as.example', 'client'), clientOf(issuer, clientId)];
      const managers = clients.map(
        ({ config }) => new UserTokenManager<Request>({ config, store }),
      );
      const [one, other] = managers;
      const response = (name: string) =>
        ({
          access_token: `at ${name}`,
          token_type: 'bearer',
          refresh_token: `rt ${name}`,
        }) as const;
      await one?.save(request, response('one'));
      await assert.rejects(async () => other?.getToken(request), LoginRequiredError);
      await other?.save(request, response('other'));
      assert.equal((await one?.getToken(request))?.accessToken, 'at one');
      await one?.getToken(request, 'at one');
      await other?.getToken(request, 'at other');
      assert.deepEqual(
        clients.map(({ sent }) => sent),
        [['rt one'], ['rt other']],
      );
      await one?.revoke(request);
      await assert.rejects(async () => one?.getToken(request), LoginRequiredError);
      assert.equal((await other?.getToken(request))?.refreshToken, 'rt other', 'still logged in');
    });
  }
}

const idToken = (sub: string) =>
  new SignJWT({ sub })
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer('https://as.example')
    .setAudience('client')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(newKeyPair('RS256').privateKey);

for (const [subject, isAccepted] of [
  ['alice', true],
  ['mallory', false],
  ['Alice', false],
] as const) {
  test(`a refresh whose ID token is of ${subject} is ${isAccepted ? '' : 'not '}one of alice (OpenID Connect Core §12.2)`, async () => {
    const { config } = clientOf('https://as.example', 'client', {
      id_token: await idToken(subject),
      refresh_token: 'next',
    });
    const users = new UserTokenManager<Request>({ config });
    const request = newRequest();
    await users.save(request, { ...GIVEN, id_token: await idToken('alice') });
    const kept = tokensOf(request);
    if (isAccepted) {
      assert.equal((await users.getToken(request, 'at')).refreshToken, 'next');
      return;
    }
    await assert.rejects(users.getToken(request, 'at'), {
      name: 'ProviderError',
      status: 502,
      message: /The id_token is of another user/,
    });
    assert.deepEqual(tokensOf(request), kept);
  });
}

test('a DPoP function that fails does not block other requests', async () => {
  const { config } = clientOf('https://as.example', 'client');
  const store = new MemoryTokenStore();
  const failure = new Error('the handle is gone');
  const users = new UserTokenManager<Request>({
    config,
    store,
    DPoP: () => {
      throw failure;
    },
  });
  const request = newRequest();
  await users.save(request, GIVEN);
  await assert.rejects(users.getToken(request, 'at'), (error) => error === failure);
  assert.equal(store.get(userTokenKey(config, 'session-1'))?.refreshing, undefined);
  assert.ok(await new UserTokenManager<Request>({ config, store }).getToken(request, 'at'));
});

for (const [what, release] of [
  ['throws', () => assert.fail('the lock service is down')],
  ['rejects', () => Promise.reject(new Error('the lock service is down'))],
  ['returns nothing', () => undefined],
] as const) {
  test(`a lock whose release ${what} loses no tokens`, async () => {
    const { config } = clientOf('https://as.example', 'client');
    const lock = { acquire: async () => 'owner', release };
    const users = new UserTokenManager<Request>({ config, lock });
    const request = newRequest();
    await users.save(request, GIVEN);
    const renewed = await users.getToken(request, 'at');
    assert.equal(renewed.accessToken, 'renewed by https://as.example');
  });
}

const wrongRequests: readonly [string, UserTokenRequest, RegExp][] = [
  ['a session', { session: null }, /The request has no session: mount express-session first/],
  ['any session', {}, /The request has no session: mount express-session first/],
  ['a sessionID', { session: {} }, /The request has no sessionID/],
];

for (const [what, request, message] of wrongRequests) {
  test(`a request without ${what} is an error that names what is missing`, async (t) => {
    const { config } = await party(t);
    const users = new UserTokenManager({
      config,
      ...(what === 'a sessionID' && { store: new MemoryTokenStore() }),
    });
    await assert.rejects(users.getToken(request), { name: 'TypeError', message });
  });
}

for (const [what, more, expected] of [
  [
    'a lifetime below zero',
    { expires_in: -1 },
    /expires_in of the tokens must be a number of seconds/,
  ],
  ['a lifetime in words', { expires_in: 'soon' }, /expires_in/],
  ['an empty lifetime', { expires_in: '' }, /expires_in/],
  ['a lifetime that is no number', { expires_in: Number.NaN }, /expires_in/],
  ['an object as lifetime', { expires_in: {} }, /expires_in/],
  ['an empty access token', { access_token: '' }, /no access_token/],
  ['no token type', { token_type: undefined }, /no token_type/],
  [
    'an access token with a line break',
    { access_token: 'secret\nx: y' },
    /characters that no token may have/,
  ],
  [
    'an access token beyond ASCII',
    { access_token: 'secret-\u0442' },
    /characters that no token may have/,
  ],
  ['a number as refresh token', { refresh_token: 7 }, /refresh_token of the tokens must be text/],
  ['a list as scope', { scope: ['a'] }, /scope of the tokens must be text/],
  ['an object as ID token', { id_token: {} }, /id_token of the tokens must be text/],
] as const) {
  test(`${what} is refused before anything is kept (RFC 6749 §5.1)`, async () => {
    const users = new UserTokenManager<Request>({
      config: new Configuration({ issuer: 'https://as.example' }, 'client'),
    });
    const request = newRequest();
    const saved = users.save(request, { ...GIVEN, ...more } as never);
    await assert.rejects(saved, (error: Error) => {
      assert.equal(error.name, 'TypeError');
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.deepEqual(request.session, {});
  });
}

for (const [what, more, lifetime] of [
  ['a lifetime as text', { expires_in: '3600' }, 3600],
  ['no lifetime', {}, 300],
  ['null as lifetime', { expires_in: null }, 300],
  ['a lifetime of zero', { expires_in: 0 }, 0],
  ['a lifetime beyond reason', { expires_in: 1e300 }, 31_536_000],
] as const) {
  test(`${what} is a lifetime of ${lifetime} s`, async () => {
    const time = fakeClock();
    const users = new UserTokenManager<Request>({
      config: new Configuration({ issuer: 'https://as.example' }, 'client'),
    });
    const request = newRequest();
    await users.save(request, { ...GIVEN, scope: null, id_token: null, ...more } as never);
    const { accessToken, expiresAt, renewAt, ...others } = tokensOf(request);
    assert.equal(expiresAt, time.now() + lifetime);
    assert.ok(renewAt <= expiresAt);
    assert.deepEqual(others, { tokenType: 'bearer', refreshToken: 'rt' });
  });
}

test('an access token that cannot be sent is a ProviderError, and is not shown', async (t) => {
  const { login, config } = await party(t);
  const { users, request, time } = await login();
  const kept = tokensOf(request);
  config[customFetch] = async () =>
    Response.json({ access_token: 'secret\nx: y', token_type: 'bearer', refresh_token: 'rt' });
  expire(time);
  await assert.rejects(users.getToken(request), (error: Error) => {
    assert.equal(error.name, 'ProviderError');
    assert.doesNotMatch(inspect(error, { depth: Number.POSITIVE_INFINITY }), /secret/);
    return true;
  });
  assert.deepEqual(tokensOf(request), kept);
});

test('a refresh mark from a process whose clock is an hour ahead does not block others', async (t) => {
  const { login, config } = await party(t);
  const store = new MemoryTokenStore();
  const { users, request, time } = await login({ store });
  const key = userTokenKey(config, request.sessionID);
  const kept = store.get(key) ?? assert.fail();
  const refreshing = { by: 'another process', until: time.now() + 3600 };
  assert.ok(store.replace(key, kept, { ...kept, refreshing }, 600));
  const renewed = await users.getToken(request, kept.accessToken);
  assert.notEqual(renewed.accessToken, kept.accessToken);
});

type Replace = Parameters<MemoryTokenStore['replace']>;

/** What a test does at the steps of a store, which are counted from 1. */
interface Steps {
  readonly get?: (times: number, memory: MemoryTokenStore) => void;
  /** Returns or throws what the store does; undefined for what a store in memory does. */
  readonly replace?: (
    times: number,
    memory: MemoryTokenStore,
    entry: Replace,
  ) => boolean | undefined;
}

const KEY = userTokenKey(clientOf('https://as.example', 'client').config, 'session-1');

const renewedAs = (name: string, more: object = {}) =>
  Response.json({
    access_token: `at ${name}`,
    token_type: 'bearer',
    expires_in: 600,
    refresh_token: `rt ${name}`,
    ...more,
  });

const refusedAs = (error: string, status = 400) => Response.json({ error }, { status });

type Answer = (form: URLSearchParams, memory: MemoryTokenStore) => Response | Promise<Response>;

/** A user who has logged in with `GIVEN`. The provider and the steps of the store are functions. */
async function loggedIn(
  steps: Steps = {},
  answer: Answer = () => renewedAs('new'),
  options: Partial<UserTokenManagerOptions> = {},
  members: object = {},
) {
  const memory = new MemoryTokenStore();
  const counts = { get: 0, replace: 0 };
  const entries: Replace[] = [];
  const store: TokenStore = {
    async get(key) {
      counts.get += 1;
      steps.get?.(counts.get, memory);
      return memory.get(key);
    },
    async replace(...entry) {
      counts.replace += 1;
      entries.push(entry);
      return steps.replace?.(counts.replace, memory, entry) ?? memory.replace(...entry);
    },
  };
  const issuer = 'https://as.example';
  const metadata = {
    issuer,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
  };
  const config = new Configuration(metadata, 'client', 'a secret of the tests');
  const sent: string[] = [];
  config[customFetch] = async (url, { body }) => {
    const form = body as URLSearchParams;
    sent.push(form.get('refresh_token') ?? `revoke ${form.get('token')}`);
    if (!url.endsWith('/token')) return new Response(null);
    return answer(form, memory);
  };
  const users = new UserTokenManager<Request>({ config, store, ...options });
  const request: Request = Object.assign(newRequest(), members);
  await users.save(request, GIVEN);
  return { users, request, memory, sent, entries, config };
}

const events = (t: TestContext) => {
  const types: string[] = [];
  const note = (event: unknown) => types.push((event as ClientEvent).type);
  subscribe('passport-private-key-jwt:client', note);
  t.after(() => unsubscribe('passport-private-key-jwt:client', note));
  return types;
};

/** Changes the entry of the session as another process does. */
function change(memory: MemoryTokenStore, more: object | undefined): void {
  const entry = memory.get(KEY);
  const next = more === undefined ? undefined : ({ ...entry, ...more } as TokenSet);
  assert.ok(memory.replace(KEY, entry, next, 600));
}

const BY_ANOTHER = {
  accessToken: 'at of another',
  refreshToken: 'rt of another',
  expiresAt: 1e10,
  renewAt: 1e10,
  refreshing: undefined,
};

for (const [keepFor, expected] of [
  [undefined, 86_400],
  [1, 1],
  [31_536_000, 31_536_000],
] as const) {
  test(`with keepFor ${keepFor} every entry of a store lives for ${expected} s`, async () => {
    const { users, request, entries } = await loggedIn({}, undefined, { keepFor });
    await users.getToken(request, 'at');
    assert.deepEqual(
      entries.map(([, , , lifetime]) => lifetime),
      [expected, expected, expected],
    );
  });
}

for (const keepFor of [0, 31_536_001, '60']) {
  test(`keepFor ${JSON.stringify(keepFor)} is refused`, () => {
    const { config } = clientOf('https://as.example', 'client');
    const options = { config, keepFor } as { config: Configuration };
    assert.throws(() => new UserTokenManager(options), {
      name: 'TypeError',
      message: /^keepFor must be .*31536000/,
    });
  });
}

test('a refresh renews a token as early as the first one was renewed', async () => {
  const time = fakeClock();
  const { users, request } = await loggedIn({}, undefined, { renewBefore: 200 });
  const { renewAt, expiresAt } = await users.getToken(request, 'at');
  assert.deepEqual([renewAt, expiresAt], [time.now() + 400, time.now() + 600]);
});

/** Members of a request whose session has ended since the request arrived. */
const gone = (steps: string[]) => ({
  headers: { cookie: 'sid=session-1' },
  session: {
    regenerate(done: () => void) {
      steps.push('regenerate');
      done();
    },
  },
  sessionStore: {
    get: (_id: string, done: (error: null, found: null) => void) => done(null, null),
  },
});

test('if the session has ended, nothing is refreshed, and the request leaves the session', async () => {
  const steps: string[] = [];
  const { users, request, sent } = await loggedIn();
  const late = { ...request, ...gone(steps) } as unknown as Request;
  await assert.rejects(users.getToken(late, 'at'), {
    name: 'LoginRequiredError',
    message: 'The session has ended: the user must log in again',
  });
  assert.deepEqual([steps, sent], [['regenerate'], []]);
});

test('an error that does not end the session leaves it alone', async () => {
  const steps: string[] = [];
  const failure = new Error('the lock service is down');
  const lock = { acquire: () => Promise.reject(failure), release: () => undefined };
  const { users, request } = await loggedIn({}, undefined, { lock });
  const late = { ...request, ...gone(steps) } as unknown as Request;
  await assert.rejects(users.getToken(late, 'at'), (error) => error === failure);
  assert.deepEqual(steps, []);
});

for (const isRevoked of [true, false]) {
  test(`the tokens of a login whose session has ended are revoked, and the error is the same if the provider ${isRevoked ? 'answers' : 'is away'}`, async () => {
    const { users, request, config, sent } = await loggedIn();
    if (!isRevoked) {
      config[customFetch] = () => Promise.reject(new TypeError('fetch failed'));
    }
    const late = { ...request, ...gone([]) } as unknown as Request;
    await assert.rejects(users.save(late, GIVEN), {
      name: 'LoginRequiredError',
      message: /^The session has ended, so no tokens can be saved/,
    });
    assert.deepEqual(sent, isRevoked ? ['revoke rt', 'revoke at'] : []);
  });
}

test('the tokens of a login that the store cannot keep are not revoked', async () => {
  const failure = new Error('the store is down');
  const { users, request, sent } = await loggedIn({
    replace: (times) => {
      if (times > 1) throw failure;
      return undefined;
    },
  });
  await assert.rejects(users.save(request, GIVEN), (error) => error === failure);
  assert.deepEqual(sent, []);
});

test('a refresh gives up if others change the tokens twenty times', async () => {
  const { users, request, sent, entries } = await loggedIn({
    replace: (times) => (times > 1 ? false : undefined),
  });
  await assert.rejects(users.getToken(request, 'at'), {
    name: 'Error',
    message: 'Other requests keep changing the tokens of this session.',
  });
  assert.deepEqual([sent, entries.length], [[], 21]);
});

test('a refresh succeeds if others change the tokens nineteen times', async () => {
  const { users, request, sent } = await loggedIn({
    replace: (times) => (times > 1 && times < 21 ? false : undefined),
  });
  assert.equal((await users.getToken(request, 'at')).accessToken, 'at new');
  assert.deepEqual(sent, ['rt']);
});

test('a request waits while another process refreshes, however often it has to look', async (t) => {
  const types = events(t);
  const time = fakeClock();
  const { users, request, memory, sent } = await loggedIn({
    get: (times) => {
      if (times === 27) change(memory, BY_ANOTHER);
    },
  });
  change(memory, { refreshing: { by: 'another', until: time.now() + 40 } });
  assert.equal((await users.getToken(request, 'at')).accessToken, 'at of another');
  assert.deepEqual([sent, types], [[], []]);
});

for (const [seconds, isWaiting] of [
  [-1, false],
  [0, false],
  [0.001, true],
  [40, true],
  [100, true],
  [100.001, false],
] as const) {
  test(`a refresh mark that lasts another ${seconds} s is ${isWaiting ? 'heeded' : 'ignored, and reported'}`, async (t) => {
    const types = events(t);
    const time = fakeClock();
    const { users, request, memory, sent } = await loggedIn({
      get: (times) => {
        if (times === 4) change(memory, BY_ANOTHER);
      },
    });
    change(memory, { refreshing: { by: 'another', until: time.now() + seconds } });
    const { accessToken } = await users.getToken(request, 'at');
    assert.equal(accessToken, isWaiting ? 'at of another' : 'at new');
    assert.deepEqual(sent, isWaiting ? [] : ['rt']);
    assert.deepEqual(types, isWaiting ? [] : ['refresh_interrupted', 'token_refreshed']);
    assert.equal(memory.get(KEY)?.refreshing, undefined);
  });
}

for (const [seconds, isTooLong] of [
  [10, false],
  [10.001, true],
] as const) {
  test(`after ${seconds} s a request ${isTooLong ? 'no longer waits' : 'still waits'} for another process`, async () => {
    const time = fakeClock();
    const { users, request, memory, sent } = await loggedIn({
      get: (times) => {
        if (times === 4) time.advance(seconds);
        if (times === 5) change(memory, BY_ANOTHER);
      },
    });
    change(memory, { refreshing: { by: 'another', until: time.now() + 40 } });
    const renewal = users.getToken(request, 'at');
    if (isTooLong) {
      await assert.rejects(renewal, {
        name: 'ProviderError',
        status: 503,
        message: 'Another process has been refreshing the tokens for more than 10 s.',
      });
    } else {
      assert.equal((await renewal).accessToken, 'at of another');
    }
    assert.deepEqual(sent, []);
  });
}

test('a process does not wait for its own mark, which a repeated command may have written', async (t) => {
  const types = events(t);
  const time = fakeClock();
  const { users, request, sent } = await loggedIn({
    replace: (times, memory, entry) => {
      if (times !== 2) return undefined;
      const { refreshing } = entry[2] ?? assert.fail();
      assert.equal(refreshing?.until, time.now() + 40);
      // The client of the store repeats a command whose answer was lost.
      assert.ok(memory.replace(...entry));
      return memory.replace(...entry);
    },
  });
  assert.equal((await users.getToken(request, 'at')).accessToken, 'at new');
  assert.deepEqual([sent, types], [['rt'], ['token_refreshed']]);
});

test('if the provider no longer knows the refresh token, the tokens are forgotten', async () => {
  const { users, request, memory, sent, entries } = await loggedIn({}, () =>
    refusedAs('invalid_grant'),
  );
  await assert.rejects(users.getToken(request, 'at'), {
    name: 'LoginRequiredError',
    error: 'invalid_grant',
  });
  assert.equal(memory.get(KEY), undefined);
  assert.deepEqual([sent, entries.length], [['rt'], 4]);
});

test('another refusal of the user keeps the tokens, without a mark', async () => {
  const { users, request, memory, sent } = await loggedIn({}, () => refusedAs('access_denied'));
  const before = memory.get(KEY);
  for (const times of [1, 2]) {
    await assert.rejects(users.getToken(request, 'at'), {
      name: 'LoginRequiredError',
      error: 'access_denied',
    });
    assert.deepEqual(memory.get(KEY), before);
    assert.equal(sent.length, times);
  }
});

test('if another process used the refresh token first, its tokens are used', async () => {
  const { users, request, sent } = await loggedIn({}, (_form, memory) => {
    change(memory, BY_ANOTHER);
    return refusedAs('invalid_grant');
  });
  assert.equal((await users.getToken(request, 'at')).accessToken, 'at of another');
  assert.deepEqual(sent, ['rt']);
});

test('tokens that another process saves at the last moment are not forgotten', async () => {
  const { users, request } = await loggedIn(
    {
      replace: (times, memory) => {
        if (times === 4) change(memory, BY_ANOTHER);
        return undefined;
      },
    },
    () => refusedAs('invalid_grant'),
  );
  assert.equal((await users.getToken(request, 'at')).accessToken, 'at of another');
});

test('a failed refresh is an error of the provider even if the store fails too', async () => {
  const { users, request } = await loggedIn(
    {
      replace: (times) => {
        if (times === 3) throw new Error('the store is down');
        return undefined;
      },
    },
    () => refusedAs('server_error', 500),
  );
  await assert.rejects(users.getToken(request, 'at'), { name: 'ProviderError', status: 503 });
});

test('renewed tokens survive an outage of the store of less than 30 s', async () => {
  const time = fakeClock();
  const { users, request, memory, sent } = await loggedIn({
    replace: (times) => {
      if (times < 3 || times > 4) return undefined;
      time.advance(15);
      throw new Error('the store is down');
    },
  });
  assert.equal((await users.getToken(request, 'at')).accessToken, 'at new');
  assert.equal(memory.get(KEY)?.accessToken, 'at new');
  assert.deepEqual(sent, ['rt']);
});

test('after 30 s the outage of a store is an error', async () => {
  const failure = new Error('the store is down');
  const time = fakeClock();
  const { users, request, entries } = await loggedIn({
    replace: (times) => {
      if (times < 3) return undefined;
      time.advance(30.001);
      throw failure;
    },
  });
  await assert.rejects(users.getToken(request, 'at'), (error) => error === failure);
  assert.equal(entries.length, 3);
});

test('renewed tokens are saved although another process has taken the mark over', async () => {
  const { users, request, memory } = await loggedIn({}, (_form, changed) => {
    change(changed, { refreshing: { by: 'another', until: 1 } });
    return renewedAs('new');
  });
  assert.equal((await users.getToken(request, 'at')).accessToken, 'at new');
  assert.deepEqual(
    [memory.get(KEY)?.accessToken, memory.get(KEY)?.refreshing],
    ['at new', undefined],
  );
});

test('renewed tokens do not replace those of a login in the meantime', async () => {
  const { users, request, memory } = await loggedIn({}, (_form, changed) => {
    change(changed, BY_ANOTHER);
    return renewedAs('new');
  });
  assert.equal((await users.getToken(request, 'at')).accessToken, 'at of another');
  assert.equal(memory.get(KEY)?.refreshToken, 'rt of another');
});

for (const isAway of [false, true]) {
  test(`tokens that arrive after the end of their session are revoked${isAway ? ', even if the store and the provider are away' : ''}`, async () => {
    const { users, request, config, sent, memory } = await loggedIn(
      {
        replace: (times) => {
          if (isAway && times > 3) throw new Error('the store is down');
          return undefined;
        },
      },
      (_form, changed) => {
        change(changed, undefined);
        if (isAway) config[customFetch] = () => Promise.reject(new TypeError('fetch failed'));
        return renewedAs('new');
      },
    );
    await assert.rejects(users.getToken(request, 'at'), {
      name: 'LoginRequiredError',
      message: 'The session has ended: the user must log in again',
    });
    if (isAway) return;
    assert.deepEqual(sent, ['rt', 'revoke rt new', 'revoke at new']);
    assert.equal(memory.get(KEY)?.tokenType, 'ended');
  });
}

test('a logout of a user without tokens sends no request', async () => {
  const { users, sent } = await loggedIn();
  assert.equal(await users.revoke({ session: {}, sessionID: 'another' }), false);
  assert.deepEqual(sent, []);
});

test('a session without an id has a refresh and a logout of its own', async () => {
  const { config, sent } = await loggedIn();
  const keys: string[] = [];
  const lock = unlocked(keys);
  const withLock = new UserTokenManager({ config, lock });
  const [one, other] = [{ session: {} }, { session: {} }];
  await withLock.save(one, GIVEN);
  await withLock.save(other, { ...GIVEN, refresh_token: 'rt of the other' });
  await withLock.getToken(one, 'at');
  await withLock.getToken(other, 'at');
  assert.equal(new Set(keys).size, 2);
  for (const key of keys) assert.match(key, /^[\w-]{43}$/);
  assert.equal(await withLock.revoke(one), true);
  assert.deepEqual(sent.slice(2), ['revoke rt new', 'revoke at new']);
  await assert.rejects(withLock.getToken(one), LoginRequiredError);
  assert.equal((await withLock.getToken(other)).accessToken, 'at new');
});

test('a lock has the key of the session', async () => {
  const keys: string[] = [];
  const lock = unlocked(keys);
  const { users, request } = await loggedIn({}, undefined, { lock });
  await users.getToken(request, 'at');
  assert.deepEqual(keys, [KEY]);
});

const unlocked = (keys: string[]) => ({
  async acquire(key: string) {
    keys.push(key);
    return 'me';
  },
  release: () => undefined,
});

test('a usable token needs neither the lock nor a write', async () => {
  const keys: string[] = [];
  const { users, request, entries } = await loggedIn({}, undefined, { lock: unlocked(keys) });
  assert.equal((await users.getToken(request)).accessToken, 'at');
  assert.deepEqual([keys, entries.length], [[], 1]);
});

test('tokens that another process got while this one waited for the lock are used as they are', async () => {
  const { users, request, entries, sent } = await loggedIn({
    get: (times, memory) => {
      if (times === 3) change(memory, BY_ANOTHER);
    },
  });
  assert.equal((await users.getToken(request, 'at')).accessToken, 'at of another');
  assert.deepEqual([sent, entries.length], [[], 1]);
});

test('if a store loses renewed tokens, it gets them again, and the old refresh token is not sent', async () => {
  const { users, request, memory, sent } = await loggedIn();
  const before = memory.get(KEY);
  const renewed = await users.getToken(request, 'at');
  assert.ok(memory.replace(KEY, memory.get(KEY), before, 600));
  assert.deepEqual(await users.getToken(request, 'at'), renewed);
  assert.deepEqual(memory.get(KEY), renewed);
  assert.deepEqual(sent, ['rt']);
});

for (const [code, times] of [
  ['ECONNREFUSED', 2],
  ['ECONNRESET', 1],
] as const) {
  test(`after ${code} a refresh is sent ${times === 2 ? 'once more' : 'no more, since it may have used up the token'}`, async () => {
    const { users, request, sent, memory } = await loggedIn({}, () => {
      const cause = Object.assign(new Error('of the socket'), { code });
      throw new TypeError('fetch failed', { cause });
    });
    await assert.rejects(users.getToken(request, 'at'), { name: 'ProviderError', status: 503 });
    assert.equal(sent.length, times);
    assert.equal(memory.get(KEY)?.refreshing, undefined);
  });
}

test('a refresh token that is not replaced is sent again and again, once for each refresh', async () => {
  const { users, request, sent, memory } = await loggedIn({}, (_form, changed) => {
    change(changed, { refreshing: { by: 'another', until: 1 } });
    return renewedAs(String(sent.length), { refresh_token: undefined });
  });
  for (const expected of ['at', 'at 1', 'at 2']) {
    assert.notEqual((await users.getToken(request, expected)).accessToken, expected);
  }
  assert.deepEqual(sent, ['rt', 'rt', 'rt']);
  assert.equal(memory.get(KEY)?.accessToken, 'at 3');
});

/** A provider that answers a refresh only when the test says so. */
function waiting() {
  const steps = new EventEmitter();
  const [asked, mayAnswer] = [once(steps, 'asked'), once(steps, 'answer')];
  const answerOf: Answer = async () => {
    steps.emit('asked');
    await mayAnswer;
    return renewedAs('new');
  };
  return { asked, answer: () => steps.emit('answer'), answerOf };
}

test('a logout waits for the refresh of a session that another process has ended', async () => {
  const { asked, answer, answerOf } = waiting();
  const { users, request, memory, sent } = await loggedIn({}, answerOf);
  const renewal = users.getToken(request, 'at');
  await asked;
  const entry = memory.get(KEY);
  const ended = { accessToken: '', tokenType: 'ended', expiresAt: 0, renewAt: 0 };
  assert.ok(memory.replace(KEY, entry, ended, 600));
  const logout = users.revoke(request);
  await setImmediate();
  answer();
  await assert.rejects(renewal, LoginRequiredError);
  assert.equal(await logout, true);
  assert.deepEqual(sent, ['rt', 'revoke rt new', 'revoke at new']);
});

test('after a logout, tokens that arrive too late for the next session with the id are revoked', async () => {
  const { users, request, memory, sent } = await loggedIn({}, (_form, changed) => {
    change(changed, undefined);
    return renewedAs('new');
  });
  const before = memory.get(KEY);
  await users.revoke(request);
  assert.ok(memory.replace(KEY, memory.get(KEY), before, 600));
  await assert.rejects(users.getToken(request, 'at'), LoginRequiredError);
  assert.deepEqual(sent, ['revoke rt', 'revoke at', 'rt', 'revoke rt new', 'revoke at new']);
});

for (const [what, ids] of [
  ['whose tokens were copied into a new session', ['old', 'new']],
  ['without an id', [undefined, undefined]],
] as const) {
  test(`a logout of a session ${what} waits for their refresh, and revokes what it brings`, async () => {
    const { asked, answer, answerOf } = waiting();
    const { config, sent } = await loggedIn({}, answerOf);
    const users = new UserTokenManager({ config });
    const [one, other] = ids.map((sessionID) => ({
      session: {} as Record<string, unknown>,
      ...(sessionID !== undefined && { sessionID }),
    }));
    assert.ok(one && other);
    await users.save(one, GIVEN);
    Object.assign(other.session, structuredClone(one.session));
    const renewal = users.getToken(one, 'at');
    await asked;
    const logout = users.revoke(other);
    await setImmediate();
    assert.deepEqual(sent, ['rt'], 'nothing is revoked yet');
    answer();
    await renewal;
    assert.equal(await logout, true);
    assert.deepEqual(sent, ['rt', 'revoke rt new', 'revoke at new']);
  });
}

test('a session without an id that ends during a refresh leaves no tokens alive', async () => {
  const { asked, answer, answerOf } = waiting();
  const { config, sent } = await loggedIn({}, answerOf);
  const users = new UserTokenManager({ config });
  const request = { session: {} };
  await users.save(request, GIVEN);
  const renewal = users.getToken(request, 'at');
  await asked;
  const logout = users.revoke(request);
  await setImmediate();
  answer();
  await assert.rejects(renewal, LoginRequiredError);
  assert.equal(await logout, true);
  assert.deepEqual([...new Set(sent)], ['rt', 'revoke rt new', 'revoke at new']);
});
