import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type AssertionClient,
  type AuthenticationEvent,
  assertClientSecrets,
  ClientAssertionValidator,
  type ClientAuthentication,
  type FederatedIdentity,
  RemoteJwkSets,
  requiresClientAssertion,
  SecretError,
  validateRequestObject,
} from '../../lib/index.js';
import { assertionForm, ISSUER, seconds } from '../support/assertion.js';
import { clientWith, jwkSecret } from '../support/attacks.js';
import { fakeClock } from '../support/fake-clock.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import {
  type Platform,
  platform,
  platformKey,
  platformOptions,
  SUBJECT,
  type TokenDifferences,
  tokenOf,
  trustIn,
} from '../support/platform.js';
import { rawJws, rightSigner } from '../support/raw-jws.js';
import { json } from '../support/remote-host.js';
import { tokenEndpoint } from '../support/token-endpoint.js';

const DISCOVERY = '/.well-known/openid-configuration';
const JWKS = '/openid/v1/jwks';

const failWith =
  (status: number) =>
  (_request: unknown, response: { writeHead(status: number): { end(): void } }): void =>
    response.writeHead(status).end();

/** A server whose clients trust platforms. */
async function serverOf(
  t: TestContext,
  clients: readonly AssertionClient[],
  jwksUri: ConstructorParameters<typeof RemoteJwkSets>[0] = {},
) {
  const sets = new RemoteJwkSets({ ...(await platformOptions()), ...jwksUri });
  const endpoint = await tokenEndpoint(clients, { jwksUri: sets });
  t.after(() => endpoint.close());
  const send = async (token: string, client_id = 'workload') => {
    endpoint.events.length = 0;
    const response = await endpoint.post(assertionForm(token, { client_id }));
    const { authInfo } = (await response.json()) as { authInfo?: ClientAuthentication };
    const { status } = response;
    const [event] = endpoint.events;
    return { status, authInfo, reason: event?.reason, event: event as AuthenticationEvent };
  };
  return { ...endpoint, sets, send };
}

const clientOf = (at: Platform, more: Partial<FederatedIdentity> = {}): AssertionClient =>
  clientWith('workload', [trustIn(at, more)]);

test('one Kubernetes token serves for many requests at once, with default settings', async (t) => {
  const cluster = await platform(t);
  const { send, post, events } = await serverOf(t, [clientOf(cluster)]);
  const token = tokenOf(cluster);
  const form = assertionForm(token, { client_id: 'workload' });
  const responses = await Promise.all(Array.from({ length: 50 }, () => post(form)));
  assert.deepEqual([...new Set(responses.map(({ status }) => status))], [200]);
  assert.ok(events.every(({ replayChecked }) => replayChecked === false));
  // One fetch in flight for each document.
  assert.deepEqual(cluster.asked, { [DISCOVERY]: 1, [JWKS]: 1 });
  const { event } = await send(token);
  const { duration, endpoint, jtiHash, ...told } = event;
  assert.ok(duration > 0 && jtiHash !== undefined && endpoint !== undefined);
  assert.deepEqual(told, {
    outcome: 'success',
    clientId: 'workload',
    platform: cluster.issuer,
    subject: SUBJECT,
    replayChecked: false,
    method: 'private_key_jwt',
    alg: 'RS256',
    typ: undefined,
    keyId: cluster.pair.publicJwk.kid,
    audienceForm: 'issuer',
    secret: 'FederatedIdentity',
    wouldFail: {
      issuer: [],
      'issuer-string': [],
      fapi2: ['algorithm_not_allowed'],
      requireTyp: ['typ_not_allowed'],
    },
    issuer: ISSUER,
    warnings: [],
  });
});

test('singleUse accepts a token once, for each client and platform of its own', async (t) => {
  const cluster = await platform(t);
  const other = await platform(t, { name: 'other.example' });
  const once = { singleUse: true };
  const { send } = await serverOf(t, [
    clientWith('workload', [trustIn(cluster, once), trustIn(other, once)]),
    clientWith('second', [trustIn(cluster, once)]),
    clientWith('own', [jwkSecret(keyPair('ES256'))]),
  ]);
  const claims = { jti: 'one' };
  const token = tokenOf(cluster, { claims });
  const first = await send(token);
  assert.equal(first.status, 200);
  assert.equal(first.event.replayChecked, true);
  assert.equal((await send(token)).reason, 'replayed');
  assert.equal((await send(token, 'second')).status, 200);
  assert.equal((await send(tokenOf(other, { claims }))).status, 200, 'another platform');
  assert.equal((await send(tokenOf(cluster, { claims: { jti: 'two' } }))).status, 200);
  const copies = tokenOf(cluster, { claims: { jti: 'three' } });
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(copies)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
});

