import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import {
  authorizationCodeGrant,
  ClientSecretBasic,
  ClientSecretPost,
  type CustomFetch,
  clientCredentialsGrant,
  customFetch,
  None,
} from 'openid-client';
import {
  AssertionService,
  CLIENT_ASSERTION_TYPE,
  type LoginRequest,
  LoginStateError,
  type OpenIdConnectEvents,
} from '../../../lib/client/index.js';
import { newBrowser } from '../../support/browser.js';
import { keyPair } from '../../support/keys.js';
import { SUBJECT } from '../../support/openid-provider.js';
import {
  CLIENT_ID,
  type RelyingParty,
  type RelyingPartyOptions,
  relyingParty,
} from '../../support/relying-party.js';

async function setUp(
  t: TestContext,
  events: OpenIdConnectEvents,
  options: RelyingPartyOptions = {},
): Promise<RelyingParty> {
  const strategy: RelyingPartyOptions['strategy'] = (party) => ({
    ...options.strategy?.(party),
    events,
  });
  const party = await relyingParty({ ...options, strategy });
  t.after(() => party.close());
  return party;
}

const logIn = async (party: RelyingParty) => {
  const page = await newBrowser().open(`${party.url}/login`);
  return { status: page.status, ...JSON.parse(page.body) };
};
const USER = { sub: SUBJECT };

type Done = (error?: unknown) => void;

test('redirectToIdentityProvider may change the request before it is signed', async (t) => {
  const seen: string[] = [];
  const events: OpenIdConnectEvents = {
    async redirectToIdentityProvider({ request, protocolMessage }) {
      await setTimeout(1);
      seen.push(request.url ?? '', ...protocolMessage.keys());
      protocolMessage.set('acr_values', 'urn:acr:1');
      protocolMessage.set('state', 'state of the application');
    },
  };
  const party = await setUp(t, events, {
    strategy: () => ({ signedAuthorizeRequests: true }),
  });
  assert.deepEqual((await logIn(party)).user, USER);
  const { claims } = party.provider.requestObjects[0] ?? {};
  assert.equal(claims?.['acr_values'], 'urn:acr:1');
  assert.equal(claims?.['state'], 'state of the application');
  assert.deepEqual(seen, [
    '/login',
    'client_id',
    'response_type',
    'scope',
    'redirect_uri',
    'state',
    'code_challenge',
    'code_challenge_method',
    'nonce',
  ]);
});

test('a request whose state was removed is not sent', async (t) => {
  const party = await setUp(t, {
    redirectToIdentityProvider: ({ protocolMessage }) => protocolMessage.delete('state'),
  });
  const { status, message } = await logIn(party);
  assert.equal(status, 500);
  assert.match(message, /has lost its state or redirect_uri/);
});

/** The seed of it all: no client authentication but by the handler itself. */
const HANDLERS: readonly (readonly [string, (service: AssertionService) => OpenIdConnectEvents])[] =
  [
    [
      'asynchronous',
      (service) => ({
        async authorizationCodeReceived({ tokenEndpointRequest }) {
          tokenEndpointRequest.set('client_assertion_type', CLIENT_ASSERTION_TYPE);
          tokenEndpointRequest.set('client_assertion', await service.createClientToken());
        },
      }),
    ],
    [
      'synchronous',
      (service) => {
        const made: string[] = [];
        return {
          async redirectToIdentityProvider() {
            made.push(await service.createClientToken());
          },
          authorizationCodeReceived({ tokenEndpointRequest }) {
            tokenEndpointRequest.set('client_assertion_type', CLIENT_ASSERTION_TYPE);
            tokenEndpointRequest.set('client_assertion', made.pop() ?? '');
          },
        };
      },
    ],
  ];

for (const [kind, handlers] of HANDLERS) {
  test(`authorizationCodeReceived, ${kind}, can itself authenticate the client`, async (t) => {
    const late: OpenIdConnectEvents = {};
    const party = await setUp(t, late, { clientAuth: None() });
    const { issuer } = party.provider;
    const key = keyPair('ES256').privateKey;
    Object.assign(late, handlers(new AssertionService({ clientId: CLIENT_ID, key, issuer })));
    assert.deepEqual((await logIn(party)).user, USER);
    assert.equal(party.provider.assertions.length, 1);
  });
}

test('authorizationCodeReceived sees the request as it is sent, with its authentication', async (t) => {
  const seen: Record<string, string>[] = [];
  const party = await setUp(t, {
    authorizationCodeReceived({ request, tokenEndpointRequest }) {
      assert.match(request.url ?? '', /^\/cb\?code=/);
      seen.push(Object.fromEntries(tokenEndpointRequest));
    },
  });
  assert.deepEqual((await logIn(party)).user, USER);
  const [{ client_assertion, code, code_verifier, ...rest } = {}] = seen;
  assert.equal(client_assertion?.split('.').length, 3);
  assert.match(code ?? '', /./);
  assert.match(code_verifier ?? '', /^[\w-]{43}$/);
  assert.deepEqual(rest, {
    grant_type: 'authorization_code',
    redirect_uri: `${party.url}/cb`,
    client_id: CLIENT_ID,
    client_assertion_type: CLIENT_ASSERTION_TYPE,
  });
});

