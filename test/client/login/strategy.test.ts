import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { jwtVerify } from 'jose';
import {
  customFetch,
  getDPoPHandle,
  randomDPoPKeyPair,
  useCodeIdTokenResponseType,
  useJwtResponseMode,
} from 'openid-client';
import { AssertionService, OpenIdConnectStrategy } from '../../../lib/client/index.js';
import { type Browser, newBrowser } from '../../support/browser.js';
import { fakeClock } from '../../support/fake-clock.js';
import { withEndpoints } from '../../support/flaky-endpoint.js';
import { keyPair } from '../../support/keys.js';
import { SUBJECT } from '../../support/openid-provider.js';
import {
  type RelyingParty,
  type RelyingPartyOptions,
  relyingParty,
} from '../../support/relying-party.js';

async function setUp(t: TestContext, options?: RelyingPartyOptions): Promise<RelyingParty> {
  const party = await relyingParty(options);
  t.after(() => party.close());
  return party;
}

/** Where the party sends a new user. */
const authorizationUrl = (party: RelyingParty): Promise<URL> =>
  newBrowser().openUntil(`${party.url}/login`, party.provider.issuer);

/** A tab that has come back from the provider; the response is not yet delivered. */
const returnedTab = (party: RelyingParty, browser: Browser): Promise<URL> =>
  browser.openUntil(`${party.url}/login`, `${party.url}/cb`);

const homePage = async (browser: Browser, url: URL) => JSON.parse((await browser.open(url)).body);
const LOGGED_IN = { user: { sub: SUBJECT } };
const NOT_WAITING = /^No login is waiting for this response/;

test('a login is bound to the session by state, nonce and PKCE (RFC 9700 §2.1)', async (t) => {
  const party = await setUp(t);
  const [first, second] = [await authorizationUrl(party), await authorizationUrl(party)];
  const parameters = Object.fromEntries(first.searchParams);
  const { state, nonce, code_challenge, ...rest } = parameters;
  assert.deepEqual(rest, {
    client_id: 'mvc.jar.jwt',
    response_type: 'code',
    scope: 'openid',
    redirect_uri: `${party.url}/cb`,
    code_challenge_method: 'S256',
  });
  for (const name of ['state', 'nonce', 'code_challenge']) {
    assert.match(first.searchParams.get(name) ?? '', /^[\w-]{43}$/);
    assert.notEqual(first.searchParams.get(name), second.searchParams.get(name));
  }
});

test('the parameters of a login follow from the options of the strategy and of the call', async (t) => {
  const party = await setUp(t, {
    strategy: () => ({ scope: 'openid', prompt: 'login', resource: 'https://api.example' }),
    authenticate: { scope: ['openid', 'profile'], loginHint: 'alice', idTokenHint: 'hint' },
  });
  const { searchParams } = await authorizationUrl(party);
  assert.equal(searchParams.get('scope'), 'openid profile');
  assert.equal(searchParams.get('prompt'), 'login');
  assert.equal(searchParams.get('resource'), 'https://api.example');
  assert.equal(searchParams.get('login_hint'), 'alice');
  assert.equal(searchParams.get('id_token_hint'), 'hint');
});

test('two tabs can log in independently until one login succeeds', async (t) => {
  const party = await setUp(t);
  const browser = newBrowser();
  const tabs = [await returnedTab(party, browser), await returnedTab(party, browser)];
  assert.deepEqual(await homePage(browser, tabs[0] as URL), LOGGED_IN);
  const { user, messages } = await homePage(browser, tabs[1] as URL);
  assert.deepEqual(user, LOGGED_IN.user);
  assert.match(messages[0], NOT_WAITING);
  assert.equal(party.logins.length, 1);
  assert.deepEqual(party.errors, []);
});

/** How Passport makes the session of a user. */
const RENEWALS: readonly Record<string, unknown>[] = [{}, { keepSessionInfo: true }];

for (const authenticate of RENEWALS) {
  test(`a login that an attacker began in a planted session does not survive the user's own, with ${JSON.stringify(authenticate)} (session fixation)`, async (t) => {
    const party = await setUp(t, { authenticate });
    const [attacker, victim] = [newBrowser(), newBrowser()];
    const ofAttacker = await returnedTab(party, attacker);
    victim.plant('connect.sid', attacker.cookie('connect.sid') ?? '');
    assert.deepEqual(await homePage(victim, new URL(`${party.url}/login`)), LOGGED_IN);
    const { messages } = await homePage(victim, ofAttacker);
    assert.match(messages[0], NOT_WAITING);
    assert.equal(party.logins.length, 1);
    assert.ok(party.sessions().every((session) => !('openid-connect' in session)));
  });
}

