import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from 'express';
import { Configuration } from 'openid-client';
import {
  AssertionService,
  type LoginTokens,
  OpenIdConnectStrategy,
  type OpenIdConnectStrategyOptions,
  type Verify,
} from '../../../lib/client/index.js';
import { ISSUER, TOKEN_ENDPOINT } from '../../support/assertion.js';
import { newBrowser } from '../../support/browser.js';
import { keyPair } from '../../support/keys.js';
import { CLIENT_ID, relyingParty } from '../../support/relying-party.js';

const config = new Configuration(
  {
    issuer: ISSUER,
    authorization_endpoint: `${ISSUER}/authorize`,
    token_endpoint: TOKEN_ENDPOINT,
  },
  CLIENT_ID,
);
const callbackURL = 'https://client.example/cb';
const verify: Verify = (_tokens, verified) => verified(null, {});
const assertionsOf = (clientId: string, issuer?: string) =>
  new AssertionService({ clientId, key: keyPair('ES256').privateKey, issuer });

const WRONG: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['no config', { config: undefined }, /config must be a Configuration of openid-client/],
  ['no callback URL', { callbackURL: undefined }, /callbackURL must be an absolute URL/],
  ['a relative callback URL', { callbackURL: '/cb' }, /callbackURL must be an absolute URL/],
  [
    'the assertions of another client',
    { assertions: assertionsOf('other') },
    /assertions is for the client other, config for mvc\.jar\.jwt/,
  ],
  [
    'nothing to sign requests with',
    { signedAuthorizeRequests: true },
    /Signed authorize requests need the AssertionService/,
  ],
  [
    'a callback URL without a scheme',
    { callbackURL: 'client.example:443/cb' },
    /callbackURL must be an absolute URL/,
  ],
  [
    'a callback URL with a fragment',
    { callbackURL: 'https://client.example/cb#x' },
    /callbackURL must be an absolute URL without a fragment/,
  ],
  [
    'the assertions for another server',
    { assertions: assertionsOf(CLIENT_ID, `${ISSUER}/`) },
    /assertions is for the server https:\/\/as\.example\/, config for https:\/\/as\.example:/,
  ],
  [
    'a scope without openid',
    { scope: 'profile' },
    /scope must contain openid.*idTokenExpected: false/,
  ],
  ['a list of scopes without openid', { scope: ['openid2', 'profile'] }, /must contain openid/],
  ['an empty scope', { scope: '' }, /scope must contain openid/],
  ['a scope of null', { scope: null }, /scope must be an array of non-empty strings/],
  ['an object as scope', { scope: { openid: true } }, /scope must be an array of non-empty/],
  ['a scope that has a number', { scope: ['openid', 5] }, /scope must be an array of non-empty/],
  ['a scope of lists', { scope: ['openid', ['profile']] }, /scope must be an array of non-empty/],
  ['a number as resource', { resource: 5 }, /resource must be an array of non-empty strings/],
  ['a resource that has a URL', { resource: [new URL(ISSUER)] }, /resource must be an array/],
  [
    'an idTokenExpected of text',
    { idTokenExpected: 'no' },
    /idTokenExpected must be true or false/,
  ],
  ['a usePAR of text', { usePAR: 'yes' }, /usePAR must be true or false/],
  ['signed requests by text', { signedAuthorizeRequests: 'y' }, /signedAuthorizeRequests must be/],
  ['a DPoP that is a handle', { DPoP: {} }, /DPoP must be a function/],
  [
    'events that are a function',
    { events: () => {} },
    /events must be an object with redirectToIdentityProvider, authorizationCodeReceived, /,
  ],
  ['events of null', { events: null }, /events must be an object with redirect/],
  [
    'a misspelt event',
    { events: { onTokenResponseReceived: () => {} } },
    /There is no event onTokenResponseReceived: use redirectToIdentityProvider, /,
  ],
  [
    'a misspelt event in an object without prototype',
    { events: Object.assign(Object.create(null), { remotefailure: () => {} }) },
    /There is no event remotefailure/,
  ],
  [
    'a handler that is none',
    { events: { remoteFailure: 'log' } },
    /remoteFailure must be a function/,
  ],
];