test('without its handler a configuration without client authentication is an error, and the code is kept', async (t) => {
  const party = await setUp(t, {}, { clientAuth: None() });
  let sent = 0;
  party.config[customFetch] = (url, options) => {
    sent += 1;
    return fetch(url, options as RequestInit);
  };
  const { status, name, message } = await logIn(party);
  assert.deepEqual({ status, name, sent }, { status: 500, name: 'ConfigurationError', sent: 0 });
  assert.match(message, /^The token request has no client_assertion: pass clientAssertion/);
});

for (const [what, clientAuth] of [
  ['a client_secret', ClientSecretPost('a secret')],
  ['a secret in the header', ClientSecretBasic('a secret')],
] as const) {
  test(`${what} is not sent if the strategy has assertions`, async (t) => {
    const party = await setUp(t, {}, { clientAuth });
    assert.equal((await logIn(party)).name, 'ConfigurationError');
  });
}

test('without assertions the configuration authenticates the client', async (t) => {
  const party = await setUp(
    t,
    {},
    { clientAuth: None(), strategy: () => ({ assertions: undefined }) },
  );
  await logIn(party);
  assert.equal((party.errors[0] as { error: string }).error, 'invalid_client');
});

test('a client that is registered for another method needs no assertion at the token endpoint', async (t) => {
  const party = await setUp(
    t,
    {},
    { clientAuth: None(), metadata: { token_endpoint_auth_method: 'none' } },
  );
  const { status } = await logIn(party);
  assert.equal(status, 500);
  assert.equal((party.errors[0] as { error: string }).error, 'invalid_client');
});

test('a client that is registered for assertions needs one', async (t) => {
  for (const method of ['private_key_jwt', 'client_secret_jwt']) {
    const party = await setUp(
      t,
      {},
      { clientAuth: None(), metadata: { token_endpoint_auth_method: method } },
    );
    assert.equal((await logIn(party)).name, 'ConfigurationError');
  }
});

test('logins at the same time each have their own handler call', async (t) => {
  const states = new Map<string, string>();
  const party = await setUp(t, {
    async authorizationCodeReceived({ request, tokenEndpointRequest }) {
      await setTimeout(Math.random() * 20);
      const { searchParams } = new URL(request.url ?? '', 'https://client.example');
      assert.equal(tokenEndpointRequest.get('code'), searchParams.get('code'));
      states.set(searchParams.get('state') ?? '', searchParams.get('code') ?? '');
    },
  });
  const users = await Promise.all(Array.from({ length: 8 }, () => logIn(party)));
  assert.ok(users.every(({ user }) => user?.sub === SUBJECT));
  assert.equal(states.size, 8);
});

test('the fetch of the configuration is still used, whenever it was set', async (t) => {
  const calls: string[] = [];
  const own =
    (name: string): CustomFetch =>
    (url, options) => {
      calls.push(`${name} ${new URL(url).pathname}`);
      return fetch(url, options as RequestInit);
    };
  let handled = 0;
  const party = await setUp(t, {
    authorizationCodeReceived() {
      handled += 1;
    },
  });
  party.config[customFetch] = own('first');
  await logIn(party);
  await logIn(party);
  party.config[customFetch] = own('second');
  await logIn(party);
  assert.deepEqual(calls, ['first /token', 'first /token', 'second /token']);
  assert.equal(handled, 3);
});

test('a fetch that is wrapped between logins has the handler called once for each', async (t) => {
  let handled = 0;
  const party = await setUp(t, {
    authorizationCodeReceived() {
      handled += 1;
    },
  });
  for (let login = 1; login <= 3; login += 1) {
    assert.deepEqual((await logIn(party)).user, USER);
    assert.equal(handled, login);
    const inner = party.config[customFetch] as CustomFetch;
    party.config[customFetch] = (url, options) => inner(url, options);
  }
});

test('the fetch of the configuration is wrapped once', async (t) => {
  const party = await setUp(t, {});
  await logIn(party);
  const wrapped = party.config[customFetch];
  await logIn(party);
  assert.equal(party.config[customFetch], wrapped);
});

test('a handler may get client tokens with the same configuration', async (t) => {
  let handled = 0;
  const party = await setUp(t, {
    async authorizationCodeReceived() {
      handled += 1;
      await clientCredentialsGrant(party.config);
    },
  });
  assert.deepEqual((await logIn(party)).user, USER);
  assert.equal(handled, 1);
});

