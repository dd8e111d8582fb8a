import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryReplayStore } from '../../lib/index.js';
import { signAssertion } from '../support/assertion.js';
import { CLIENT } from '../support/attacks.js';
import { requestWith, validatorOf } from '../support/validator.js';

// One validator, and so one replay store, serves two issuers that know a client of the same id.

const ISSUERS = ['https://a.example', 'https://b.example'] as const;

function both(maxEntries = 1000) {
  const validator = validatorOf([CLIENT], { replay: new MemoryReplayStore({ maxEntries }) });
  return async (issuer: string, jti: string) => {
    const assertion = await signAssertion('client', { claims: { aud: issuer, jti } });
    const { parameters } = requestWith(assertion);
    return validator.validate({ issuer, parameters }).then(
      () => undefined,
      ({ reason }) => reason,
    );
  };
}

test('the same client_id and jti work once at each of two issuers', async () => {
  const use = both();
  for (const issuer of ISSUERS) assert.equal(await use(issuer, 'one'), undefined, issuer);
  for (const issuer of ISSUERS) assert.equal(await use(issuer, 'one'), 'replayed', issuer);
  assert.equal(await use(`${ISSUERS[0]}`, 'two'), undefined);
});

test('an assertion for one issuer is refused by the other', async () => {
  const validator = validatorOf([CLIENT]);
  const { parameters } = requestWith(
    await signAssertion('client', { claims: { aud: ISSUERS[0] } }),
  );
  const validated = validator.validate({ issuer: ISSUERS[1], parameters });
  await assert.rejects(validated, { reason: 'audience_mismatch' });
});

test('a flood at one issuer does not fill the share of the same client at the other issuer', async () => {
  const use = both(20);
  const reasons: unknown[] = [];
  for (let i = 0; i < 30; i += 1) reasons.push(await use(ISSUERS[0], `flood ${i}`));
  assert.ok(
    reasons.some((reason) => reason !== undefined),
    'the share is full',
  );
  assert.equal(await use(ISSUERS[1], 'honest'), undefined);
});
