import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AssertionClient, FindClient } from '../../../lib/index.js';
import { assertionForm, signAssertion } from '../../support/assertion.js';
import { keyPair } from '../../support/keys.js';
import { tokenEndpoint } from '../../support/token-endpoint.js';

const client: AssertionClient = {
  clientId: 'client',
  secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk }],
};

/** What a lookup may do, whatever its type says. */
type Lookup = () => unknown;

const never = () => new Promise<never>(() => undefined);

/** A promise as query builders have them: it runs only when somebody waits for it. */
const lazily = (value: unknown) => ({
  // biome-ignore lint/suspicious/noThenProperty: the test is about such objects
  then: (resolve: (value: unknown) => void) => {
    setTimeout(resolve, 5, value);
  },
});

async function answerTo(t: Parameters<typeof startEndpoint>[0], lookup: Lookup) {
  const endpoint = await startEndpoint(t, lookup);
  const response = await endpoint.post(assertionForm(await signAssertion()));
  const { error } = (await response.json()) as { error?: string };
  return { status: response.status, error, event: endpoint.events.at(-1) };
}

async function startEndpoint(t: { after(close: () => Promise<void>): void }, lookup: Lookup) {
  const endpoint = await tokenEndpoint(lookup as FindClient<AssertionClient>, {
    timeout: 0.1,
  });
  t.after(() => endpoint.close());
  return endpoint;
}

const BROKEN: Readonly<Record<string, Lookup>> = {
  'rejects with an error': () => Promise.reject(new Error('The database is away.')),
  'rejects with nothing': () => Promise.reject(),
  'throws at once': () => {
    throw new Error('The database is away.');
  },
  'never answers': never,
  'rejects after its time': () => sleep(200).then(() => Promise.reject(new Error('late'))),
  'answers after its time': () => sleep(200, client),
  'answers with true': () => true,
  'answers with a text': () => 'client',
  'answers with a number': async () => 42,
  'answers with an empty object': () => ({}),
  'answers with a list of clients': async () => [client],
  'answers with a client whose id is a number': async () => ({ ...client, clientId: 42 }),
  'answers with secrets that are no list': () => ({ ...client, secrets: 'secret' }),
  'answers with an object whose members throw': () =>
    Object.defineProperty({ secrets: [] }, 'clientId', {
      get() {
        throw new Error('The row is detached.');
      },
    }),
  'answers with a thenable that throws': () => ({
    // biome-ignore lint/suspicious/noThenProperty: the test is about such objects
    then() {
      throw new Error('The query is broken.');
    },
  }),
  'answers with a thenable that never answers': () => ({
    // biome-ignore lint/suspicious/noThenProperty: the test is about such objects
    then: () => undefined,
  }),
};

for (const [fault, lookup] of Object.entries(BROKEN)) {
  test(`a lookup that ${fault} fails closed with 503 (RFC 6749 §4.1.2.1)`, async (t) => {
    const { status, error, event } = await answerTo(t, lookup);
    assert.deepEqual([status, error], [503, 'temporarily_unavailable']);
    assert.equal(event?.reason, 'client_lookup_failed');
    assert.ok('cause' in event || fault === 'rejects with nothing');
  });
}

const UNKNOWN: Readonly<Record<string, Lookup>> = {
  undefined: () => undefined,
  'null at once': () => null,
  null: async () => null,
  'a promise of undefined, lazily': () => lazily(undefined),
  'another client': () => ({ ...client, clientId: 'CLIENT' }),
};

for (const [answer, lookup] of Object.entries(UNKNOWN)) {
  test(`a lookup that returns ${answer} has found no client`, async (t) => {
    const { status, error, event } = await answerTo(t, lookup);
    assert.deepEqual([status, error], [401, 'invalid_client']);
    assert.equal(event?.reason, 'unknown_client');
  });
}

const PROMISES: Readonly<Record<string, Lookup>> = {
  'that is not a native one': () => lazily(client),
  'that can be called as well': () => Object.assign(() => undefined, lazily(client)),
};

for (const [what, lookup] of Object.entries(PROMISES)) {
  test(`a lookup may return a promise ${what}, as query builders do`, async (t) => {
    const { status } = await answerTo(t, lookup);
    assert.equal(status, 200);
  });
}

const USELESS_SECRETS: readonly unknown[] = [
  42,
  'secret',
  {},
  { type: 'JsonWebKey' },
  { type: 'Password', value: 'secret' },
  { type: 'JsonWebKey', value: 42 },
  { type: 'JsonWebKey', value: { kty: 'EC' }, expiration: 'soon' },
  { type: 'PublicKeyPem', value: Symbol('pem') },
];

for (const secrets of [undefined, null, []]) {
  test(`a client with ${JSON.stringify(secrets)} as its secrets uses another method, and is not an error`, async (t) => {
    const { status, error, event } = await answerTo(t, () => ({ clientId: 'client', secrets }));
    assert.deepEqual([status, error], [401, 'invalid_client']);
    assert.equal(event?.reason, 'no_matching_key');
    assert.equal(event?.expected, 'the client has no key that can be used');
  });
}

test('unusable secrets are skipped, and the other secrets work', async (t) => {
  for (const garbage of USELESS_SECRETS) {
    const broken = await answerTo(t, () => ({ ...client, secrets: [garbage] }));
    assert.deepEqual([broken.status, broken.error], [401, 'invalid_client'], String(garbage));
    assert.equal(broken.event?.reason, 'secret_refused');
    const { status } = await answerTo(t, () => ({
      ...client,
      secrets: [garbage, ...client.secrets],
    }));
    assert.equal(status, 200);
  }
});

test('once the lookup recovers, clients authenticate again: no failure is remembered', async (t) => {
  let isAway = true;
  const endpoint = await startEndpoint(t, async () => {
    if (isAway) throw new Error('The database is away.');
    return client;
  });
  const form = assertionForm(await signAssertion());
  assert.equal((await endpoint.post(form)).status, 503);
  isAway = false;
  assert.equal((await endpoint.post(form)).status, 200);
  assert.equal((await endpoint.post(form)).status, 401);
});
