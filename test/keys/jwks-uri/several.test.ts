import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FetchError, Secret } from '../../../lib/index.js';
import { signAssertion } from '../../support/assertion.js';
import { clientWith, jwkSecret } from '../../support/attacks.js';
import {
  clientAt,
  fetchingEndpoint,
  type JwksHost,
  jwksHost,
  namedKey,
  signNamed,
  statusOf,
} from '../../support/jwks-host.js';
import { newKeyPair } from '../../support/keys.js';

const FIRST = namedKey('first');
const SECOND = namedKey('second');
const LOCAL = namedKey('local');
const STRANGER = namedKey('stranger');

const secretAt = ({ uri }: JwksHost, more: object = {}): Secret => ({
  type: 'JwksUri',
  value: uri,
  ...more,
});

/** A client with two sets and a key of its own. */
async function start(t: TestContext) {
  const one = await jwksHost(t, [FIRST.publicJwk]);
  const two = await jwksHost(t, [SECOND.publicJwk]);
  const secrets = [
    secretAt(one, { description: 'one' }),
    secretAt(two, { description: 'two' }),
    jwkSecret(LOCAL),
  ];
  const endpoint = await fetchingEndpoint(t, [clientWith('client', secrets)]);
  const authenticate = async (pair: typeof FIRST) => {
    await statusOf(endpoint, signNamed(pair));
    const { reason, secret, warnings } = endpoint.events.at(-1) ?? {};
    return { reason, secret, warnings };
  };
  return { one, two, authenticate };
}

test('no request waits for a set that is not needed', async (t) => {
  const { two, authenticate } = await start(t);
  two.behave(() => undefined);
  for (const pair of [LOCAL, FIRST]) {
    const started = performance.now();
    const { reason, warnings } = await authenticate(pair);
    assert.equal(reason, undefined);
    assert.deepEqual(warnings, []);
    assert.ok(performance.now() - started < 4000, 'less than the timeout of the one that hangs');
  }
});

test('each of several jwks_uri secrets has its own keys', async (t) => {
  const { authenticate } = await start(t);
  for (const [pair, secret] of [
    [FIRST, 'JwksUri, "one"'],
    [SECOND, 'JwksUri, "two"'],
    [LOCAL, 'JsonWebKey'],
  ] as const) {
    assert.deepEqual(await authenticate(pair), { reason: undefined, secret, warnings: [] });
  }
});

test('a set that cannot be fetched is reported, and the other sets are used', async (t) => {
  const { two, authenticate } = await start(t);
  two.behave((_request, response) => response.writeHead(404).end());
  for (const pair of [LOCAL, FIRST]) {
    assert.equal((await authenticate(pair)).reason, undefined);
  }
  const { reason, warnings = [] } = await authenticate(SECOND);
  assert.equal(reason, 'jwks_uri_failed');
  assert.deepEqual(
    warnings.map(({ code, secret }) => [code, secret]),
    [['jwks_uri_failed', 'JwksUri, "two"']],
  );
  assert.doesNotMatch(warnings[0]?.message ?? '', /last good keys/);
});

test('a set of a secret that has expired is not fetched', async (t) => {
  const host = await jwksHost(t, [FIRST.publicJwk]);
  for (const [expiration, reason, requests] of [
    [new Date(0), 'secret_expired', 0],
    ['soon', 'secret_refused', 0],
    [new Date('9999-12-31'), undefined, 1],
  ] as const) {
    const client = clientWith('client', [secretAt(host, { expiration })]);
    const endpoint = await fetchingEndpoint(t, [client]);
    await statusOf(endpoint, signNamed(FIRST));
    assert.equal(endpoint.events[0]?.reason, reason);
    assert.equal(host.requests, requests);
  }
});

test('a set that has just been fetched is not fetched again for a key that it lacks', async (t) => {
  const host = await jwksHost(t, [FIRST.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signNamed(STRANGER)), 401);
  assert.equal(host.requests, 1);
});

