import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type CustomFetch, customFetch } from 'openid-client';
import type { OpenIdConnectEvents } from '../../../lib/client/index.js';
import { newBrowser } from '../../support/browser.js';
import { SUBJECT } from '../../support/openid-provider.js';
import {
  type RelyingParty,
  type RelyingPartyOptions,
  relyingParty,
} from '../../support/relying-party.js';

// Who the user is: an ID token says it, or the application has asked for none.

async function setUp(t: TestContext, options?: RelyingPartyOptions): Promise<RelyingParty> {
  const party = await relyingParty(options);
  t.after(() => party.close());
  return party;
}

async function logIn(party: RelyingParty) {
  const { status, body } = await newBrowser().open(`${party.url}/login`);
  return { status, ...JSON.parse(body) };
}

const LOGGED_IN = { status: 200, user: { sub: SUBJECT } };

/** Takes the ID token out of the answer of the token endpoint. */
const withoutIdToken: CustomFetch = async (url, options) => {
  const response = await fetch(url, options as RequestInit);
  if (!String(url).endsWith('/token')) return response;
  const { id_token: _idToken, ...rest } = (await response.json()) as Record<string, unknown>;
  return Response.json(rest);
};

test('a response without an ID token is an error (OIDC Core §3.1.3.3)', async (t) => {
  const party = await setUp(t);
  party.config[customFetch] = withoutIdToken;
  assert.equal((await logIn(party)).status, 500);
  assert.equal(party.logins.length, 0);
});

test('a handler that removes the nonce does not remove the ID token', async (t) => {
  const events: OpenIdConnectEvents = {
    redirectToIdentityProvider: ({ protocolMessage }) => protocolMessage.delete('nonce'),
  };
  const party = await setUp(t, { strategy: () => ({ events }) });
  assert.deepEqual(await logIn(party), LOGGED_IN);
  party.config[customFetch] = withoutIdToken;
  assert.equal((await logIn(party)).status, 500);
  assert.equal(party.logins.length, 1);
});

const oauthAlone: RelyingPartyOptions = {
  strategy: () => ({ scope: 'orders', idTokenExpected: false }),
  provider: () => ({ scopes: ['orders'] }),
  client: { scope: 'orders' },
};

test('a login at an OAuth 2.0 server has no claims, and verify must find the user', async (t) => {
  const claims: unknown[] = [];
  const party = await setUp(t, {
    ...oauthAlone,
    verify: (tokens, verified) => {
      claims.push(tokens.claims());
      verified(null, { sub: SUBJECT });
    },
  });
  assert.deepEqual(await logIn(party), LOGGED_IN);
  assert.deepEqual(claims, [undefined]);
});

test('a login without the scope openid has no nonce, because it has no ID token', async (t) => {
  const party = await setUp(t, oauthAlone);
  const url = await newBrowser().openUntil(`${party.url}/login`, party.provider.issuer);
  assert.equal(url.searchParams.has('nonce'), false);
});

test('a verify function that finds no claims fails the login', async (t) => {
  const party = await setUp(t, {
    ...oauthAlone,
    verify: (tokens, verified) => verified(null, tokens.claims()),
  });
  assert.equal((await logIn(party)).user, undefined);
});
