import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ClientAssertionValidator,
  clientMetadataDocuments,
  MemoryReplayStore,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
  RemoteJwkSets,
  validateRequestObject,
} from '../lib/index.js';
import { type RedisClient, redisReplay } from '../lib/replay/redis.js';
import { ISSUER } from './support/assertion.js';
import { CLIENT } from './support/attacks.js';

// TypeScript refuses these where they are written as literals; nobody does in JavaScript.

const strategy = (options: object) =>
  new PrivateKeyJwtStrategy({ issuer: ISSUER, ...options }, () => undefined);
const request = { request: 'x', client: CLIENT, issuer: ISSUER };

/** What takes options, with those that there are not, and what is said of them. */
const REFUSED: readonly (readonly [make: () => unknown, sentence: string])[] = [
  [
    () => strategy({ audiance: 'strict' }),
    'PrivateKeyJwtStrategy has no option audiance: use audience',
  ],
  [
    () => strategy({ token_endpoint: `${ISSUER}/token` }),
    'PrivateKeyJwtStrategy has no option token_endpoint: use tokenEndpoint',
  ],
  [
    () => new ClientAssertionValidator({ issuer: ISSUER } as object, () => undefined),
    'ClientAssertionValidator has no option issuer: give it to validate',
  ],
  [() => strategy({ jwksUri: { maxAges: 60 } }), 'jwksUri has no option maxAges: use maxAge'],
  [
    () => new RemoteJwkSets({ allowedNetwork: [] } as object),
    'jwksUri has no option allowedNetwork: use allowedNetworks',
  ],
  [
    () => clientMetadataDocuments({ allowhost: () => true } as object),
    'clientMetadataDocuments has no option allowhost: use allowHost',
  ],
  [
    () => new MemoryReplayStore({ max: 5 } as object),
    'MemoryReplayStore has no option max: there are maxEntries, clock',
  ],
  [
    () => redisReplay({} as RedisClient, { keyPrefix: 'a' } as object),
    'redisReplay has no option keyPrefix: use prefix',
  ],
];

for (const [make, sentence] of REFUSED) {
  test(`an option that would be ignored is refused: ${sentence}`, () => {
    assert.throws(make, { name: 'TypeError', message: sentence });
  });
}

test('an option that would be ignored is refused by validateRequestObject too', async () => {
  await assert.rejects(validateRequestObject({ ...request, stric: true } as typeof request), {
    name: 'TypeError',
    message: 'validateRequestObject has no option stric: use strict',
  });
});

test('options that are undefined count as not given', () => {
  const options = { audience: undefined, replay: undefined, jwksUri: undefined, clock: undefined };
  assert.ok(strategy(options) instanceof PrivateKeyJwtStrategy);
});

test('without options the strategy says what is missing', () => {
  const without = () =>
    new PrivateKeyJwtStrategy(
      undefined as unknown as PrivateKeyJwtStrategyOptions,
      () => undefined,
    );
  assert.throws(without, /^TypeError: issuer must be an absolute URL/);
});
