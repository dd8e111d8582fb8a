import assert from 'node:assert/strict';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { AUTHENTICATION_CHANNEL } from '../lib/index.js';
import { assertionForm, signAssertion } from './support/assertion.js';
import { CLIENT } from './support/attacks.js';
import { newKeyPair } from './support/keys.js';
import { tokenEndpoint } from './support/token-endpoint.js';

test('each authentication is one event, and no key, secret or assertion is in any', async (t) => {
  const seen: unknown[] = [];
  const listen = (message: unknown) => seen.push(structuredClone(message));
  const traced = {
    start: listen,
    end: listen,
    asyncStart: listen,
    asyncEnd: listen,
    error: listen,
  };
  const tracing = tracingChannel('passport-private-key-jwt:authenticate');
  const published: unknown[] = [];
  const publish = (message: unknown) => published.push(message);
  subscribe(AUTHENTICATION_CHANNEL, publish);
  tracing.subscribe(traced);
  const endpoint = await tokenEndpoint([CLIENT]);
  t.after(() => {
    unsubscribe(AUTHENTICATION_CHANNEL, publish);
    tracing.unsubscribe(traced);
    return endpoint.close();
  });

  const assertions = [
    await signAssertion(),
    await signAssertion('nobody'),
    await signAssertion('client', { pair: newKeyPair('ES256') }),
    await signAssertion('client', { claims: { exp: 1 } }),
  ];
  const bodies: string[] = [];
  for (const assertion of [...assertions, ...assertions.slice(0, 1)]) {
    bodies.push(await (await endpoint.post(assertionForm(assertion))).text());
  }
  assert.deepEqual(
    endpoint.events.map(({ reason }) => reason),
    [undefined, 'unknown_client', 'signature_invalid', 'expired', 'replayed'],
  );
  assert.deepEqual(published, endpoint.events);
  assert.ok(seen.length >= 10, 'tracing tools see the start and the end');

  const output = inspect([seen, endpoint.events, bodies], { depth: null, maxStringLength: null });
  const [{ value } = { value: {} }] = CLIENT.secrets;
  const { x, y } = value as { x: string; y: string };
  for (const secret of [x, y, ...assertions.flatMap((jwt) => [jwt, jwt.split('.')[2] ?? jwt])]) {
    assert.ok(!output.includes(secret), secret);
  }
});

test('a listener that throws does not disturb the authentication', async (t) => {
  const endpoint = await tokenEndpoint([CLIENT], {
    onAuthentication: () => {
      throw new Error('The log is full.');
    },
  });
  t.after(() => endpoint.close());
  assert.equal((await endpoint.post(assertionForm(await signAssertion()))).status, 200);
});