test('if several identities fit, the token is accepted once as soon as one of them asks for single use, until that one expires', async (t) => {
  const cluster = await platform(t);
  const { now, advance } = fakeClock();
  t.after(() => fakeClock().restore());
  const { send } = await serverOf(t, [
    clientWith('workload', [
      trustIn(cluster),
      trustIn(cluster, { singleUse: true, expiration: now() + 100 }),
    ]),
  ]);
  const token = tokenOf(cluster);
  assert.equal((await send(token)).status, 200);
  assert.equal((await send(token)).reason, 'replayed');
  advance(100);
  assert.equal((await send(token)).status, 200);
});

test('a token for single use counts as used until the tolerance after its exp has passed (RFC 7523 §3 (7))', async (t) => {
  const { now, advance, restore } = fakeClock();
  t.after(restore);
  const cluster = await platform(t);
  const { send } = await serverOf(t, [clientOf(cluster, { singleUse: true })]);
  const token = tokenOf(cluster, { claims: { exp: now() + 30 } });
  assert.equal((await send(token)).status, 200);
  advance(60);
  assert.equal((await send(token)).reason, 'replayed');
});

for (const { what, trust = {}, claims, header, expected } of [
  { what: 'a token of Kubernetes', expected: {} },
  {
    what: 'a token for the audience that the client asks for',
    trust: { audience: 'api://tokens' },
    claims: { aud: 'api://tokens' },
    expected: { audienceForm: 'additional' },
  },
  {
    what: 'a token with an explicit typ (RFC 8725 §3.11)',
    header: { typ: 'client-authentication+jwt' },
    expected: { requireTyp: [] },
  },
] as readonly {
  readonly what: string;
  readonly trust?: Partial<FederatedIdentity>;
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly expected: { readonly audienceForm?: string; readonly requireTyp?: readonly string[] };
}[]) {
  test(`the application learns who signed ${what}, and how`, async (t) => {
    const cluster = await platform(t);
    const { send } = await serverOf(t, [clientOf(cluster, trust)]);
    const { authInfo } = await send(tokenOf(cluster, { claims, header } as TokenDifferences));
    const { claims: signed, ...told } = authInfo as ClientAuthentication;
    assert.equal(signed['sub'], SUBJECT);
    const { requireTyp = ['typ_not_allowed'], audienceForm = 'issuer' } = expected;
    assert.deepEqual(told, {
      clientId: 'workload',
      method: 'private_key_jwt',
      alg: 'RS256',
      keyId: cluster.pair.publicJwk.kid,
      audienceForm,
      wouldFail: {
        issuer: [],
        'issuer-string': [],
        fapi2: ['algorithm_not_allowed'],
        requireTyp,
      },
    });
  });
}

test('platform keys are kept by their URL, and shared by all clients', async (t) => {
  const cluster = await platform(t);
  const clients = ['a', 'b', 'c'].map((clientId) =>
    clientWith(clientId, [trustIn(cluster, clientId === 'c' ? { jwksUri: cluster.jwksUri } : {})]),
  );
  const { send } = await serverOf(t, clients);
  for (const { clientId } of clients) {
    assert.equal((await send(tokenOf(cluster), clientId)).status, 200);
  }
  assert.deepEqual(cluster.asked, { [DISCOVERY]: 1, [JWKS]: 1 });
});

test('if a platform rotates its keys, they are fetched again, once in each cooldown', async (t) => {
  const { advance, restore } = fakeClock();
  t.after(restore);
  const cluster = await platform(t);
  const { send } = await serverOf(t, [clientOf(cluster)]);
  assert.equal((await send(tokenOf(cluster))).status, 200);
  const next = { issuer: cluster.issuer, pair: platformKey() };
  cluster.documents[JWKS] = { keys: [cluster.pair.publicJwk, next.pair.publicJwk] };
  assert.equal((await send(tokenOf(next))).status, 200);
  const unknown = tokenOf({ issuer: cluster.issuer, pair: platformKey() });
  for (let count = 0; count < 5; count += 1) {
    assert.equal((await send(unknown)).reason, 'signature_invalid');
  }
  assert.deepEqual(cluster.asked, { [DISCOVERY]: 2, [JWKS]: 2 });
  advance(31);
  await send(unknown);
  assert.deepEqual(cluster.asked, { [DISCOVERY]: 3, [JWKS]: 3 });
});

