import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import {
  allowInsecureRequests,
  Configuration,
  clientCredentialsGrant,
  customFetch,
} from 'openid-client';
import {
  AssertionService,
  type ClientEvent,
  ClientTokenManager,
  callProvider,
  clientAssertion,
  KeyRing,
  MemoryTokenStore,
  UserTokenManager,
} from '../../../lib/client/index.js';
import { fakeClock } from '../../support/fake-clock.js';
import { newKeyPair } from '../../support/keys.js';
import { listen } from '../../support/listen.js';

// A server that refuses a key of the client, and what the operator is told.

const keyOf = (kid: string) => ({ key: newKeyPair('ES256').privateKey, kid });

async function party(t: TestContext, accepted: string[], kids: readonly string[]) {
  const tried: (string | undefined)[] = [];
  const assertions: string[] = [];
  const server = await listen(async (request, response) => {
    const assertion = new URLSearchParams(await text(request)).get('client_assertion') ?? '';
    const { kid = '' } = decodeProtectedHeader(assertion);
    tried.push(kid);
    assertions.push(assertion);
    const isAccepted = accepted.includes(kid);
    response.writeHead(isAccepted ? 200 : 401, { 'content-type': 'application/json' });
    response.end(
      isAccepted
        ? `{"access_token":"at-${tried.length} secret","token_type":"bearer","expires_in":1}`
        : '{"error":"invalid_client","error_description":"no such key"}',
    );
  });
  t.after(() => server.close());
  const ring = new KeyRing({ keys: kids.map(keyOf) });
  const service = new AssertionService({ clientId: 'client', key: ring });
  const metadata = {
    issuer: server.url,
    token_endpoint: server.url,
    revocation_endpoint: server.url,
  };
  const config = new Configuration(metadata, 'client', undefined, clientAssertion(service));
  allowInsecureRequests(config);
  const events: ClientEvent[] = [];
  const listener = (event: unknown) => events.push(event as ClientEvent);
  subscribe('passport-private-key-jwt:client', listener);
  t.after(() => unsubscribe('passport-private-key-jwt:client', listener));
  return { config, tried, events, ring, assertions, issuer: server.url };
}

const grant = (config: Configuration) => callProvider(config, () => clientCredentialsGrant(config));

test('if the server refuses a key, the next key signs from then on', async (t) => {
  const { config, tried, events, ring } = await party(t, ['next'], ['current', 'next']);
  await new ClientTokenManager({ config }).getToken();
  assert.deepEqual(tried, ['current', 'next']);
  assert.equal(ring.kid, 'next');
  const changed = events.filter(({ type }) => type === 'key_changed');
  assert.deepEqual(
    changed.map(({ keyId }) => keyId),
    ['next'],
  );
  await grant(config);
  assert.deepEqual(tried, ['current', 'next', 'next']);
});

test('if every key is refused, each is tried once a minute, and the caller gets the refusal', async (t) => {
  const time = fakeClock();
  t.after(time.restore);
  const { config, tried } = await party(t, [], ['current', 'next']);
  const refused = { name: 'ClientRefusedError', error: 'invalid_client' };
  await assert.rejects(grant(config), refused);
  assert.deepEqual(tried, ['current', 'next'], 'one other key for each call');
  for (let call = 0; call < 3; call += 1) await assert.rejects(grant(config), refused);
  assert.equal(tried.length, 5, 'no other key is left to try');
  time.advance(61);
  await assert.rejects(grant(config), refused);
  assert.equal(tried.length, 7);
});

test('a client with one key asks once', async (t) => {
  const { config, tried } = await party(t, [], ['only']);
  await assert.rejects(grant(config), { error: 'invalid_client' });
  assert.deepEqual(tried, ['only']);
});

test('many simultaneous calls change the key once', async (t) => {
  const { config, tried, ring } = await party(t, ['next'], ['current', 'next', 'third']);
  await Promise.all(Array.from({ length: 10 }, () => grant(config)));
  assert.equal(ring.kid, 'next');
  assert.equal(tried.filter((kid) => kid === 'third').length, 0);
  assert.ok(tried.length <= 20);
});

test('events report assertions and tokens, and contain no secret', async (t) => {
  const { config, events, assertions, issuer } = await party(t, ['key'], ['key']);
  await new ClientTokenManager({ config }).getToken();
  const users = new UserTokenManager({ config, store: new MemoryTokenStore() });
  const request = { sessionID: 'one' };
  await users.save(request, {
    access_token: 'at secret',
    token_type: 'bearer',
    refresh_token: 'rt secret',
  });
  await users.getToken(request, 'at secret');
  await users.revoke(request);
  assert.deepEqual(
    events.map(({ type }) => type),
    [
      'assertion_made',
      'token_obtained',
      'assertion_made',
      'token_refreshed',
      'assertion_made',
      'assertion_made',
      'token_revoked',
    ],
  );
  const { jti = '' } = decodeJwt(assertions[0] ?? '');
  assert.deepEqual(events[0], {
    type: 'assertion_made',
    clientId: 'client',
    issuer,
    keyId: 'key',
    audience: issuer,
    jtiHash: createHash('sha256').update(jti).digest('base64url'),
  });
  const printed = inspect(events, { depth: Number.POSITIVE_INFINITY });
  for (const secret of [...assertions, 'secret']) assert.ok(!printed.includes(secret));
});

