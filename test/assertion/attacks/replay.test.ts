import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryReplayStore, type ReplayStore } from '../../../lib/index.js';
import { assertionForm, signAssertion, validClaims } from '../../support/assertion.js';
import { CLIENT, clientWith, jwkSecret } from '../../support/attacks.js';
import { fakeClock } from '../../support/fake-clock.js';
import { keyPair, newKeyPair } from '../../support/keys.js';
import { oauthAnswer } from '../../support/oauth-answer.js';
import { rawAssertion } from '../../support/raw-jws.js';
import { tokenEndpoint } from '../../support/token-endpoint.js';
import { outcome, validatorOf } from '../../support/validator.js';

const CLIENTS = [
  CLIENT,
  clientWith('clien', [jwkSecret(keyPair('ES256'))]),
  clientWith('another', [jwkSecret(keyPair('ES256'))]),
];

test('an assertion is accepted once (RFC 7523 §3, item 7)', async (t) => {
  const endpoint = await tokenEndpoint(CLIENTS);
  t.after(() => endpoint.close());
  const form = assertionForm(await signAssertion());
  assert.equal((await endpoint.post(form)).status, 200);
  for (const _ of [1, 2, 3]) {
    const { status, error } = await oauthAnswer(await endpoint.post(form));
    assert.equal(status, 401);
    assert.equal(error, 'invalid_client');
  }
  const reasons = endpoint.events.map(({ reason }) => reason);
  assert.deepEqual(reasons, [undefined, 'replayed', 'replayed', 'replayed']);
});

test('of 50 simultaneous copies exactly one is accepted', async (t) => {
  const endpoint = await tokenEndpoint(CLIENTS);
  t.after(() => endpoint.close());
  const form = assertionForm(await signAssertion()).toString();
  const copies = Array.from({ length: 50 }, () => endpoint.post(form));
  const statuses = (await Promise.all(copies)).map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 1);
  assert.equal(statuses.filter((status) => status === 401).length, 49);
  assert.equal(endpoint.events.filter(({ reason }) => reason === 'replayed').length, 49);
});

test('of 50 simultaneous copies exactly one is accepted, with an asynchronous store too', async () => {
  const memory = new MemoryReplayStore();
  const replay: ReplayStore = {
    insert: async (entry) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      return memory.insert(entry);
    },
  };
  const validator = validatorOf(CLIENTS, { replay });
  const assertion = await signAssertion();
  const copies = Array.from({ length: 50 }, () => outcome(validator, assertion));
  const reasons = await Promise.all(copies);
  assert.equal(reasons.filter((reason) => reason === undefined).length, 1);
  assert.equal(reasons.filter((reason) => reason === 'replayed').length, 49);
});

test('two clients may use the same jti', async () => {
  const validator = validatorOf(CLIENTS);
  const claims = { jti: 'one' };
  assert.equal(await outcome(validator, await signAssertion('client', { claims })), undefined);
  assert.equal(await outcome(validator, await signAssertion('another', { claims })), undefined);
  assert.equal(await outcome(validator, await signAssertion('client', { claims })), 'replayed');
});

test('characters moved from client_id to jti make another replay key', async () => {
  const validator = validatorOf(CLIENTS);
  const shifted = await signAssertion('clien', { claims: { jti: 't1' } });
  const claims = { jti: '1' };
  assert.equal(await outcome(validator, shifted), undefined);
  assert.equal(await outcome(validator, await signAssertion('client', { claims })), undefined);
});

const ORDER_OF_P256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The other ECDSA signature of the same text: (r, n - s). */
function malleated(assertion: string): string {
  const [header, payload, signature = ''] = assertion.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const s = ORDER_OF_P256 - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const other = Buffer.from(s.toString(16).padStart(64, '0'), 'hex');
  const both = Buffer.concat([bytes.subarray(0, 32), other]);
  return `${header}.${payload}.${both.toString('base64url')}`;
}

const SAME_JTI: Readonly<Record<string, (claims: Record<string, unknown>) => string>> = {
  'signed again': (claims) => rawAssertion(undefined, claims),
  'with other claims': (claims) => rawAssertion(undefined, { ...claims, note: 'x' }),
  'with another exp': (claims) =>
    rawAssertion(undefined, { ...claims, exp: Number(claims['exp']) + 60 }),
  'with another audience': (claims) =>
    rawAssertion(undefined, { ...claims, aud: 'https://as.example/token' }),
  'with another header': (claims) => rawAssertion({ alg: 'ES256', typ: 'JWT' }, claims),
  'with jti in JSON escapes': (claims) =>
    rawAssertion(undefined, JSON.stringify(claims).replace('"jti"', '"\\u006ati"')),
};

for (const [name, again] of Object.entries(SAME_JTI)) {
  test(`a jti is used up for its client, also ${name}`, async () => {
    const validator = validatorOf(CLIENTS);
    const claims = validClaims();
    assert.equal(await outcome(validator, rawAssertion(undefined, claims)), undefined);
    assert.equal(await outcome(validator, again(claims)), 'replayed');
  });
}

test('the other signature that ECDSA allows is a replay (r, n - s)', async () => {
  const validator = validatorOf(CLIENTS);
  const assertion = await signAssertion();
  assert.equal(await outcome(validatorOf(CLIENTS), malleated(assertion)), undefined);
  assert.equal(await outcome(validator, assertion), undefined);
  assert.equal(await outcome(validator, malleated(assertion)), 'replayed');
});

test('a refused assertion does not use its jti up', async () => {
  const validator = validatorOf(CLIENTS);
  const claims = { ...validClaims(), jti: 'one' };
  const forged = await signAssertion('client', { claims, pair: newKeyPair('ES256') });
  const misdirected = rawAssertion(undefined, { ...claims, aud: 'https://other.example' });
  assert.equal(await outcome(validator, forged), 'signature_invalid');
  assert.equal(await outcome(validator, misdirected), 'audience_mismatch');
  assert.equal(await outcome(validator, rawAssertion(undefined, claims)), undefined);
});

test('a use is remembered until the assertion is refused as expired', async () => {
  const { now, advance } = fakeClock();
  for (const clockTolerance of [0, 0.5, 60]) {
    const store = new MemoryReplayStore();
    const validator = validatorOf(CLIENTS, { replay: store, clockTolerance });
    const claims = { iat: now(), exp: now() + 30.5 };
    const assertion = await signAssertion('client', { claims });
    assert.equal(await outcome(validator, assertion), undefined);
    for (let waited = 0; waited < 35 + clockTolerance; waited += 0.25) {
      advance(0.25);
      const stillValid = now() < 30.5 + clockTolerance + claims.iat;
      assert.equal(await outcome(validator, assertion), stillValid ? 'replayed' : 'expired');
    }
  }
});