test('if a platform moves its key set, the discovery document leads to the new URL', async (t) => {
  const cluster = await platform(t);
  const { send } = await serverOf(t, [clientOf(cluster)]);
  assert.equal((await send(tokenOf(cluster))).status, 200);
  const next = { issuer: cluster.issuer, pair: platformKey() };
  cluster.documents['/keys'] = { keys: [next.pair.publicJwk] };
  cluster.documents[DISCOVERY] = { issuer: cluster.issuer, jwks_uri: `${cluster.origin}/keys` };
  assert.equal((await send(tokenOf(next))).status, 200);
  assert.equal((await send(tokenOf(cluster))).reason, 'signature_invalid', 'the old key is gone');
});

// The rule for outages and withdrawals, for each of the two documents.
const STALE: readonly (readonly [string, (cluster: Platform) => void, boolean])[] = [
  ['503', (cluster) => cluster.behave(failWith(503)), true],
  ['429', (cluster) => cluster.behave(failWith(429)), true],
  ['a connection that breaks', (cluster) => cluster.behave((request) => request.destroy()), true],
  ['404', (cluster) => cluster.behave(failWith(404)), false],
  ['410', (cluster) => cluster.behave(failWith(410)), false],
  ['a page', (cluster) => cluster.behave((_request, response) => response.end('<html>')), false],
  ['a list', (cluster) => cluster.behave(json(() => [])), false],
  [
    'another issuer in the discovery document',
    (cluster) => {
      cluster.documents[DISCOVERY] = { issuer: ISSUER, jwks_uri: cluster.jwksUri };
    },
    false,
  ],
  [
    'a discovery document without jwks_uri',
    (cluster) => {
      cluster.documents[DISCOVERY] = { issuer: cluster.issuer };
    },
    false,
  ],
  [
    'a discovery document with http',
    (cluster) => {
      cluster.documents[DISCOVERY] = { issuer: cluster.issuer, jwks_uri: 'http://keys.example/' };
    },
    false,
  ],
  [
    'an empty set',
    (cluster) => {
      cluster.documents[JWKS] = { keys: [] };
    },
    false,
  ],
  [
    'a set without the key',
    (cluster) => {
      cluster.documents[JWKS] = { keys: [platformKey().publicJwk] };
    },
    false,
  ],
];

for (const [what, change, serves] of STALE) {
  test(`${what} ${serves ? 'lets the last good keys serve, for maxStale' : 'ends the keys'}`, async (t) => {
    const { advance, restore } = fakeClock();
    t.after(restore);
    const cluster = await platform(t);
    const { send } = await serverOf(t, [clientOf(cluster)]);
    const token = () => tokenOf(cluster);
    assert.equal((await send(token())).status, 200);
    change(cluster);
    advance(301);
    const { status, event } = await send(token());
    assert.equal(status, serves ? 200 : 401, event.reason);
    if (!serves) return;
    assert.deepEqual(
      event.warnings.map(({ code }) => code),
      ['jwks_uri_failed', 'jwks_uri_failed'],
    );
    assert.deepEqual(
      event.warnings.map(({ secret }) => secret),
      ['FederatedIdentity', `JwksUri, "keys of ${cluster.issuer}"`],
    );
    for (const { message } of event.warnings) assert.match(message, /last good .* still used$/);
    advance(900);
    assert.equal((await send(token())).reason, 'jwks_uri_failed');
  });
}

test('an issuer that has never answered is not accepted, and the caller is not told why', async (t) => {
  const cluster = await platform(t);
  cluster.behave(failWith(503));
  const { send } = await serverOf(t, [clientOf(cluster)]);
  const { status, event } = await send(tokenOf(cluster));
  assert.equal(status, 401);
  assert.equal(event.reason, 'jwks_uri_failed');
  assert.match(String(event.warnings[0]?.message), /status is 503, not 200$/);
});

test('a platform that has never proved itself pushes no documents of another one out of a full cache', async (t) => {
  const cluster = await platform(t);
  const other = await platform(t, { name: 'other.example' });
  const clients = [clientOf(cluster), clientWith('second', [trustIn(other)])];
  const { send } = await serverOf(t, clients, { maxEntries: 1 });
  assert.equal((await send(tokenOf(cluster))).status, 200);
  const forged = tokenOf(other, { pair: platformKey() });
  assert.equal((await send(forged, 'second')).reason, 'signature_invalid');
  assert.equal((await send(tokenOf(cluster))).status, 200);
  assert.deepEqual(cluster.asked, { [DISCOVERY]: 1, [JWKS]: 1 });
});

