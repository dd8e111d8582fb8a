import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { decodeJwt } from 'jose';
import {
  AUTHENTICATION_CHANNEL,
  type AuthenticationEvent,
  assertClientSecrets,
  type Secret,
} from '../../lib/index.js';
import { assertionForm, ISSUER, signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { CLIENT, clientWith, jwkSecret } from '../support/attacks.js';
import { fakeClock } from '../support/fake-clock.js';
import { keyPair } from '../support/keys.js';
import { tokenEndpoint } from '../support/token-endpoint.js';
import { outcome, requestWith, validatorOf } from '../support/validator.js';

/** What the two channels publish while a test runs. */
function listenToChannels(t: TestContext) {
  const published: AuthenticationEvent[] = [];
  const traced: (readonly [string, AuthenticationEvent['outcome'], boolean])[] = [];
  const publish = (message: unknown) => published.push(message as AuthenticationEvent);
  const note = (name: string) => (message: object) => {
    const event = message as AuthenticationEvent;
    traced.push([name, event.outcome, event.duration > 0]);
  };
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  };
  const tracing = tracingChannel('passport-private-key-jwt:authenticate');
  subscribe(AUTHENTICATION_CHANNEL, publish);
  tracing.subscribe(subscribers);
  t.after(() => {
    unsubscribe(AUTHENTICATION_CHANNEL, publish);
    tracing.unsubscribe(subscribers);
  });
  return { published, traced };
}

/** What the logs of both sides have of an assertion: the SHA-256 of its jti. */
const jtiHashOf = (assertion: string): string =>
  createHash('sha256')
    .update(String(decodeJwt(assertion).jti))
    .digest('base64url');

test('the event of a success says who, how, where and for how long', async (t) => {
  const secret = { ...jwkSecret(keyPair('ES256'), { kid: 'one' }), description: 'of the console' };
  const endpoint = await tokenEndpoint([clientWith('client', [secret])]);
  t.after(() => endpoint.close());
  const header = { kid: 'one', typ: 'JWT' };
  const assertion = await signAssertion('client', { header, claims: { aud: TOKEN_ENDPOINT } });
  await endpoint.post(assertionForm(assertion));
  const [event] = endpoint.events;
  assert.ok(event !== undefined && event.duration > 0 && event.duration < 1000);
  assert.deepEqual(
    { ...event, duration: 0 },
    {
      outcome: 'success',
      clientId: 'client',
      method: 'private_key_jwt',
      alg: 'ES256',
      typ: 'JWT',
      keyId: 'one',
      audienceForm: 'token_endpoint',
      jtiHash: jtiHashOf(assertion),
      wouldFail: {
        issuer: ['audience_mismatch'],
        'issuer-string': ['audience_mismatch'],
        fapi2: ['audience_mismatch'],
        requireTyp: ['typ_not_allowed'],
      },
      secret: 'JsonWebKey, "of the console"',
      warnings: [],
      issuer: ISSUER,
      endpoint: TOKEN_ENDPOINT,
      duration: 0,
    },
  );
});

test('the event of a failure says why, with expected and actual', async () => {
  const events: AuthenticationEvent[] = [];
  const onAuthentication = (event: AuthenticationEvent) => events.push(event);
  const validator = validatorOf([CLIENT], { onAuthentication });
  const header = { 'x5t#S256': 'a', x5t: 'b' };
  const assertion = await signAssertion('client', { header, claims: { aud: 'x' } });
  await outcome(validator, assertion);
  const [event] = events;
  assert.deepEqual(
    { ...event, duration: 0 },
    {
      outcome: 'failure',
      reason: 'audience_mismatch',
      expected: [ISSUER, TOKEN_ENDPOINT],
      actual: 'x',
      clientId: 'client',
      alg: 'ES256',
      typ: undefined,
      keyId: 'a',
      jtiHash: jtiHashOf(assertion),
      warnings: [],
      issuer: ISSUER,
      endpoint: undefined,
      duration: 0,
    },
  );
  const byX5t = { header: { x5t: 'b' }, claims: { aud: 'x' } };
  await outcome(validator, await signAssertion('client', byX5t));
  assert.equal(events[1]?.keyId, 'b');
});