for (const [what, options, message] of WRONG) {
  test(`creating a strategy with ${what} throws`, () => {
    const all = { config, callbackURL, ...options } as OpenIdConnectStrategyOptions;
    assert.throws(() => new OpenIdConnectStrategy(all, verify), { name: 'TypeError', message });
  });
}

test('a server that requires signed requests requires assertions too', () => {
  const demanding = new Configuration(
    { issuer: ISSUER, require_signed_request_object: true },
    CLIENT_ID,
  );
  const make = (more: object) =>
    new OpenIdConnectStrategy({ config: demanding, callbackURL, ...more }, verify);
  assert.throws(() => make({}), /Signed authorize requests need the AssertionService/);
  assert.ok(make({ assertions: assertionsOf(CLIENT_ID) }));
  assert.ok(make({ signedAuthorizeRequests: false }));
});

/** What the metadata of a provider rules out (RFC 8414 §2), and what of it is told. */
const RULED_OUT: readonly (readonly [object, object, RegExp])[] = [
  [
    { request_parameter_supported: false },
    { signedAuthorizeRequests: true },
    /request_parameter_supported false: set signedAuthorizeRequests: false/,
  ],
  [
    { request_object_signing_alg_values_supported: ['PS256', 'none'] },
    { signedAuthorizeRequests: true },
    /request_object_signing_alg_values_supported \["PS256","none"\]: the key signs with ES256/,
  ],
  [{}, { usePAR: true }, /no pushed_authorization_request_endpoint: set usePAR: false/],
  [
    { pushed_authorization_request_endpoint: null },
    { usePAR: true },
    /no pushed_authorization_request_endpoint: set usePAR: false/,
  ],
  [{ code_challenge_methods_supported: ['plain'] }, {}, /code_challenge_methods_supported.*S256/],
  [
    { token_endpoint_auth_methods_supported: ['client_secret_basic'] },
    {},
    /token_endpoint_auth_methods_supported.*: the assertions are private_key_jwt/,
  ],
  [
    { token_endpoint_auth_signing_alg_values_supported: ['RS256'] },
    {},
    /token_endpoint_auth_signing_alg_values_supported \["RS256"\]: the key signs with ES256/,
  ],
];

const withMetadata = (metadata: object, options: object) =>
  new OpenIdConnectStrategy(
    {
      config: new Configuration({ issuer: ISSUER, ...metadata }, CLIENT_ID),
      callbackURL,
      assertions: assertionsOf(CLIENT_ID),
      ...options,
    },
    verify,
  );

for (const [metadata, options, message] of RULED_OUT) {
  test(`metadata with ${JSON.stringify(metadata)} rules out ${JSON.stringify(options)}`, () => {
    assert.throws(() => withMetadata(metadata, options), { name: 'TypeError', message });
  });
}

test('metadata that does not mention something rules out nothing', () => {
  for (const options of [{}, { signedAuthorizeRequests: true }])
    assert.ok(withMetadata({}, options));
  assert.ok(
    withMetadata(
      {
        request_parameter_supported: true,
        request_object_signing_alg_values_supported: ['ES256'],
        code_challenge_methods_supported: ['plain', 'S256'],
        pushed_authorization_request_endpoint: `${ISSUER}/par`,
        token_endpoint_auth_methods_supported: ['private_key_jwt'],
        token_endpoint_auth_signing_alg_values_supported: ['ES256'],
      },
      { signedAuthorizeRequests: true, usePAR: true },
    ),
  );
});

/** Members that a client heeds; null and empty lists say nothing (RFC 8414 §3.2). */
const HEEDED = [
  'code_challenge_methods_supported',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'request_object_signing_alg_values_supported',
  'request_parameter_supported',
  'require_signed_request_object',
  'require_pushed_authorization_requests',
  'pushed_authorization_request_endpoint',
  'end_session_endpoint',
];

