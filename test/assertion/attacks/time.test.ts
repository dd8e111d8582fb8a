import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AuthenticationEvent,
  MemoryReplayStore,
  type PrivateKeyJwtStrategyOptions,
  type Reason,
  type ReplayEntry,
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
    rule: 'without iat and nbf, exp is at most an hour and the tolerance away',
    accepted: { exp: 3660 },
    refused: { exp: 3661 },
    reason: 'lifetime_too_long',
  },
  {
    rule: 'in the stricter modes, exp is at most 10 min and the tolerance away',
    accepted: { exp: 660 },
    refused: { exp: 661 },
    reason: 'lifetime_too_long',
    options: { audience: 'issuer' },
  },
  {
    rule: 'with iat, exp is at most an hour and the tolerance after it',
    accepted: { exp: 3560, iat: -100 },
    refused: { exp: 3561, iat: -100 },
    reason: 'lifetime_too_long',
  },
  {
    rule: 'without iat, the lifetime counts from nbf',
    accepted: { exp: 3560, nbf: -100 },
    refused: { exp: 3561, nbf: -100 },
    reason: 'lifetime_too_long',
  },
  {
    rule: 'with iat, nbf does not matter for the lifetime',
    accepted: { exp: 3560, iat: -100, nbf: -500 },
    refused: { exp: 3561, iat: -100, nbf: 0 },
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
    rule: "a client's maxLifetime overrides the server's: an hour",
    accepted: { exp: 3660 },
    refused: { exp: 3661 },
    reason: 'lifetime_too_long',
    clientId: 'an-hour',
    options: { audience: 'issuer' },
  },
  {
    rule: "a client's maxLifetime overrides the server's: half a minute",
    accepted: { exp: 90 },
    refused: { exp: 91 },
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
    rule: 'times are compared unrounded: iat of now, to the millisecond',
    accepted: { exp: 30, iat: 0 },
    refused: { exp: 30, iat: 0.001 },
    reason: 'issued_in_the_future',
    options: SHORT,
  },
  {
    rule: 'iat is at most maxLifetime and tolerance old',
    accepted: { exp: -59, iat: -3660 },
    refused: { exp: -59, iat: -3661 },
    reason: 'issued_too_long_ago',
  },
  {
    rule: "iat is at most the client's maxLifetime and tolerance old",
    accepted: { exp: -59, iat: -90 },
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
      const { now } = fakeClock();
      const replay = new MemoryReplayStore();
      const validator = validatorOf(CLIENTS, { replay, ...options });
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

test('an assertion is accepted from nbf minus the tolerance until exp plus the tolerance, not a second longer', async () => {
  const { now, set } = fakeClock();
  const start = now();
  const claims = { nbf: start + 100, iat: start + 100, exp: start + 160 };
  const outcomeAt = async (offset: number) => {
    set(start + offset);
    const validator = validatorOf(CLIENTS, { replay: new MemoryReplayStore() });
    return outcome(validator, await signAssertion('client', { claims }));
  };
  assert.equal(await outcomeAt(39), 'not_yet_valid');
  assert.equal(await outcomeAt(40), undefined);
  assert.equal(await outcomeAt(100), undefined);
  assert.equal(await outcomeAt(219), undefined);
  assert.equal(await outcomeAt(220), 'expired');
});

/** Times as JSON strings, as MSAL.NET writes them; offsets in seconds from the server's now. */
interface TimeString {
  readonly name: string;
  readonly times: (now: number) => Record<string, unknown>;
  readonly reason: Reason | undefined;
  readonly strings?: readonly string[];
  readonly typ?: string;
  readonly options?: Partial<PrivateKeyJwtStrategyOptions>;
}

const TIME_STRINGS: readonly TimeString[] = [
  {
    name: 'exp and nbf are strings of digits',
    times: (now) => ({ exp: `${now + 600}`, nbf: `${now}` }),
    reason: undefined,
    strings: ['exp', 'nbf'],
  },
  {
    name: 'iat alone is one',
    times: (now) => ({ exp: now + 60, iat: `${now}` }),
    reason: undefined,
    strings: ['iat'],
  },
  { name: 'exp is past', times: (now) => ({ exp: `${now - 61}` }), reason: 'expired' },
  {
    name: 'nbf is in the future',
    times: (now) => ({ exp: now + 100, nbf: `${now + 61}` }),
    reason: 'not_yet_valid',
  },
  {
    name: 'iat is in the future',
    times: (now) => ({ exp: now + 100, iat: `${now + 61}` }),
    reason: 'issued_in_the_future',
  },
  {
    name: 'iat is too old',
    times: (now) => ({ exp: now + 1, iat: `${now - 3661}` }),
    reason: 'issued_too_long_ago',
  },
  {
    name: 'the lifetime is too long',
    times: (now) => ({ exp: `${now + 3661}`, iat: `${now}` }),
    reason: 'lifetime_too_long',
  },
  { name: 'a sign', times: (now) => ({ exp: `+${now + 60}` }), reason: 'expiration_invalid' },
  { name: 'a fraction', times: (now) => ({ exp: `${now + 60}.5` }), reason: 'expiration_invalid' },
  { name: 'an exponent', times: () => ({ exp: '1e12' }), reason: 'expiration_invalid' },
  { name: 'white space', times: (now) => ({ exp: ` ${now + 60}` }), reason: 'expiration_invalid' },
  {
    name: 'a line break',
    times: (now) => ({ exp: `${now + 60}\n` }),
    reason: 'expiration_invalid',
  },
  { name: 'nothing', times: () => ({ exp: '' }), reason: 'expiration_invalid' },
  { name: 'sixteen digits', times: () => ({ exp: '1'.repeat(16) }), reason: 'expiration_invalid' },
  {
    name: 'digits of another script',
    times: () => ({ exp: '١٧٩٥٦٥٧٩٤٥' }),
    reason: 'expiration_invalid',
  },
  {
    name: 'a date in nbf',
    times: (now) => ({ exp: now + 60, nbf: new Date().toISOString() }),
    reason: 'not_before_invalid',
  },
  {
    name: 'typ says that the assertion conforms to RFC 10070',
    times: (now) => ({ exp: `${now + 60}` }),
    reason: 'expiration_invalid',
    typ: 'client-authentication+jwt',
  },
  {
    name: 'audience is issuer',
    times: (now) => ({ exp: `${now + 60}` }),
    reason: 'expiration_invalid',
    options: { audience: 'issuer' },
  },
];

for (const { name, times, reason, strings, typ, options } of TIME_STRINGS) {
  test(`times as strings, ${name}: ${reason ?? 'accepted'}`, async () => {
    const { now } = fakeClock();
    const events: AuthenticationEvent[] = [];
    const entries: ReplayEntry[] = [];
    const validator = validatorOf(CLIENTS, {
      onAuthentication: (event) => events.push(event),
      replay: { insert: (entry) => entries.push(entry) > 0 },
      ...options,
    });
    const claims = { iat: undefined, ...times(now()) };
    const assertion = await signAssertion('client', { claims, header: { typ } });
    assert.equal(await outcome(validator, assertion), reason);
    if (reason !== undefined) return;
    assert.deepEqual(events[0]?.timesAsStrings, strings);
    assert.deepEqual(
      entries.map(({ expiresAt }) => expiresAt),
      [Number(claims['exp' as keyof typeof claims]) + 60],
    );
  });
}