test('if no key of a set fits, the event lists those that it has', async (t) => {
  const host = await jwksHost(t, [FIRST.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signNamed(namedKey('first', 'RS256'))), 401);
  const [event] = endpoint.events;
  assert.equal(event?.reason, 'no_matching_key');
  assert.deepEqual(event.expected, ['JwksUri: kid=first, ES256']);
});

test('a set is not fetched again if one of its keys signed without a kid in the header', async (t) => {
  const host = await jwksHost(t, [FIRST.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  for (const _ of [1, 2, 3]) {
    assert.equal(await statusOf(endpoint, signAssertion('client', { pair: FIRST })), 200);
  }
  assert.equal(host.requests, 1);
});

test('a key with the kid is fetched after a key without a kid failed', async (t) => {
  const nameless = newKeyPair('ES256');
  const host = await jwksHost(t, [nameless.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signAssertion('client', { pair: nameless })), 200);
  host.publish(nameless.publicJwk, FIRST.publicJwk);
  assert.equal(await statusOf(endpoint, signNamed(FIRST)), 200);
  assert.equal(host.requests, 2);
});

test('the keys of a set stay in use while its server is down', async (t) => {
  const nameless = newKeyPair('ES256');
  const host = await jwksHost(t, [nameless.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  const sign = () => signAssertion('client', { pair: nameless });
  assert.equal(await statusOf(endpoint, sign()), 200);
  host.behave((_request, response) => response.writeHead(503).end());
  assert.equal(await statusOf(endpoint, signNamed(STRANGER)), 401);
  assert.equal(endpoint.events.at(-1)?.reason, 'signature_invalid');
  assert.equal(await statusOf(endpoint, sign()), 200);
});

test('if no set can be fetched, the reason is the first failure, and each has a warning', async (t) => {
  const [one, two] = [await jwksHost(t), await jwksHost(t)];
  const first = new Promise<void>((resolve) => {
    two.behave((_request, response) => response.writeHead(410).end(resolve));
  });
  one.behave((_request, response) => {
    // After the answer of the other host has been read.
    first.then(() => setTimeout(() => response.writeHead(404).end(), 50));
  });
  const endpoint = await fetchingEndpoint(t, [
    clientWith('client', [secretAt(one), secretAt(two)]),
  ]);
  assert.equal(await statusOf(endpoint, signNamed(FIRST)), 401);
  const [event] = endpoint.events;
  assert.equal((event?.cause as FetchError | undefined)?.answered, 410);
  assert.deepEqual(
    event?.warnings.map(({ message }) => / is (4\d\d)/.exec(message)?.[1]),
    ['410', '404'],
  );
});

const others = (count: number) => Array.from({ length: count }, () => newKeyPair('ES256'));

for (const [what, count, status] of [
  ['the eighth', 7, 200],
  ['not the ninth', 8, 401],
] as const) {
  test(`of fetched keys, ${what} is tried, after eight keys at hand`, async (t) => {
    const host = await jwksHost(
      t,
      [FIRST, ...others(count)].map(({ publicJwk }) => publicJwk),
    );
    const secrets = [secretAt(host), ...others(8).map((pair) => jwkSecret(pair))];
    const endpoint = await fetchingEndpoint(t, [clientWith('client', secrets)]);
    const assertion = signAssertion('client', { pair: FIRST, header: {} });
    assert.equal(await statusOf(endpoint, assertion), status);
  });
}

test('fetched keys that were tried before take none of the tries', async (t) => {
  const local = others(8);
  const host = await jwksHost(
    t,
    [FIRST, ...local].map(({ publicJwk }) => publicJwk),
  );
  const secrets = [secretAt(host), ...local.map((pair) => jwkSecret(pair))];
  const endpoint = await fetchingEndpoint(t, [clientWith('client', secrets)]);
  assert.equal(await statusOf(endpoint, signAssertion('client', { pair: FIRST, header: {} })), 200);
});
