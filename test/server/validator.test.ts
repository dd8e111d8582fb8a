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

test('a server needs no other name than its issuer', async () => {
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
      message: 'findClient must be a function that returns the client for a client_id',
    });
  });
}

test("a lookup may call done(error, client), Passport's convention", async () => {
  const lookup = (_clientId: string, _context: unknown, done: (...args: unknown[]) => void) => {
    setImmediate(() => done(null, CLIENT));
  };
  const validator = new ClientAssertionValidator({}, lookup as unknown as () => undefined);
  const { client } = await validator.validate(requestWith(await signAssertion()));
  assert.equal(client, CLIENT);
});

test('the time is read when it is used, so that fake timers count', async () => {
  const { now, advance, restore } = fakeClock();
  const validator = validatorOf([CLIENT]);
  const assertion = await signAssertion('client', { claims: { iat: now(), exp: now() + 60 } });
  assert.equal(await outcome(validator, assertion), undefined);
  assert.equal(await outcome(validator, assertion), 'replayed');
  advance(119);
  assert.equal(await outcome(validator, assertion), 'replayed');
  restore();
});

/** The forms in which the parameters of a request may come. */
const FORMS: Readonly<Record<string, (fields: Record<string, string>) => object>> = {
  'an object': (fields) => fields,
  'an object without a prototype': (fields) => Object.assign(Object.create(null), fields),
  URLSearchParams: (fields) => new URLSearchParams(fields),
  FormData: (fields) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    return form;
  },
};

for (const [name, formOf] of Object.entries(FORMS)) {
  test(`the parameters may be ${name}`, async () => {
    const { parameters, ...server } = requestWith(await signAssertion());
    const { client } = await validatorOf([CLIENT]).validate({
      ...server,
      parameters: formOf(parameters),
    });
    assert.equal(client, CLIENT);
  });
}

test('a parameter that comes twice in URLSearchParams is refused (RFC 6749 §3.2)', async () => {
  const { parameters, ...server } = requestWith(await signAssertion());
  const form = new URLSearchParams(parameters);
  form.append('client_assertion', 'x');
  const result = validatorOf([CLIENT]).validate({ ...server, parameters: form });
  await assert.rejects(result, { reason: 'parameter_repeated', status: 400 });
});

for (const parameters of [undefined, null]) {
  test(`parameters ${parameters} count as an empty form`, async () => {
    const result = validatorOf([CLIENT]).validate({
      issuer: ISSUER,
      parameters: parameters as undefined,
    });
    await assert.rejects(result, { reason: 'client_assertion_absent' });
  });
}

for (const parameters of [new Map(), [], 'client_assertion=x', 5, new Uint8Array(3)]) {
  test(`parameters that are ${Object.prototype.toString.call(parameters)} are a TypeError`, async () => {
    const result = validatorOf([CLIENT]).validate({
      issuer: ISSUER,
      parameters: parameters as object,
    });
    await assert.rejects(result, {
      name: 'TypeError',
      message: /^parameters must be the parsed form/,
    });
  });
}

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