test('an identity whose members throw is an error of the server, not a refused secret', async (t) => {
  const cluster = await platform(t);
  const broken = Object.defineProperty({ ...trustIn(cluster) }, 'subject', {
    get() {
      throw new RangeError('broken');
    },
  });
  const { send } = await serverOf(t, [clientWith('workload', [broken])]);
  const { reason, event } = await send(tokenOf(cluster));
  assert.deepEqual([reason, String(event.cause)], ['internal_error', 'RangeError: broken']);
});

test('forget drops what an issuer published at once, by its issuer or its jwks_uri', async (t) => {
  const cluster = await platform(t);
  const { send, sets } = await serverOf(t, [clientOf(cluster)]);
  assert.equal((await send(tokenOf(cluster))).status, 200);
  cluster.documents[JWKS] = { keys: [platformKey().publicJwk] };
  assert.equal((await send(tokenOf(cluster))).status, 200, 'still fresh');
  sets.forget(cluster.issuer);
  assert.equal((await send(tokenOf(cluster))).reason, 'signature_invalid');
  cluster.documents[JWKS] = { keys: [cluster.pair.publicJwk] };
  sets.forget(cluster.jwksUri);
  assert.equal((await send(tokenOf(cluster))).status, 200);
});

test('removing or changing a FederatedIdentity takes effect at once', async (t) => {
  const cluster = await platform(t);
  const secrets: FederatedIdentity[] = [trustIn(cluster)];
  const { send } = await serverOf(t, [{ clientId: 'workload', secrets }]);
  assert.equal((await send(tokenOf(cluster))).status, 200);
  secrets[0] = trustIn(cluster, { claims: { environment: 'production' } });
  assert.equal((await send(tokenOf(cluster))).reason, 'claim_mismatch');
  secrets.length = 0;
  assert.equal((await send(tokenOf(cluster))).reason, 'subject_mismatch');
});

test('a cluster-internal issuer is fetched only if allowedNetworks contains its network', async (t) => {
  const internal = await platform(t, { name: 'issuer.internal' });
  const clients = [clientOf(internal)];
  const closed = await serverOf(t, clients, { allowedNetworks: [] });
  const { reason, event } = await closed.send(tokenOf(internal));
  assert.equal(reason, 'jwks_uri_failed');
  assert.match(String(event.cause), /allowedNetworks can allow it/);
  assert.equal(internal.connections, 0);
  const open = await serverOf(t, clients);
  assert.equal((await open.send(tokenOf(internal))).status, 200);
});

test('with keys in the secret nothing is fetched, and the issuer need not be a URL', async (t) => {
  const pair = platformKey('ES256');
  const issuer = 'kubernetes/serviceaccount';
  const jwks = JSON.stringify({ keys: [pair.publicJwk] });
  const client = clientWith('workload', [trustIn({ issuer }, { jwks })]);
  assertClientSecrets(client);
  const { send } = await serverOf(t, [client]);
  const { status, event } = await send(tokenOf({ issuer, pair }));
  assert.equal(status, 200);
  assert.deepEqual(event.wouldFail?.fapi2, [], 'ES256 is one of FAPI 2.0');
  const forged = await send(tokenOf({ issuer, pair }, { pair: platformKey('ES256') }));
  assert.deepEqual([forged.reason, forged.event.warnings], ['signature_invalid', []]);
});

test('cached keys come first: no request waits for discovery that it does not need', async (t) => {
  const cluster = await platform(t);
  cluster.behave(() => undefined);
  const { pair, issuer } = cluster;
  const { send } = await serverOf(t, [
    clientWith('workload', [
      trustIn(cluster),
      trustIn({ issuer }, { jwks: { keys: [pair.publicJwk] } }),
    ]),
  ]);
  assert.equal((await send(tokenOf(cluster))).status, 200);
  assert.deepEqual(cluster.asked, {});
});

test('if the configured keys fail, the discovered keys are tried', async (t) => {
  const cluster = await platform(t);
  const { send } = await serverOf(t, [
    clientWith('workload', [
      trustIn(cluster, { jwks: { keys: [platformKey().publicJwk] } }),
      trustIn(cluster),
    ]),
  ]);
  assert.equal((await send(tokenOf(cluster))).status, 200);
});