for (const nothing of [null, []]) {
  const metadata = Object.fromEntries(HEEDED.map((name) => [name, nothing]));
  test(`metadata whose members are ${JSON.stringify(nothing)} rules out nothing (RFC 8414 §3.2)`, () => {
    const strategy = withMetadata(metadata, { signedAuthorizeRequests: true });
    assert.equal(strategy.logoutUrl({ idToken: 'the id token' }), undefined);
    assert.throws(() => withMetadata(metadata, { usePAR: true }), /set usePAR: false/);
  });
}

for (const [parameters, message] of [
  [{ id_token_hint: 'x' }, /logoutUrl has no option id_token_hint: use idToken/],
  [{ idTokenHint: 'x' }, /has no option idTokenHint: use idToken/],
  [{ post_logout_redirect_uri: ISSUER }, /has no option post_logout_redirect_uri: use returnTo/],
  [{ returnURL: ISSUER }, /has no option returnURL/],
  [{ returnTo: '/bye' }, /returnTo must be an absolute URL/],
  [{ idToken: {} }, /idToken must be a non-empty string/],
  [{ state: 5 }, /state must be a non-empty string/],
  [`${ISSUER}/bye`, /The options of logoutUrl must be an object/],
] as const) {
  test(`a logout with ${JSON.stringify(parameters)} is refused, and not sent without it`, () => {
    for (const end_session_endpoint of [`${ISSUER}/logout`, undefined]) {
      const strategy = withMetadata({ end_session_endpoint }, {});
      assert.throws(() => strategy.logoutUrl(parameters as never), { name: 'TypeError', message });
    }
  });
}

test('a client with another method need not follow the metadata for assertions', () => {
  const config = new Configuration(
    { issuer: ISSUER, token_endpoint_auth_methods_supported: ['none'] },
    CLIENT_ID,
    { token_endpoint_auth_method: 'none' },
  );
  assert.ok(withMetadata({}, { config }));
});

test('the URL of a logout is that of the provider (OpenID Connect RP-Initiated Logout 1.0 §2)', () => {
  const end_session_endpoint = `${ISSUER}/logout`;
  const strategy = withMetadata({ end_session_endpoint }, {});
  assert.equal(withMetadata({}, {}).logoutUrl(), undefined);
  assert.equal(strategy.logoutUrl()?.href, `${end_session_endpoint}?client_id=${CLIENT_ID}`);
  const url = strategy.logoutUrl({
    idToken: 'the id token',
    returnTo: new URL('https://client.example/bye'),
    state: 'a state',
  });
  assert.deepEqual(Object.fromEntries(url?.searchParams ?? []), {
    client_id: CLIENT_ID,
    id_token_hint: 'the id token',
    post_logout_redirect_uri: 'https://client.example/bye',
    state: 'a state',
  });
});

test('a strategy without options throws and names what is missing first', () => {
  const nothing = undefined as unknown as OpenIdConnectStrategyOptions;
  assert.throws(() => new OpenIdConnectStrategy(nothing, verify), {
    name: 'TypeError',
    message: /config must be a Configuration/,
  });
});

test('the events of a class may have members of their own, and undefined is no handler', () => {
  class Events {
    readonly log: string[] = [];
    readonly remoteFailure = undefined as unknown as () => void;
  }
  const events = new Events();
  assert.ok(new OpenIdConnectStrategy({ config, callbackURL, events }, verify));
});

test('options that fit together are accepted', () => {
  const options: Partial<OpenIdConnectStrategyOptions>[] = [
    { assertions: assertionsOf(CLIENT_ID, ISSUER) },
    { scope: ['profile', 'openid'] as const },
    { scope: 'profile', idTokenExpected: false },
    { DPoP: (_request: Request) => undefined },
    { resource: ['https://a.example'] as const, authorizationDetails: [{ type: 'x' }] as const },
  ];
  for (const each of options) {
    assert.ok(new OpenIdConnectStrategy({ config, callbackURL, ...each }, verify));
  }
});