test('a failure without values has no members for them, and a key without kid no other keyId', async () => {
  const events: AuthenticationEvent[] = [];
  const onAuthentication = (event: AuthenticationEvent) => events.push(event);
  const validator = validatorOf([clientWith('client', [jwkSecret(keyPair('ES256'))])], {
    onAuthentication,
  });
  assert.equal(await outcome(validator, ''), 'client_assertion_missing');
  const shown = Object.keys(events[0] ?? {});
  assert.deepEqual(
    shown.filter((name) => ['expected', 'actual', 'cause'].includes(name)),
    [],
  );
  assert.equal(await outcome(validator, await signAssertion()), undefined);
  assert.equal(events[1]?.keyId, undefined);
  const named = await signAssertion('client', { header: { kid: 'of the header' } });
  assert.equal(await outcome(validator, named), undefined);
  assert.equal(events[2]?.keyId, 'of the header');
});

test('without anyone who listens, a secret that is refused disturbs nothing', async () => {
  const weak = jwkSecret(keyPair('ES384'), { alg: 'none' });
  const validator = validatorOf([clientWith('client', [weak, jwkSecret(keyPair('ES256'))])]);
  assert.equal(await outcome(validator, await signAssertion()), undefined);
});

const MONTH = 2_592_000;

for (const [what, left, isWarned] of [
  ['in 30 days', MONTH, false],
  ['in a second less than 30 days', MONTH - 1, true],
  ['soon', 1, true],
] as const) {
  test(`a secret that expires ${what} is ${isWarned ? 'a warning' : 'told, without a warning'}`, async (t) => {
    const { now, restore } = fakeClock();
    t.after(restore);
    const expiration = now() + left;
    const secret = { ...jwkSecret(keyPair('ES256'), { kid: 'one' }), expiration };
    const events: AuthenticationEvent[] = [];
    const validator = validatorOf([clientWith('client', [secret])], {
      onAuthentication: (event) => events.push(event),
    });
    const claims = { iat: now(), exp: now() + 60 };
    assert.equal(await outcome(validator, await signAssertion('client', { claims })), undefined);
    const end = new Date(expiration * 1000);
    assert.deepEqual(events[0]?.secretExpiresAt, end);
    assert.equal(events[0]?.keyId, 'one');
    const message = `The secret expires on ${end.toISOString()}.`;
    assert.deepEqual(
      events[0]?.warnings,
      isWarned ? [{ code: 'secret_expiring', secret: 'JsonWebKey', message }] : [],
    );
  });
}

test('without a listener, the channel alone has the events, and nothing warns', async (t) => {
  const { published } = listenToChannels(t);
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  const validator = validatorOf([CLIENT]);
  assert.equal(await outcome(validator, await signAssertion()), undefined);
  await new Promise(setImmediate);
  assert.deepEqual(
    published.map(({ outcome: came }) => came),
    ['success'],
  );
  assert.deepEqual(
    warnings.filter(({ name }) => name === 'PrivateKeyJwtWarning'),
    [],
  );
});

function fail(): never {
  throw new Error('a bug');
}

for (const [what, client] of [
  ['a secret', clientWith('client', [Object.defineProperty({}, 'type', { get: fail }) as Secret])],
  [
    'a member of the client',
    {
      ...CLIENT,
      get tokenEndpointAuthSigningAlg() {
        return fail();
      },
    },
  ],
] as const) {
  test(`if ${what} fails unexpectedly, the answer is 503, and one event has the cause`, async (t) => {
    const endpoint = await tokenEndpoint(() => client);
    t.after(() => endpoint.close());
    const response = await endpoint.post(assertionForm(await signAssertion()));
    assert.equal(response.status, 503);
    assert.deepEqual(await response.json(), {
      error: 'temporarily_unavailable',
      error_description: 'The server cannot authenticate clients at the moment.',
    });
    assert.equal(endpoint.events.length, 1);
    const { outcome: came, reason, cause, clientId } = endpoint.events[0] ?? {};
    assert.deepEqual(
      [came, reason, String(cause), clientId],
      ['failure', 'internal_error', 'Error: a bug', 'client'],
    );
  });
}