for (const { what, configured, isDown = false, reason, warnings } of [
  {
    what: 'a jwksUri that is not there: one warning, and the discovered keys are used',
    configured: (cluster) => ({ jwksUri: `${cluster.origin}/none` }),
    reason: undefined,
    warnings: (cluster) => [`JwksUri, "keys of ${cluster.issuer}"`],
  },
  {
    what: 'keys that did not sign, while discovery fails: it is not known whether the signature is wrong',
    configured: () => ({ jwks: { keys: [platformKey().publicJwk] } }),
    isDown: true,
    reason: 'jwks_uri_failed',
    warnings: () => ['FederatedIdentity'],
  },
] as readonly {
  readonly what: string;
  readonly configured: (cluster: Platform) => Partial<FederatedIdentity>;
  readonly isDown?: boolean;
  readonly reason: string | undefined;
  readonly warnings: (cluster: Platform) => readonly string[];
}[]) {
  test(`of two identities, one has ${what}`, async (t) => {
    const cluster = await platform(t);
    if (isDown) cluster.behave(failWith(503));
    const { send } = await serverOf(t, [
      clientWith('workload', [trustIn(cluster, configured(cluster)), trustIn(cluster)]),
    ]);
    const { event } = await send(tokenOf(cluster));
    assert.equal(event.reason, reason);
    assert.deepEqual(
      event.warnings.map(({ code, secret }) => [code, secret]),
      warnings(cluster).map((secret) => ['jwks_uri_failed', secret]),
    );
  });
}

test('a FederatedIdentity that expires soon is a warning', async (t) => {
  const cluster = await platform(t);
  const expiration = seconds() + 1000;
  const { send } = await serverOf(t, [clientOf(cluster, { expiration, description: 'cluster 1' })]);
  const { event } = await send(tokenOf(cluster));
  assert.equal(event.secret, 'FederatedIdentity, "cluster 1"');
  assert.deepEqual(event.secretExpiresAt, new Date(expiration * 1000));
  assert.deepEqual(
    event.warnings.map(({ code, secret }) => [code, secret]),
    [['secret_expiring', 'FederatedIdentity, "cluster 1"']],
  );
});

test('a platform’s key signs no request object of the client (RFC 9101 §4)', async () => {
  const pair = platformKey('ES256');
  const issuer = 'https://platform.example';
  const client = clientWith('workload', [
    trustIn({ issuer }, { jwks: { keys: [pair.publicJwk] } }),
  ]);
  for (const iss of ['workload', issuer]) {
    const claims = { iss, aud: ISSUER, client_id: 'workload', exp: seconds() + 60 };
    const request = rawJws({ alg: 'ES256' }, claims, rightSigner(pair));
    await assert.rejects(validateRequestObject({ request, client, issuer: ISSUER }));
  }
});

test('a client that trusts a platform may not authenticate with a client_secret', () => {
  const client = clientWith('workload', [trustIn({ issuer: 'https://platform.example' })]);
  assert.equal(requiresClientAssertion(client), true);
  assert.equal(requiresClientAssertion({ ...client, clientSecretAllowed: true }), false);
});

const reportsOf = async (
  client: AssertionClient | undefined,
  at: Platform,
  { clientId = 'workload', ...token }: TokenDifferences & { clientId?: string } = {},
) => {
  const validator = new ClientAssertionValidator(
    { jwksUri: await platformOptions() },
    () => client,
  );
  const parameters = assertionForm(tokenOf(at, token), { client_id: clientId });
  const { accepted, checks } = await validator.explain({ issuer: ISSUER, parameters });
  const named = (wanted: string) =>
    checks.filter(({ outcome }) => outcome === wanted).map(({ check, reason }) => reason ?? check);
  return { accepted, failed: named('failed'), skipped: named('skipped'), checks };
};

test('explain runs the rules for a platform’s assertion, and says which are broken', async (t) => {
  const cluster = await platform(t);
  const client = clientOf(cluster, { claims: { environment: 'production' } });
  const good = await reportsOf(clientOf(cluster), cluster);
  assert.equal(good.accepted, true);
  assert.deepEqual(good.skipped, ['replay']);
  assert.deepEqual(
    good.checks.map(({ check }) => check).filter((name) => /^(iss|sub|aud|jti|further)/.test(name)),
    ['iss', 'sub', 'aud', 'further claims', 'jti'],
  );
  const bad = await reportsOf(client, cluster, { claims: { sub: 'x', aud: 'y', exp: 9e9 } });
  assert.equal(bad.accepted, false);
  assert.deepEqual(bad.failed, [
    'subject_mismatch',
    'audience_mismatch',
    'claim_mismatch',
    'lifetime_too_long',
  ]);
  assert.deepEqual(bad.skipped, ['key', 'signature', 'replay']);
  const stranger = await reportsOf(client, cluster, { claims: { iss: 'https://x.example' } });
  assert.deepEqual(stranger.failed, ['subject_mismatch']);
  const forged = await reportsOf(clientOf(cluster), cluster, { pair: newKeyPair('RS256') });
  assert.deepEqual(forged.failed, ['signature_invalid']);
  assert.deepEqual((await reportsOf(undefined, cluster)).failed, ['unknown_client']);
});