const WRONG_VERIFY: readonly (readonly [string, unknown, boolean | undefined, RegExp])[] = [
  ['without verified', (_tokens: object) => ({}), undefined, /take \(tokens, verified\)/],
  [
    'with the request, which it is not given',
    (_request: object, _tokens: object, _verified: object) => {},
    false,
    /must take \(tokens, verified\), since passReqToCallback is false/,
  ],
  [
    'without the request, which it is given',
    (_tokens: object, _verified: object) => {},
    true,
    /must take \(request, tokens, verified\), since passReqToCallback is true/,
  ],
];

for (const [what, wrong, passReqToCallback, message] of WRONG_VERIFY) {
  test(`a verify function ${what} is refused`, () => {
    const options = { config, callbackURL, passReqToCallback } as OpenIdConnectStrategyOptions;
    assert.throws(() => new OpenIdConnectStrategy(options, wrong as Verify), {
      name: 'TypeError',
      message,
    });
  });
}

test('a verify function may be declared without named parameters', () => {
  const any = ((...all: unknown[]) => all) as unknown as Verify;
  assert.ok(new OpenIdConnectStrategy({ config, callbackURL }, any));
});

test('creating a strategy without verify throws', () => {
  assert.throws(
    () => new OpenIdConnectStrategy({ config, callbackURL }, undefined as unknown as Verify),
    { name: 'TypeError', message: 'verify must be a function' },
  );
});

test('the name of a strategy is the host of the issuer, or the option name', () => {
  const options = { config, callbackURL: new URL(callbackURL) };
  assert.equal(new OpenIdConnectStrategy(options, verify).name, 'as.example');
  assert.equal(new OpenIdConnectStrategy({ ...options, name: 'oidc' }, verify).name, 'oidc');
});

test('a verify function with passReqToCallback gets the request', async (t) => {
  const party = await relyingParty();
  t.after(() => party.close());
  const seen: [string, string][] = [];
  // Declared with Express's own request, as an application would.
  const withRequest = (request: Request, tokens: LoginTokens, verified: Parameters<Verify>[1]) => {
    seen.push([request.path, tokens.claims()?.sub ?? '']);
    verified(null, { sub: 'x' });
  };
  const { config: real, assertions, url } = party;
  party.use(
    new OpenIdConnectStrategy(
      { config: real, assertions, callbackURL: `${url}/cb`, passReqToCallback: true },
      withRequest,
    ),
  );
  await newBrowser().open(`${url}/login`);
  assert.deepEqual(seen, [['/cb', 'alice']]);
});

test('a subclass may add to the parameters of both requests', async (t) => {
  const party = await relyingParty();
  t.after(() => party.close());
  const sent: (string | null)[] = [];
  class Customised extends OpenIdConnectStrategy {
    override authorizationRequestParams(request: Request, options: object) {
      const parameters = new URLSearchParams(super.authorizationRequestParams(request, options));
      parameters.set('ui_locales', 'de');
      return parameters;
    }
    override authorizationCodeGrantParameters() {
      return { audience: 'https://api.example' };
    }
  }
  const { config: real, url } = party;
  party.use(
    new Customised(
      {
        config: real,
        callbackURL: `${url}/cb`,
        events: {
          redirectToIdentityProvider: ({ protocolMessage }) => {
            sent.push(protocolMessage.get('ui_locales'), protocolMessage.get('scope'));
          },
          authorizationCodeReceived: ({ tokenEndpointRequest }) => {
            sent.push(tokenEndpointRequest.get('audience'));
          },
        },
      },
      verify,
    ),
  );
  await newBrowser().open(`${url}/login`);
  assert.deepEqual(sent, ['de', 'openid', 'https://api.example']);
});