test('texts from outside are shortened and cleaned, and values of other types are left out', async () => {
  const events: AuthenticationEvent[] = [];
  const onAuthentication = (event: AuthenticationEvent) => events.push(event);
  const validator = validatorOf([CLIENT], { onAuthentication });
  const long = `\u001b[31m\n${'x'.repeat(500)}`;
  const header = { kid: long, typ: 5 };
  const claims = { aud: [long, { a: 1 }, ...Array(30).fill('y')] };
  await outcome(validator, await signAssertion(long, { header, claims }));
  const cut = `\ufffd[31m\ufffd${'x'.repeat(194)}… (506 characters)`;
  const [event] = events;
  assert.equal(event?.clientId, cut);
  assert.equal(event?.keyId, cut);
  assert.equal(event?.typ, undefined);
  assert.equal(event?.reason, 'typ_not_allowed');
  await outcome(validator, await signAssertion('client', { claims }));
  const actual = [cut, '[object]', ...Array(18).fill('y'), '… (32 values)'];
  assert.deepEqual(events[1]?.actual, actual);
});

test('warnings and errors about keys contain no control characters and no reordering characters', async () => {
  const steering = 'a\u009b31m\u202e\u2028b';
  const secrets = [
    jwkSecret(keyPair('ES256'), { kid: 'known' }),
    jwkSecret(keyPair('ES384'), { alg: steering }),
  ];
  const events: AuthenticationEvent[] = [];
  const validator = validatorOf([clientWith('client', secrets)], {
    onAuthentication: (event) => events.push(event),
  });
  await outcome(validator, await signAssertion('client', { header: { kid: steering } }));
  const told = (events[0]?.warnings ?? []).map(({ code, message }) => [code, message] as const);
  assert.deepEqual(
    told.map(([code]) => code),
    ['secret_refused', 'kid_mismatch'],
  );
  const shown = '"a\ufffd31m\ufffd\ufffdb"';
  for (const [code, message] of told) assert.ok(message.includes(shown), `${code}: ${message}`);
  assert.throws(
    () => assertClientSecrets(clientWith(steering, secrets)),
    ({ message }: Error) => message.startsWith(`Client ${shown}, `),
  );
});

test('callback and channel get the same events, one for each authentication', async (t) => {
  const { published } = listenToChannels(t);
  const endpoint = await tokenEndpoint([CLIENT]);
  t.after(() => endpoint.close());
  const form = assertionForm(await signAssertion());
  await endpoint.post(form);
  await endpoint.post(form);
  await endpoint.post(new URLSearchParams({ client_assertion: 'x' }));
  await endpoint.post(new URLSearchParams({ grant_type: 'x' }));
  assert.deepEqual(
    published.map(({ reason }) => reason),
    [undefined, 'replayed', 'client_assertion_type_missing'],
  );
  assert.equal(endpoint.events.length, 3);
  endpoint.events.forEach((event, index) => {
    assert.equal(event, published[index]);
  });
});

test('tracing tools see each authentication start and end, with its event at the end', async (t) => {
  const { traced } = listenToChannels(t);
  const validator = validatorOf([CLIENT]);
  await outcome(validator, await signAssertion());
  assert.deepEqual(traced, [
    ['start', 'failure', false],
    ['end', 'failure', false],
    ['asyncStart', 'success', true],
    ['asyncEnd', 'success', true],
  ]);
  traced.length = 0;
  assert.equal(await outcome(validator, 'x'), 'assertion_malformed');
  assert.deepEqual(traced.at(-1), ['asyncEnd', 'failure', true]);
});

test('the tracing channel never shows the client', async (t) => {
  const shown: object[] = [];
  const tracing = tracingChannel('passport-private-key-jwt:authenticate');
  const note = (message: object) => shown.push({ ...message });
  const subscribers = { start: note, end: note, asyncStart: note, asyncEnd: note, error: note };
  tracing.subscribe(subscribers);
  t.after(() => tracing.unsubscribe(subscribers));
  const { client } = await validatorOf([CLIENT]).validate(requestWith(await signAssertion()));
  assert.equal(client, CLIENT);
  assert.equal(shown.length, 4);
  assert.ok(shown.every((message) => Object.values(message).every((value) => value !== client)));
  assert.ok(shown.every((message) => (message as AuthenticationEvent).warnings.length === 0));
  assert.equal(AUTHENTICATION_CHANNEL, 'passport-private-key-jwt:authentication');
});

test('if a tracing tool prevents the authentication, no client is accepted', async (t) => {
  const { start } = tracingChannel('passport-private-key-jwt:authenticate');
  const store = new AsyncLocalStorage();
  const none = () => undefined;
  t.mock.method(store, 'run', () => {
    throw new Error('The tool does not work.');
  });
  start.subscribe(none);
  start.bindStore(store);
  t.after(() => {
    start.unbindStore(store);
    start.unsubscribe(none);
  });
  const validation = validatorOf([CLIENT]).validate(requestWith(await signAssertion()));
  await assert.rejects(validation, { message: 'The tool does not work.' });
});