const issuer = 'https://platform.example';
const MISTAKES: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['no issuer', { issuer: undefined }, /its issuer is not a non-empty string/],
  ['an issuer without a URL', { issuer: 'k8s' }, /its issuer cannot be fetched from: .*give jwks/],
  ['an issuer by http', { issuer: 'http://k8s.example' }, /the URL is not https/],
  ['an issuer with a query', { issuer: 'https://k8s.example?x' }, /the URL has a query/],
  ['its own id as issuer', { issuer: 'https://client.example' }, /its issuer is the client itself/],
  ['no subject', { subject: undefined }, /its subject is not a non-empty string/],
  ['an empty subject', { subject: '' }, /its subject is not a non-empty string/],
  ['a wildcard', { subject: 'repo:octo-org/*' }, /without wildcards/],
  ['an audience that is a list', { audience: [ISSUER] }, /its audience is not a non-empty string/],
  ['claims that are a list', { claims: ['x'] }, /its claims are not an object/],
  ['claims in a Map', { claims: new Map([['ref', 'x']]) }, /its claims are not an object/],
  ['claims in a class', { claims: new (class Claims {})() }, /its claims are not an object/],
  ['claims that are inherited', { claims: Object.create({ ref: 'x' }) }, /its claims are not an/],
  ['an empty claim', { claims: { ref: '' } }, /its claim "ref" must be a non-empty string/],
  ['a claim that is null', { claims: { ref: null } }, /its claim "ref" must be/],
  ['a claim that is a list', { claims: { ref: ['x'] } }, /its claim "ref" must be/],
  ['a claim that is no number', { claims: { ref: Number.NaN } }, /its claim "ref" must be/],
  ['a claim that is a pattern', { claims: { ref: /x/ } }, /its claim "ref" must be/],
  ['singleUse as 1', { singleUse: 1 }, /its singleUse must be true or false/],
  ['a maxLifetime of 0', { maxLifetime: 0 }, /its maxLifetime must be a positive number/],
  ['a maxLifetime that is text', { maxLifetime: '1h' }, /its maxLifetime must be/],
  [
    'a jwksUri by http',
    { jwksUri: 'http://k8s.example/' },
    /its jwksUri cannot be fetched from: the URL is not https\.$/,
  ],
  ['claims that are text', { claims: 'ref' }, /its claims are not an object/],
  ['two sources of keys', { jwksUri: issuer, jwks: { keys: [] } }, /both jwks and jwksUri/],
  ['an empty set', { jwks: { keys: [] } }, /has no key for signatures/],
  ['a shared key', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }, /symmetric|shared/],
  [
    'a private key',
    { jwks: { keys: [keyPair('ES256').privateKey.export({ format: 'jwk' })] } },
    /private key/,
  ],
  [
    'a misspelt member',
    { claim: { ref: 'x' } },
    /its member "claim" is not known: put claims .* choose from type, issuer, subject, audience, /,
  ],
  ['a claim beside claims', { repository: 'x' }, /its member "repository" is not known/],
  ['the name of metadata', { jwks_uri: issuer }, /its member "jwks_uri" is not known/],
  ['an expiration without a zone', { expiration: '2027-01-01T00:00:00' }, /no time zone/],
];

for (const [what, members, message] of MISTAKES) {
  test(`${what} in a FederatedIdentity is a SecretError with a sentence`, () => {
    const secret = { type: 'FederatedIdentity', issuer, subject: 'x', ...members };
    const client = { clientId: 'https://client.example', secrets: [secret] };
    assert.throws(
      () => assertClientSecrets(client as never),
      (error: unknown) => {
        assert.ok(error instanceof SecretError);
        assert.match(error.message, message);
        assert.match(error.message, /^Client .*, secret 1 of 1 \(FederatedIdentity\): /);
        return true;
      },
    );
  });
}

