import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CLIENT_ASSERTION_TYPE,
  ClientAssertionValidator,
  type ClientAuthenticationError,
  MemoryReplayStore,
} from '../../lib/index.js';
import { ISSUER, signAssertion } from '../support/assertion.js';
import { fakeClock } from '../support/fake-clock.js';
import { keyPair } from '../support/keys.js';

const client = {
  clientId: 'client',
  secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk } as const],
};

const requestOf = (client_assertion: string) => ({
  issuer: ISSUER,
  parameters: { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE },
});

const reasonOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'success',
    (error: ClientAuthenticationError) => error.reason,
  );

test('a copy that expires during the client lookup is refused, because the store has dropped its entry', async () => {
  const { now, advance } = fakeClock();
  let lookupTime = 0;
  const validator = new ClientAssertionValidator({ clockTolerance: 0 }, async () => {
    advance(lookupTime);
    return client;
  });
  const assertion = await signAssertion('client', {
    claims: { iat: now(), exp: now() + 60 },
  });
  const validate = () => reasonOf(validator.validate(requestOf(assertion)));

  assert.equal(await validate(), 'success');
  advance(59);
  lookupTime = 10;
  assert.equal(await validate(), 'expired');
});

test('a client that has used up its share gets 503, and the event has the reason', async () => {
  const replay = new MemoryReplayStore({ maxEntries: 2 });
  const reasons: (string | undefined)[] = [];
  const validator = new ClientAssertionValidator(
    { replay, onAuthentication: ({ reason }) => reasons.push(reason) },
    (clientId) => ({ ...client, clientId }),
  );
  const validate = async (clientId: string) => {
    const validation = validator.validate(requestOf(await signAssertion(clientId)));
    return validation.then(
      () => 200,
      (error: ClientAuthenticationError) => [error.status, error.error],
    );
  };

  const unavailable = [503, 'temporarily_unavailable'];
  assert.equal(await validate('client'), 200);
  assert.deepEqual(await validate('client'), unavailable);
  assert.equal(await validate('another'), 200);
  assert.deepEqual(await validate('third'), unavailable);
  assert.deepEqual(reasons, [
    undefined,
    'replay_client_share_full',
    undefined,
    'replay_store_full',
  ]);
});
