import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  MemoryReplayStore,
  type PrivateKeyJwtStrategyOptions,
  type Reason,
} from '../../../lib/index.js';
import { signAssertion } from '../../support/assertion.js';
import { clientWith, jwkSecret } from '../../support/attacks.js';
import { fakeClock } from '../../support/fake-clock.js';
import { keyPair } from '../../support/keys.js';
import { outcome, validatorOf } from '../../support/validator.js';

/** Claims of time, in seconds from the server's now. */
interface Times {
  readonly exp: number;
  readonly iat?: number;
  readonly nbf?: number;
}

interface Edge {
  readonly rule: string;
  readonly accepted: Times;
  readonly refused: Times;
  readonly reason: Reason;
  readonly options?: Partial<PrivateKeyJwtStrategyOptions>;
  readonly clientId?: string;
}

const SHORT = { clockTolerance: 0, maxLifetime: 60 } as const;

const EDGES: readonly Edge[] = [
  {
    rule: 'exp is past by less than the tolerance of 60 s',
    accepted: { exp: -59 },
    refused: { exp: -60 },
    reason: 'expired',
  },
  {
    rule: 'exp is in the future, without a tolerance (RFC 7519 §4.1.4)',
    accepted: { exp: 1 },
    refused: { exp: 0 },
    reason: 'expired',
    options: SHORT,
  },
  {
    rule: 'exp may be a fraction of a second (RFC 7519 §2)',
    accepted: { exp: 0.001 },
    refused: { exp: -0.001 },
    reason: 'expired',
    options: SHORT,
  },
  {
    rule: 'exp is past by less than a tolerance of 5 s',
    accepted: { exp: -4 },
    refused: { exp: -5 },
    reason: 'expired',
    options: { clockTolerance: 5 },
  },
  {
    rule: 'without iat, exp is at most 10 min away',
    accepted: { exp: 600 },
    refused: { exp: 601 },
    reason: 'lifetime_too_long',
  },
  {
    rule: 'with iat, exp is at most 10 min after it',
    accepted: { exp: 500, iat: -100 },
    refused: { exp: 501, iat: -100 },
    reason: 'lifetime_too_long',
  },
  {
    rule: 'an iat within the tolerance lengthens no lifetime',
    accepted: { exp: 660, iat: 60 },
    refused: { exp: 661, iat: 60 },
    reason: 'lifetime_too_long',
  },
  {
    rule: 'maxLifetime is as it is set',
    accepted: { exp: 60 },
    refused: { exp: 61 },
    reason: 'lifetime_too_long',
    options: SHORT,
  },
  {
    rule: "a client's maxLifetime goes first: an hour",
    accepted: { exp: 3600 },
    refused: { exp: 3601 },
    reason: 'lifetime_too_long',
    clientId: 'an-hour',
  },
  {
    rule: "a client's maxLifetime goes first: half a minute",
    accepted: { exp: 30 },
    refused: { exp: 31 },
    reason: 'lifetime_too_long',
    clientId: 'half-a-minute',
  },
  {
    rule: 'iat is at most the tolerance in the future',
    accepted: { exp: 100, iat: 60 },
    refused: { exp: 100, iat: 61 },
    reason: 'issued_in_the_future',
  },
  {
    rule: 'iat is not in the future, without a tolerance',
    accepted: { exp: 30, iat: 0 },
    refused: { exp: 30, iat: 1 },
    reason: 'issued_in_the_future',
    options: SHORT,
  },
  {
    rule: 'nbf is at most the tolerance in the future (RFC 7519 §4.1.5)',
    accepted: { exp: 100, nbf: 60 },
    refused: { exp: 100, nbf: 61 },
    reason: 'not_yet_valid',
  },
  {
    rule: 'nbf is not in the future, without a tolerance',
    accepted: { exp: 30, nbf: 0 },
    refused: { exp: 30, nbf: 1 },
    reason: 'not_yet_valid',
    options: SHORT,
  },
  {
    rule: 'iat is at most maxLifetime and tolerance old',
    accepted: { exp: -59, iat: -659 },
    refused: { exp: -59, iat: -661 },
    reason: 'issued_too_long_ago',
  },
  {
    rule: 'an iat of exactly that age is not too old, but its lifetime is',
    accepted: { exp: -59, iat: -659 },
    refused: { exp: -59, iat: -660 },
    reason: 'lifetime_too_long',
  },
  {
    rule: "iat is at most the client's maxLifetime and tolerance old",
    accepted: { exp: -59, iat: -89 },
    refused: { exp: -59, iat: -91 },
    reason: 'issued_too_long_ago',
    clientId: 'half-a-minute',
  },
];

const secrets = [jwkSecret(keyPair('ES256'))];
const CLIENTS = [
  clientWith('client', secrets),
  clientWith('an-hour', secrets, { maxLifetime: 3600 }),
  clientWith('half-a-minute', secrets, { maxLifetime: 30 }),
];

for (const { rule, accepted, refused, reason, options, clientId = 'client' } of EDGES) {
  for (const [times, expected] of [
    [accepted, undefined],
    [refused, reason],
  ] as const) {
    test(`${rule}: ${JSON.stringify(times)} is ${expected ?? 'accepted'}`, async () => {
      const { clock, now } = fakeClock();
      const replay = new MemoryReplayStore();
      const validator = validatorOf(CLIENTS, { clock, replay, ...options });
      const claims = { iat: undefined, ...times } as Record<string, number | undefined>;
      const absolute = Object.fromEntries(
        Object.entries(claims).map(([name, offset]) => [
          name,
          offset === undefined ? undefined : now() + offset,
        ]),
      );
      const assertion = await signAssertion(clientId, { claims: absolute });
      assert.equal(await outcome(validator, assertion), expected);
    });
  }
}

test('one assertion lives from nbf less tolerance until exp plus tolerance, and not a second longer', async () => {
  const start = fakeClock();
  const claims = { nbf: start.now() + 100, iat: start.now() + 100, exp: start.now() + 160 };
  const outcomeAt = async (offset: number) => {
    const { clock, advance } = fakeClock();
    advance(offset);
    const validator = validatorOf(CLIENTS, { clock, replay: new MemoryReplayStore() });
    return outcome(validator, await signAssertion('client', { claims }));
  };
  assert.equal(await outcomeAt(39), 'not_yet_valid');
  assert.equal(await outcomeAt(40), undefined);
  assert.equal(await outcomeAt(100), undefined);
  assert.equal(await outcomeAt(219), undefined);
  assert.equal(await outcomeAt(220), 'expired');
});