test('null members of a FederatedIdentity count as absent', () => {
  const absent = { audience: null, claims: null, jwksUri: null, jwks: null, singleUse: null };
  const secret = { type: 'FederatedIdentity', issuer, subject: 'x', ...absent, maxLifetime: null };
  assertClientSecrets({ clientId: 'client', secrets: [secret] } as never);
});

for (const [what, members] of Object.entries({
  'claims that are texts, numbers and booleans': { claims: { ref: 'x', count: 5, locked: true } },
  'claims without a prototype': { claims: Object.assign(Object.create(null), { ref: 'x' }) },
  'a jwksUri with a query': { jwksUri: 'https://k8s.example/keys?version=1' },
  'an issuer without a URL, and its keys': {
    issuer: 'k8s',
    jwks: { keys: [keyPair('ES256').publicJwk] },
  },
})) {
  test(`a FederatedIdentity may have ${what}`, () => {
    const secret = { type: 'FederatedIdentity', issuer, subject: 'x', ...members };
    assertClientSecrets({ clientId: 'client', secrets: [secret] } as never);
  });
}

test('a client that trusts a platform needs no key for private_key_jwt, but one for HMAC', () => {
  const client = clientWith('workload', [trustIn({ issuer })]);
  assertClientSecrets({ ...client, tokenEndpointAuthMethod: 'private_key_jwt' });
  assert.throws(
    () => assertClientSecrets({ ...client, tokenEndpointAuthMethod: 'client_secret_jwt' }),
    /client_secret_jwt needs a key/,
  );
});

test('for each rule of a platform’s assertion, explain shows what is expected and what came', async (t) => {
  const { now, restore } = fakeClock();
  t.after(restore);
  const pair = platformKey('ES256');
  const trust = { jwks: { keys: [pair.publicJwk] }, claims: { ref: 'main', env: 'live' } };
  const client = clientWith('workload', [
    trustIn({ issuer }, { ...trust, singleUse: true, maxLifetime: 600 }),
  ]);
  const validator = new ClientAssertionValidator(
    { algorithms: ['ES256', 'HS256', 'RS256'] },
    () => client,
  );
  const header = { alg: 'HS256', typ: 'at+jwt', crit: ['b64'], b64: false, kid: 1 };
  const claims = {
    aud: 'https://other.example',
    exp: now() + 3607,
    iat: now() - 700,
    nbf: undefined,
    jti: undefined,
    ref: 'x',
  };
  const parameters = assertionForm(tokenOf({ issuer, pair }, { header, claims }), {
    client_id: 'workload',
  });
  const { checks } = await validator.explain({ issuer: ISSUER, parameters });
  const shown = checks.map(({ check, source, outcome, expected, actual }) => [
    check,
    source,
    outcome,
    expected,
    actual,
  ]);
  const exp = claims.exp;
  assert.deepEqual(shown.slice(2, -3), [
    ['alg', 'RFC 8725 §3.1', 'failed', ['ES256', 'RS256'], 'HS256'],
    ['crit', 'RFC 7515 §4.1.11', 'failed', 'absent', ['b64']],
    ['b64', 'RFC 7797 §7', 'failed', 'absent or true', false],
    [
      'key identifiers',
      'RFC 7515 §4.1.4, §4.1.7, §4.1.8',
      'failed',
      'strings',
      [1, undefined, undefined],
    ],
    [
      'typ',
      'RFC 10070 §4, RFC 8725 §3.11',
      'failed',
      ['absent', 'JWT', 'client-authentication+jwt'],
      'at+jwt',
    ],
    ['exp is a number', 'RFC 7523 §3 (4)', 'passed', 'a number', exp],
    ['exp is in the future', 'RFC 7523 §3 (4)', 'passed', `> ${now() - 60}`, exp],
    ['nbf is a number', 'RFC 7523 §3 (5)', 'passed', 'absent or a number', undefined],
    ['nbf is not in the future', 'RFC 7523 §3 (5)', 'passed', `<= ${now() + 60}`, undefined],
    ['iat is a number', 'RFC 7523 §3 (6)', 'passed', 'absent or a number', claims.iat],
    ['iat is not in the future', 'RFC 7523 §3 (6)', 'passed', `<= ${now() + 60}`, claims.iat],
    ['authorization request', 'RFC 9101 §10.8', 'passed', 'absent', []],
    ['client', 'RFC 6749 §5.2', 'passed', undefined, undefined],
    ['client is enabled', 'RFC 6749 §5.2', 'passed', 'enabled', 'enabled'],
    [
      'method of the client',
      'RFC 7591 §2, OpenID Connect Core §9',
      'passed',
      'any',
      'client_secret_jwt',
    ],
    [
      'iss',
      'RFC 7523 §3 (1)',
      'passed',
      [
        `sub = ${issuer}, or a FederatedIdentity secret of the client for this iss`,
        `the client has a FederatedIdentity secret for ${issuer}`,
      ],
      SUBJECT,
    ],
    ['sub', 'RFC 7523 §3 (2)', 'passed', [SUBJECT], SUBJECT],
    ['aud', 'RFC 7523 §3 (3)', 'failed', [ISSUER], claims.aud],
    [
      'further claims',
      'RFC 7521 §5.2',
      'failed',
      ['ref = "main"', 'env = "live"'],
      ['ref = "x"', 'env = absent'],
    ],
    ['iat is not too old', 'RFC 7523 §3 (6)', 'failed', [`>= ${now() - 660}`], claims.iat],
    ['lifetime', 'RFC 7523 §3 (4)', 'failed', ['<= 660'], 4307],
    ['jti', 'RFC 7523 §3 (7)', 'failed', 'a non-empty string, because singleUse is set', undefined],
  ]);
});

