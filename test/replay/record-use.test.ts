import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CLIENT_ASSERTION_TYPE,
  ClientAssertionValidator,
  type ClientAuthenticationError,
  MemoryReplayStore,
} from '../../lib/index.js';
import { recordUse, replayKey } from '../../lib/replay/record-use.js';
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

const USE = { issuer: ISSUER, clientId: 'client', jti: 'one' };

test('server, client, jti and platform make the key of a use, but not the final slash of the server', () => {
  const key = replayKey(USE);
  assert.equal(replayKey({ ...USE, issuer: `${ISSUER}/` }), key);
  const others = [
    { issuer: `${ISSUER}//` },
    { issuer: `${ISSUER}x` },
    { issuer: `/${ISSUER}` },
    { clientId: 'clien', jti: 'tone' },
    { jti: 'two' },
    { platform: '' },
    { platform: 'https://platform.example' },
    { platform: 'https://other.example' },
  ];
  const keys = others.map((other) => replayKey({ ...USE, ...other }));
  assert.equal(new Set([key, ...keys]).size, others.length + 1);
});

test('the store is given the server without its final slash, and the end of the assertion', async () => {
  const { now, restore } = fakeClock();
  const asked: unknown[] = [];
  const replay = {
    insert(use: unknown) {
      asked.push(use);
      return true;
    },
  };
  const expiresAt = now() + 0.5;
  const settings = { replay, replayTimeout: 5 };
  assert.equal(await recordUse({ ...USE, issuer: `${ISSUER}/`, expiresAt }, settings), undefined);
  assert.deepEqual(asked, [{ key: replayKey(USE), issuer: ISSUER, clientId: 'client', expiresAt }]);
  assert.deepEqual(await recordUse({ ...USE, expiresAt: now() }, settings), { reason: 'expired' });
  assert.equal(asked.length, 1);
  restore();
});

for (const [what, answer, message] of [
  ['answers with a number', () => 1, 'The replay store must answer true or false.'],
  ['answers with nothing', () => undefined, 'The replay store must answer true or false.'],
  ['answers with 1 later', async () => 1, 'The replay store must answer true or false.'],
  [
    'never answers',
    () => new Promise(() => undefined),
    /^The replay store took longer than 0\.01 s/,
  ],
] as const) {
  test(`a store that ${what} has failed`, async () => {
    const replay = { insert: answer as unknown as () => boolean };
    const use = { ...USE, expiresAt: Date.now() / 1000 + 60 };
    const failure = await recordUse(use, { replay, replayTimeout: 0.01 });
    assert.equal(failure?.reason, 'replay_store_failed');
    await assert.rejects(Promise.reject(failure?.cause), { message });
  });
}