test('a subscriber that changes an event does not change the client', async (t) => {
  const empty = (message: unknown) => {
    const { wouldFail } = message as { wouldFail?: Record<string, unknown[]> };
    for (const reasons of Object.values(wouldFail ?? {})) reasons.splice(0);
  };
  subscribe(AUTHENTICATION_CHANNEL, empty);
  t.after(() => unsubscribe(AUTHENTICATION_CHANNEL, empty));
  const validator = validatorOf([CLIENT]);
  const { authentication } = await validator.validate(requestWith(await signAssertion()));
  assert.deepEqual(authentication.wouldFail.requireTyp, ['typ_not_allowed']);
});

test('a tracing tool that breaks its context causes a warning, and disturbs nothing', async (t) => {
  const freeze = (message: object) => {
    for (const value of Object.values(message)) Object.freeze(value);
    Object.freeze(message);
  };
  const none = () => undefined;
  const tracing = tracingChannel('passport-private-key-jwt:authenticate');
  const subscribers = { start: freeze, end: none, asyncStart: none, asyncEnd: none, error: none };
  tracing.subscribe(subscribers);
  t.after(() => tracing.unsubscribe(subscribers));
  const events: AuthenticationEvent[] = [];
  const weak = jwkSecret(keyPair('ES384'), { alg: 'none' });
  const validator = validatorOf([clientWith('client', [weak, jwkSecret(keyPair('ES256'))])], {
    onAuthentication: (event) => events.push(event),
  });
  const assertion = await signAssertion();
  for (const reason of [undefined, 'replayed']) {
    const warned = once(process, 'warning');
    assert.equal(await outcome(validator, assertion), reason);
    const [{ name, message }] = (await warned) as [Error];
    assert.deepEqual([name, /^Tracing failed: /.test(message)], ['PrivateKeyJwtWarning', true]);
  }
  assert.deepEqual(
    events.map(({ outcome, warnings }) => [outcome, warnings.length]),
    [
      ['success', 1],
      ['failure', 1],
    ],
  );
});

const FAILING_LISTENERS: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('The log is full.');
  },
  rejects: () => Promise.reject(new Error('The log is full.')),
  "rejects with another library's promise": () => ({
    // biome-ignore lint/suspicious/noThenProperty: such promises are objects with this method
    then: (_resolve: unknown, reject: (error: Error) => void) =>
      reject(new Error('The log is full.')),
  }),
  'throws two lines': () => {
    throw new Error('The log\nis full.');
  },
  'throws an error without a text': () => {
    throw withoutText();
  },
  'rejects with an error without a text': () => Promise.reject(withoutText()),
  'rejects with a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable(new Error(), {});
    revoke();
    return Promise.reject(proxy);
  },
};

function withoutText(): Error {
  const error = new Error('The log is full.');
  return Object.defineProperty(error, 'message', {
    get() {
      throw new Error('There is no text.');
    },
  });
}

const TOLD: Readonly<Record<string, string>> = {
  throws: 'Error: The log is full.',
  rejects: 'Error: The log is full.',
  "rejects with another library's promise": 'Error: The log is full.',
  'throws two lines': 'Error: The log\ufffdis full.',
};

for (const [how, onAuthentication] of Object.entries(FAILING_LISTENERS)) {
  test(`a listener that ${how} becomes a warning and disturbs nothing`, async (t) => {
    const warnings: Error[] = [];
    const rejections: unknown[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    const reject = (error: unknown) => rejections.push(error);
    process.on('warning', warn);
    process.on('unhandledRejection', reject);
    t.after(() => {
      process.off('warning', warn);
      process.off('unhandledRejection', reject);
    });
    const endpoint = await tokenEndpoint([CLIENT], { onAuthentication });
    t.after(() => endpoint.close());
    const form = assertionForm(await signAssertion());
    assert.equal((await endpoint.post(form)).status, 200);
    assert.equal((await endpoint.post(form)).status, 401);
    await new Promise((resolve) => setImmediate(resolve));
    const shown = warnings.filter(({ name }) => name === 'PrivateKeyJwtWarning');
    assert.deepEqual(
      shown.map(({ message }) => message),
      Array(2).fill(`onAuthentication failed: ${TOLD[how] ?? 'something that has no text'}`),
    );
    assert.deepEqual(rejections, []);
  });
}