test('a code that is redeemed without the strategy calls no handler', async (t) => {
  let handled = 0;
  const party = await setUp(t, {
    authorizationCodeReceived() {
      handled += 1;
    },
  });
  await logIn(party);
  const response = new URL(`${party.url}/cb?code=unknown&iss=${party.provider.issuer}`);
  await assert.rejects(authorizationCodeGrant(party.config, response), { error: 'invalid_grant' });
  assert.equal(handled, 1);
});

/** Ways in which a session store is down when Passport renews the session. */
const RENEWALS: readonly (readonly [string, (request: LoginRequest, done: Done) => void])[] = [
  [
    'throws',
    () => {
      throw new Error('the session store is down');
    },
  ],
  ['says so', (_request, done) => done(new Error('the session store is down'))],
  [
    'leaves no session',
    (request, done) => {
      Object.assign(request, { session: undefined });
      done(new Error('the session store is down'));
    },
  ],
];

for (const [what, renew] of RENEWALS) {
  test(`a session that cannot be renewed in the end, where the store ${what}, is an error`, async (t) => {
    const party = await setUp(t, {
      tokenResponseReceived({ request }) {
        Object.defineProperty(request.session, 'regenerate', {
          value: (done: Done) => renew(request, done),
          configurable: true,
        });
      },
    });
    const { status, message } = await logIn(party);
    assert.deepEqual([status, message], [500, 'the session store is down']);
  });
}

test('tokenResponseReceived sees the tokens before verify does, and can refuse them', async (t) => {
  const refusal = new Error('not these tokens');
  const seen: unknown[] = [];
  const party = await setUp(t, {
    async tokenResponseReceived({ tokens }) {
      seen.push(tokens.claims()?.sub);
      throw refusal;
    },
  });
  assert.equal((await logIn(party)).status, 500);
  assert.deepEqual(seen, [SUBJECT]);
  assert.deepEqual(party.errors, [refusal]);
  assert.equal(party.logins.length, 0);
});

test('an error of a handler reaches the application unchanged', async (t) => {
  const thrown = new Error('the key service is down');
  const party = await setUp(t, {
    authorizationCodeReceived() {
      throw thrown;
    },
  });
  await logIn(party);
  assert.deepEqual(party.errors, [thrown]);
});

test('a handler that rejects with nothing does not let the request pass', async (t) => {
  const party = await setUp(t, { authorizationCodeReceived: () => Promise.reject() });
  const { status, message } = await logIn(party);
  assert.equal(status, 500);
  assert.equal(message, 'The login failed without an error.');
});

test('remoteFailure gets every failure, and decides what Passport gets', async (t) => {
  const seen: [string, string][] = [];
  let outcome: 'fail' | 'error' | undefined;
  const party = await setUp(
    t,
    {
      async remoteFailure(context) {
        await setTimeout(1);
        seen.push([(context.error as Error).name, context.outcome]);
        context.outcome = outcome ?? context.outcome;
      },
    },
    { authenticate: { prompt: 'none' } },
  );
  assert.equal((await logIn(party)).status, 500);
  outcome = 'fail';
  const { status, messages } = await logIn(party);
  assert.equal(status, 200);
  assert.match(messages[0], /End-User|interaction|login/i);
  outcome = 'error';
  const page = await newBrowser().open(`${party.url}/cb?state=unknown&code=x`);
  assert.equal(page.status, 500);
  assert.ok(party.errors[1] instanceof LoginStateError);
  assert.deepEqual(seen, [
    ['LoginRequiredError', 'error'],
    ['LoginRequiredError', 'error'],
    ['LoginStateError', 'fail'],
  ]);
});

test('remoteFailure can turn a request that is not a response into a failure', async (t) => {
  const party = await setUp(t, {
    authorizationCodeReceived: () => Promise.reject('just a text'),
    remoteFailure(context) {
      context.outcome = 'fail';
    },
  });
  assert.deepEqual((await logIn(party)).messages, ['The login failed.']);
});

test('events may be an object with its own state', async (t) => {
  class OidcEvents implements OpenIdConnectEvents {
    readonly log: string[] = [];
    redirectToIdentityProvider() {
      this.log.push('redirectToIdentityProvider');
    }
    authorizationCodeReceived() {
      this.log.push('authorizationCodeReceived');
    }
    tokenResponseReceived() {
      this.log.push('tokenResponseReceived');
    }
    remoteFailure() {
      this.log.push('remoteFailure');
    }
  }
  const events = new OidcEvents();
  const party = await setUp(t, events);
  await logIn(party);
  party.provider.decision = 'deny';
  await logIn(party);
  assert.deepEqual(events.log, [
    'redirectToIdentityProvider',
    'authorizationCodeReceived',
    'tokenResponseReceived',
    'redirectToIdentityProvider',
    'remoteFailure',
  ]);
});
