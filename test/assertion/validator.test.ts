import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AuthenticationEvent,
  type ClientAssertionRequest,
  ClientAssertionValidator,
} from '../../lib/index.js';
import { ISSUER, signAssertion } from '../support/assertion.js';
import { CLIENT } from '../support/attacks.js';
import { fakeClock } from '../support/fake-clock.js';
import { outcome, requestWith, validatorOf } from '../support/validator.js';

const NO_NAMES: readonly unknown[] = ['', null, 5, new URL(ISSUER), [ISSUER]];

const NAMELESS: readonly (readonly [keyof ClientAssertionRequest, unknown, string])[] = [
  ...[undefined, ...NO_NAMES].map(
    (value) => ['issuer', value, 'issuer must be the issuer identifier, a URL'] as const,
  ),
  ...NO_NAMES.map((value) => ['tokenEndpoint', value, 'tokenEndpoint must be a URL'] as const),
  ...NO_NAMES.map((value) => ['endpoint', value, 'endpoint must be a URL'] as const),
];

for (const [name, value, message] of NAMELESS) {
  test(`a server whose ${name} is ${JSON.stringify(value)} is refused before the assertion is read`, async () => {
    const events: AuthenticationEvent[] = [];
    const validator = validatorOf([CLIENT], { onAuthentication: (event) => events.push(event) });
    const request = { ...requestWith(await signAssertion()), [name]: value };
    await assert.rejects(validator.validate(request), { name: 'TypeError', message });
    assert.deepEqual(events, []);
  });
}

test('a server needs no name beside its issuer', async () => {
  const { parameters } = requestWith(await signAssertion());
  const { client } = await validatorOf([CLIENT]).validate({
    issuer: ISSUER,
    tokenEndpoint: undefined,
    endpoint: undefined,
    parameters,
  });
  assert.equal(client, CLIENT);
});

for (const findClient of [undefined, null, 'client', new Map([['client', CLIENT]])]) {
  test(`a lookup that is ${findClient} is refused when the validator is made`, () => {
    const lookup = findClient as unknown as () => undefined;
    assert.throws(() => new ClientAssertionValidator({}, lookup), {
      name: 'TypeError',
      message: 'findClient must be a function that returns the client of a client_id',
    });
  });
}

test('a lookup that waits for a callback is refused when the validator is made', () => {
  const lookup = (_clientId: string, _request: unknown, done: (...args: unknown[]) => void) => {
    done(null, CLIENT);
  };
  const make = () => new ClientAssertionValidator({}, lookup as unknown as () => undefined);
  assert.throws(make, /^TypeError: findClient must return the client or a promise of it/);
});

test('the replay store of a validator goes by the clock of the validator', async () => {
  const { clock, now, advance } = fakeClock();
  const validator = validatorOf([CLIENT], { clock });
  const assertion = await signAssertion('client', { claims: { iat: now(), exp: now() + 60 } });
  assert.equal(await outcome(validator, assertion), undefined);
  assert.equal(await outcome(validator, assertion), 'replayed');
  advance(119);
  assert.equal(await outcome(validator, assertion), 'replayed');
});

test('the event has how long the authentication took, in milliseconds', async () => {
  const events: AuthenticationEvent[] = [];
  const validator = validatorOf([CLIENT], { onAuthentication: (event) => events.push(event) });
  for (const assertion of [await signAssertion(), 'a.b.c']) {
    const started = performance.now();
    await validator.validate(requestWith(assertion)).catch(() => undefined);
    const whole = performance.now() - started;
    const duration = events.at(-1)?.duration ?? Number.NaN;
    assert.ok(duration > 0 && duration <= whole, `${duration} ms of ${whole} ms`);
  }
});