/** What the metadata of a provider rules out of the client's authentication (RFC 8414 §2). */
const RULED_OUT: readonly (readonly [object, RegExp])[] = [
  [
    { token_endpoint_auth_methods_supported: ['client_secret_basic', 'none'] },
    /token_endpoint_auth_methods_supported \["client_secret_basic","none"\]: the assertions are private_key_jwt; if the token_endpoint accepts them anyway, remove this member from the metadata$/,
  ],
  [
    { token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256'] },
    /token_endpoint_auth_signing_alg_values_supported \["RS256","PS256"\]: the key signs with ES256, so use another key or alg; if the token_endpoint accepts/,
  ],
];

const RULED_OUT_AT_REVOCATION: typeof RULED_OUT = [
  [
    { revocation_endpoint_auth_methods_supported: ['client_secret_post'] },
    /revocation_endpoint_auth_methods_supported \["client_secret_post"\].*private_key_jwt/,
  ],
  [
    { revocation_endpoint_auth_signing_alg_values_supported: ['RS256'] },
    /revocation_endpoint_auth_signing_alg_values_supported \["RS256"\].*ES256/,
  ],
];

const ISSUER = 'https://as.example';

function configWith(metadata: object, clientMetadata?: object, key: object = newKeyPair('ES256')) {
  const { privateKey } = key as { privateKey: never };
  const service = new AssertionService({ clientId: 'client', key: privateKey });
  const token_endpoint = `${ISSUER}/token`;
  const server = { issuer: ISSUER, token_endpoint, ...metadata };
  return new Configuration(server, 'client', clientMetadata, clientAssertion(service));
}

const MANAGERS = { UserTokenManager, ClientTokenManager } as const;

for (const [name, Manager] of Object.entries(MANAGERS)) {
  for (const [metadata, message] of RULED_OUT) {
    test(`metadata with ${JSON.stringify(metadata)} rules out a ${name}`, () => {
      const config = configWith(metadata);
      assert.throws(() => new Manager({ config }), { name: 'TypeError', message });
    });
  }

  for (const token_endpoint_auth_method of ['private_key_jwt', 'client_secret_jwt']) {
    test(`metadata is heeded by a ${name} whose client is registered for ${token_endpoint_auth_method} (RFC 7591 §2)`, () => {
      const [metadata = {}, message] = RULED_OUT[0] ?? [];
      const config = configWith(metadata, { token_endpoint_auth_method });
      assert.throws(() => new Manager({ config }), { name: 'TypeError', message });
    });
  }

  for (const [what, metadata, clientMetadata] of [
    ['no lists', {}, undefined],
    [
      'unknown lists and values',
      { x_supported: [], token_endpoint_auth_methods_supported: 'none' },
      {},
    ],
    [
      'null and empty lists (RFC 8414 §3.2)',
      {
        token_endpoint_auth_methods_supported: [],
        token_endpoint_auth_signing_alg_values_supported: null,
        revocation_endpoint: null,
        revocation_endpoint_auth_methods_supported: [],
      },
      undefined,
    ],
    [
      'lists that have what the client does',
      {
        token_endpoint_auth_methods_supported: ['private_key_jwt'],
        token_endpoint_auth_signing_alg_values_supported: ['RS256', 'ES256'],
        grant_types_supported: ['authorization_code'],
      },
      undefined,
    ],
    [
      'a client that authenticates in another way',
      { token_endpoint_auth_methods_supported: ['none'] },
      { token_endpoint_auth_method: 'none' },
    ],
  ] as const) {
    test(`metadata with ${what} rules out no ${name}`, () => {
      assert.ok(new Manager({ config: configWith(metadata, clientMetadata) }));
    });
  }

  test(`metadata that rules out assertions does not affect a ${name} with another method`, () => {
    const server = {
      issuer: ISSUER,
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    };
    assert.ok(new Manager({ config: new Configuration(server, 'client', 'a secret') }));
  });
}

for (const [metadata, message] of RULED_OUT_AT_REVOCATION) {
  const withEndpoint = { ...metadata, revocation_endpoint: `${ISSUER}/revoke` };
  test(`metadata with ${JSON.stringify(metadata)} rules out a UserTokenManager, which must revoke tokens`, () => {
    const config = configWith(withEndpoint);
    assert.throws(() => new UserTokenManager({ config }), { name: 'TypeError', message });
    assert.ok(new ClientTokenManager({ config }), 'which revokes nothing');
    assert.ok(new UserTokenManager({ config: configWith(metadata) }), 'there is no endpoint');
  });
}

test('a revocation_endpoint of null counts as absent: a logout sends no request (RFC 8414 §2)', async () => {
  const config = configWith({ revocation_endpoint: null });
  config[customFetch] = () => assert.fail('the provider is called');
  const users = new UserTokenManager({ config });
  const request = { session: {}, sessionID: 'one' };
  await users.save(request, { access_token: 'at', token_type: 'bearer', refresh_token: 'rt' });
  assert.equal(await users.revoke(request), false);
  assert.deepEqual(request.session, {});
});

test('checking the metadata signs and sends nothing, and keeps the fetch of the configuration', async (t) => {
  const { config, tried, events } = await party(t, ['one'], ['one']);
  const own = () => Promise.reject(new Error('not sent'));
  config[customFetch] = own;
  new UserTokenManager({ config });
  new ClientTokenManager({ config });
  assert.equal(config[customFetch], own);
  assert.deepEqual([tried, events], [[], []]);
});