test('the session is renewed at login, and keeps no trace of the login (session fixation)', async (t) => {
  const party = await setUp(t);
  const browser = newBrowser();
  const response = await returnedTab(party, browser);
  const before = browser.cookie('connect.sid');
  await browser.open(response);
  assert.notEqual(browser.cookie('connect.sid'), before);
  assert.deepEqual(
    party.sessions().map(({ cookie, ...rest }) => rest),
    [{ passport: LOGGED_IN }],
  );
});

test('a response works only once', async (t) => {
  const party = await setUp(t);
  const browser = newBrowser();
  const response = await returnedTab(party, browser);
  await browser.open(response);
  const { messages } = await homePage(browser, response);
  assert.match(messages[0], NOT_WAITING);
  assert.equal(party.logins.length, 1);
});

const FOREIGN: readonly (readonly [string, (url: URL) => void])[] = [
  ['with another state', ({ searchParams }) => searchParams.set('state', 'other')],
  ['without a state', ({ searchParams }) => searchParams.delete('state')],
  ['with a state that JavaScript knows', (url) => url.searchParams.set('state', '__proto__')],
];

for (const [what, change] of FOREIGN) {
  test(`a response ${what} is a failure of the login (RFC 6749 §10.12)`, async (t) => {
    const party = await setUp(t);
    const browser = newBrowser();
    const response = await returnedTab(party, browser);
    const changed = new URL(response);
    change(changed);
    const page = await homePage(browser, changed);
    assert.match(page.messages[0], NOT_WAITING);
    assert.equal(page.user, undefined);
    assert.equal(party.provider.assertions.length, 0);
    // The login itself is still waiting.
    assert.deepEqual((await homePage(browser, response)).user, LOGGED_IN.user);
  });
}

test('an error response without state is reported with its error', async (t) => {
  const party = await setUp(t);
  const browser = newBrowser();
  const changed = new URL((await returnedTab(party, browser)).pathname, party.url);
  const description = `none\n${'x'.repeat(300)}`;
  changed.search = String(
    new URLSearchParams({ error: 'request_not_supported', error_description: description }),
  );
  const [message] = (await homePage(browser, changed)).messages;
  assert.match(message, NOT_WAITING);
  assert.match(
    message,
    /The response says request_not_supported: none\ufffdx+… \(328 characters\), /,
  );
});

/** Strategies that trust the same provider, and differ in who they are from the party's own. */
const OTHERS: readonly (readonly [string, (party: RelyingParty) => object])[] = [
  ['another callback URL', ({ url }) => ({ callbackURL: `${url}/cb2` })],
  [
    'another client',
    ({ config }) => {
      const key = keyPair('ES256').privateKey;
      const assertions = new AssertionService({ clientId: 'other', key });
      return { config: withEndpoints(config, {}, assertions) };
    },
  ],
  [
    'another issuer of the same host',
    ({ config, assertions, provider }) => ({
      config: withEndpoints(config, { issuer: `${provider.issuer}/realm` }, assertions),
    }),
  ],
];

for (const [what, differences] of OTHERS) {
  test(`a login is not finished at a strategy with ${what}`, async (t) => {
    const party = await setUp(t);
    const browser = newBrowser();
    const response = await returnedTab(party, browser);
    const own = { config: party.config, callbackURL: `${party.url}/cb` };
    const strategy = (options: object) =>
      new OpenIdConnectStrategy({ ...own, ...options }, (tokens, verified) =>
        verified(null, { sub: tokens.claims()?.sub }),
      );
    party.use(strategy(differences(party)));
    const { messages } = await homePage(browser, response);
    assert.match(messages[0], NOT_WAITING);
    assert.equal(party.provider.assertions.length, 0);

    party.use(strategy({}));
    assert.deepEqual((await homePage(browser, response)).user, LOGGED_IN.user, 'it still waits');
  });
}

test('a response in another browser fails the login', async (t) => {
  const party = await setUp(t);
  const response = await returnedTab(party, newBrowser());
  const { messages } = await homePage(newBrowser(), response);
  assert.match(messages[0], NOT_WAITING);
  assert.equal(party.provider.assertions.length, 0);
});

test('a login that took too long fails', async (t) => {
  const { advance, restore } = fakeClock();
  t.after(restore);
  const party = await setUp(t);
  const browser = newBrowser();
  const response = await returnedTab(party, browser);
  advance(3601);
  const { messages } = await homePage(browser, response);
  assert.match(messages[0], NOT_WAITING);
});