for (const { what, times, more, expected } of [
  { what: 'the greatest age', times: { iat: -660 }, more: { maxLifetime: 600 }, expected: [] },
  {
    what: 'an age one second greater',
    times: { iat: -661, exp: -1 },
    more: { maxLifetime: 600 },
    expected: ['issued_too_long_ago'],
  },
  { what: 'no iat', times: { iat: undefined, exp: 660 }, more: { maxLifetime: 600 }, expected: [] },
  {
    what: 'the longest lifetime',
    times: { iat: 0, exp: 660 },
    more: { maxLifetime: 600 },
    expected: [],
  },
  {
    what: 'a lifetime one second longer',
    times: { iat: 0, exp: 661 },
    more: { maxLifetime: 600 },
    expected: ['lifetime_too_long'],
  },
  { what: '25 hours by default', times: { iat: 0, exp: 90_060 }, more: {}, expected: [] },
  {
    what: 'more than 25 hours by default',
    times: { iat: 0, exp: 90_061 },
    more: {},
    expected: ['lifetime_too_long'],
  },
] as const) {
  const outcome = expected.length === 0 ? 'accepted' : 'refused';
  test(`${what} of a platform’s assertion is ${outcome}, with the tolerance (RFC 7523 §3 (4), (6))`, async (t) => {
    const { now, restore } = fakeClock();
    t.after(restore);
    const pair = platformKey('ES256');
    const jwks = { keys: [pair.publicJwk] };
    const validator = new ClientAssertionValidator({ algorithms: ['ES256'] }, () =>
      clientWith('workload', [trustIn({ issuer }, { jwks, ...more })]),
    );
    const claims = {
      nbf: undefined,
      ...Object.fromEntries(
        Object.entries({ exp: 0, ...times }).map(([name, value]) => [
          name,
          value === undefined ? value : now() + value,
        ]),
      ),
    };
    const parameters = assertionForm(tokenOf({ issuer, pair }, { claims }), {
      client_id: 'workload',
    });
    const { checks } = await validator.explain({ issuer: ISSUER, parameters });
    assert.deepEqual(
      checks.filter(({ reason }) => reason !== undefined).map(({ reason }) => reason),
      expected,
    );
  });
}

for (const [value, shown] of [
  [undefined, 'ref = absent'],
  [null, 'ref = an object or an array'],
  [{ secret: 'x' }, 'ref = an object or an array'],
  [['x'], 'ref = an object or an array'],
  ['develop', 'ref = "develop"'],
  [7, 'ref = 7'],
] as const) {
  test(`explain: a claim that should be "main" is shown as ${shown}`, async () => {
    const pair = platformKey('ES256');
    const trust = trustIn(
      { issuer },
      { jwks: { keys: [pair.publicJwk] }, claims: { ref: 'main' } },
    );
    const validator = new ClientAssertionValidator({ algorithms: ['ES256'] }, () =>
      clientWith('workload', [trust]),
    );
    const token = tokenOf({ issuer, pair }, { claims: { ref: value } });
    const parameters = assertionForm(token, { client_id: 'workload' });
    const { checks } = await validator.explain({ issuer: ISSUER, parameters });
    assert.deepEqual(checks.find(({ check }) => check === 'further claims')?.actual, [shown]);
  });
}