test('a session keeps the newest ten logins', async (t) => {
  const party = await setUp(t);
  const browser = newBrowser();
  for (let tab = 0; tab < 12; tab += 1) {
    await browser.openUntil(`${party.url}/login`, party.provider.issuer);
  }
  const [{ cookie: _cookie, ...kept } = {}] = party.sessions();
  assert.deepEqual(Object.keys(kept), ['openid-connect']);
  const [logins] = Object.values(kept);
  assert.equal((logins as unknown[]).length, 10);
});

test('if the user refuses, the login fails with the error of the provider', async (t) => {
  const party = await setUp(t);
  party.provider.decision = 'deny';
  const page = JSON.parse((await newBrowser().open(`${party.url}/login`)).body);
  assert.deepEqual(page, { messages: ['The user said no'] });
  assert.deepEqual(party.errors, []);
  assert.deepEqual(
    party.sessions().map(({ cookie: _cookie, ...rest }) => rest),
    [{ messages: ['The user said no'] }],
    'nothing is left of the login',
  );
});

test('another error of the provider is an error', async (t) => {
  const party = await setUp(t, { authenticate: { prompt: 'none' } });
  assert.equal((await newBrowser().open(`${party.url}/login`)).status, 500);
  const [error] = party.errors as { error: string }[];
  assert.equal(error?.error, 'login_required');
});

test('a response that the provider did not issue is an error (RFC 9207)', async (t) => {
  const party = await setUp(t);
  const browser = newBrowser();
  const response = await returnedTab(party, browser);
  response.searchParams.set('iss', 'https://other.example');
  assert.equal((await browser.open(response)).status, 500);
  assert.equal(party.provider.assertions.length, 0);
});

/** Parameters of the request that somebody takes out of it or changes on the way. */
const TAMPERED: readonly (readonly [string, (parameters: URLSearchParams) => void])[] = [
  ['max_age', (parameters) => parameters.delete('max_age')],
  ['nonce', (parameters) => parameters.set('nonce', 'other')],
  ['code_challenge', (parameters) => parameters.set('code_challenge', 'a'.repeat(43))],
];

for (const [name, change] of TAMPERED) {
  test(`a ${name} that is not the one of the login is an error (OIDC Core §3.1.3.7)`, async (t) => {
    const redirectToIdentityProvider = ({
      protocolMessage,
    }: {
      protocolMessage: URLSearchParams;
    }) => protocolMessage.set('max_age', '60');
    const party = await setUp(t, { strategy: () => ({ events: { redirectToIdentityProvider } }) });
    const browser = newBrowser();
    assert.deepEqual(await homePage(browser, new URL(`${party.url}/login`)), LOGGED_IN);

    const url = await browser.openUntil(`${party.url}/login`, party.provider.issuer);
    change(url.searchParams);
    assert.equal((await browser.open(url)).status, 500);
    assert.equal(party.errors.length, 1);
    assert.equal(party.logins.length, 1);
  });
}

test('a redirect URI may have a query (RFC 6749 §3.1.2)', async (t) => {
  const party = await setUp(t, { callbackPath: '/cb?tenant=one' });
  const browser = newBrowser();
  const response = await returnedTab(party, browser);
  assert.equal(response.searchParams.get('tenant'), 'one');
  assert.deepEqual(await homePage(browser, response), LOGGED_IN);
});

test('a response sent as a form is accepted (OAuth Form Post)', async (t) => {
  const party = await setUp(t);
  const browser = newBrowser();
  const response = await returnedTab(party, browser);
  const page = await browser.submit(`${party.url}/cb`, Object.fromEntries(response.searchParams));
  assert.deepEqual(JSON.parse(page.body), LOGGED_IN);
});

/** A browser that is about to bring a hybrid response: a code, and an ID token that goes with it. */
async function hybridResponse(t: TestContext) {
  const party = await setUp(t, {
    client: {
      application_type: 'native',
      response_types: ['code id_token'],
      grant_types: ['authorization_code', 'implicit'],
    },
    provider: () => ({ responseTypes: ['code id_token'] }),
  });
  useCodeIdTokenResponseType(party.config);
  const browser = newBrowser();
  const page = await browser.open(`${party.url}/login`);
  const inputs = page.body.matchAll(/name="(\w+)" value="([^"]+)"/g);
  const form = Object.fromEntries([...inputs].map(([, name, value]) => [name, value]));
  return { party, browser, form };
}

test('a hybrid response sent as a form is accepted (OIDC Core §3.3)', async (t) => {
  const { party, browser, form } = await hybridResponse(t);
  assert.deepEqual(Object.keys(form).sort(), ['code', 'id_token', 'state']);
  assert.deepEqual(JSON.parse((await browser.submit(`${party.url}/cb`, form)).body), LOGGED_IN);
});

test('a hybrid response in the query is an error (Multiple Response Types §5)', async (t) => {
  const { party, browser, form } = await hybridResponse(t);
  const { status } = await browser.open(`${party.url}/cb?${new URLSearchParams(form)}`);
  assert.equal(status, 500);
  assert.equal(party.provider.assertions.length, 0);
});

test('a pushed request proves that the client has the DPoP key (RFC 9449 §10.1)', async (t) => {
  const keys = await randomDPoPKeyPair();
  const party = await setUp(t, {
    strategy: ({ config }) => ({ usePAR: true, DPoP: () => getDPoPHandle(config, keys) }),
  });
  const proofs: string[] = [];
  party.config[customFetch] = (url, options) => {
    proofs.push(new Headers(options.headers).get('dpop') ?? '');
    return fetch(url, options as RequestInit);
  };
  await authorizationUrl(party);
  const { payload } = await jwtVerify(proofs[0] ?? '', keys.publicKey, { typ: 'dpop+jwt' });
  assert.equal(payload['htu'], party.config.serverMetadata().pushed_authorization_request_endpoint);
});

test('a signed request asks for a signed response (RFC 9101, JARM)', async (t) => {
  const party = await setUp(t, {
    strategy: () => ({ signedAuthorizeRequests: true }),
    provider: () => ({ features: { jwtResponseModes: { enabled: true } } }),
  });
  useJwtResponseMode(party.config);
  assert.deepEqual(await homePage(newBrowser(), new URL(`${party.url}/login`)), LOGGED_IN);
  const { claims } = party.provider.requestObjects[0] ?? {};
  assert.equal(claims?.['response_mode'], 'jwt');
  assert.equal(claims?.['response_type'], 'code');
});

test('a signed response is accepted (JARM)', async (t) => {
  const party = await setUp(t, {
    provider: () => ({ features: { jwtResponseModes: { enabled: true } } }),
  });
  useJwtResponseMode(party.config);
  const browser = newBrowser();
  const response = await returnedTab(party, browser);
  assert.deepEqual([...response.searchParams.keys()], ['response']);
  const unreadable = new URL(response);
  unreadable.searchParams.set('response', 'no.jwt');
  assert.match((await homePage(browser, unreadable)).messages[0], NOT_WAITING);
  assert.deepEqual((await homePage(browser, response)).user, LOGGED_IN.user);
});

test('behind a proxy the login ends at callbackURL, whatever the Host header says', async (t) => {
  const party = await setUp(t);
  const browser = newBrowser({ 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' });
  const response = await returnedTab(party, browser);
  assert.equal(response.origin, party.url);
  assert.deepEqual(await homePage(browser, response), LOGGED_IN);
});

test('a response that arrives twice at the same time is one login', async (t) => {
  const party = await relyingParty();
  t.after(() => party.close());
  const browser = newBrowser();
  const response = await browser.openUntil(`${party.url}/login`, `${party.url}/cb`);
  await Promise.all([browser.open(response), browser.open(response)]);
  assert.equal(party.logins.length, 1, 'a code that is redeemed twice ends what it brought');
  assert.deepEqual(party.errors, []);
});

test('logins that start in several tabs at the same time are all kept', async (t) => {
  const party = await relyingParty();
  t.after(() => party.close());
  const browser = newBrowser();
  await browser.openUntil(`${party.url}/login`, `${party.provider.issuer}`);
  const tabs = Array.from({ length: 4 }, () =>
    browser.openUntil(`${party.url}/login`, `${party.provider.issuer}`),
  );
  await Promise.all(tabs);
  const [session] = party.sessions();
  const { 'openid-connect': underWay } = session ?? {};
  assert.equal((underWay as unknown[]).length, 5);
});

for (const host of [']', 'a b', '[::1', 'client.example:port']) {
  test(`a request with the Host header ${host} causes no server error`, async (t) => {
    const party = await relyingParty();
    t.after(() => party.close());
    const statusOf = async (path: string) => {
      const asked = request(`${party.url}${path}`, { headers: { host } }).end();
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      answer.resume();
      return [answer.statusCode, answer.headers.location ?? ''] as const;
    };
    const [status, location] = await statusOf('/login');
    assert.equal(status, 302);
    assert.ok(location.startsWith(party.provider.issuer));
    assert.deepEqual(await statusOf('/cb?code=a&state=b'), [302, '/']);
    assert.deepEqual(party.errors, []);
  });
}
