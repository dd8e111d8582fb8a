import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthenticationEvent, ClientAssertionOptions, Reason } from '../../lib/index.js';
import { ISSUER, signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { CLIENT, clientWith, jwkSecret } from '../support/attacks.js';
import { keyPair } from '../support/keys.js';
import { outcome, requestWith, validatorOf } from '../support/validator.js';

const TYP = 'client-authentication+jwt';

/** The options that turn each stricter mode on. */
const MODES = {
  issuer: { audience: 'issuer' },
  'issuer-string': { audience: 'issuer-string' },
  fapi2: { profile: 'fapi2' },
  requireTyp: { requireTyp: true },
} as const satisfies Record<string, ClientAssertionOptions>;

interface Row {
  readonly name: string;
  readonly header?: Record<string, unknown>;
  readonly claims?: (now: number) => Record<string, unknown>;
  readonly pair?: 'RS256';
  /** For issuer, issuer-string, fapi2 and requireTyp. */
  readonly expected: readonly (readonly Reason[])[];
}

const ROWS: readonly Row[] = [
  { name: 'conforms', header: { typ: TYP }, expected: [[], [], [], []] },
  { name: 'has no typ', expected: [[], [], [], ['typ_not_allowed']] },
  {
    name: 'has an array as aud',
    header: { typ: TYP },
    claims: () => ({ aud: [ISSUER] }),
    expected: [[], ['audience_mismatch'], ['audience_mismatch'], []],
  },
  {
    name: 'names the token endpoint',
    claims: () => ({ aud: TOKEN_ENDPOINT }),
    expected: [
      ['audience_mismatch'],
      ['audience_mismatch'],
      ['audience_mismatch'],
      ['typ_not_allowed'],
    ],
  },
  {
    name: 'lives for ten minutes and the tolerance',
    header: { typ: TYP },
    claims: (now) => ({ iat: now, exp: now + 660 }),
    expected: [[], [], [], []],
  },
  {
    name: 'lives a second longer',
    header: { typ: TYP },
    claims: (now) => ({ iat: now, exp: now + 661 }),
    expected: [['lifetime_too_long'], ['lifetime_too_long'], ['lifetime_too_long'], []],
  },
  {
    name: 'lives for an hour',
    claims: (now) => ({ iat: now, exp: now + 3600 }),
    expected: [
      ['lifetime_too_long'],
      ['lifetime_too_long'],
      ['lifetime_too_long'],
      ['typ_not_allowed'],
    ],
  },
  {
    name: 'writes exp as a string',
    claims: (now) => ({ exp: String(now + 60) }),
    expected: [
      ['expiration_invalid'],
      ['expiration_invalid'],
      ['expiration_invalid'],
      ['typ_not_allowed'],
    ],
  },
  {
    name: 'writes nbf and iat as strings',
    claims: (now) => ({ nbf: String(now), iat: String(now) }),
    expected: [
      ['not_before_invalid', 'issued_at_invalid'],
      ['not_before_invalid', 'issued_at_invalid'],
      ['not_before_invalid', 'issued_at_invalid'],
      ['typ_not_allowed'],
    ],
  },
  {
    name: 'signs with RS256',
    pair: 'RS256',
    expected: [[], [], ['algorithm_not_allowed'], ['typ_not_allowed']],
  },
];

const CLIENTS = [clientWith('client', [jwkSecret(keyPair('ES256')), jwkSecret(keyPair('RS256'))])];

for (const { name, header, claims, pair = 'ES256', expected } of ROWS) {
  const make = () =>
    signAssertion('client', {
      ...(header && { header }),
      claims: claims?.(Math.floor(Date.now() / 1000)) ?? {},
      pair: keyPair(pair),
    });

  test(`an assertion that ${name}: event and authInfo say what each stricter mode would refuse`, async () => {
    const events: AuthenticationEvent[] = [];
    const onAuthentication = (event: AuthenticationEvent) => events.push(event);
    const validator = validatorOf(CLIENTS, { onAuthentication });
    const { authentication } = await validator.validate(requestWith(await make()));
    const modes = Object.fromEntries(Object.keys(MODES).map((mode, i) => [mode, expected[i]]));
    assert.deepEqual(authentication.wouldFail, modes);
    assert.deepEqual(events[0]?.wouldFail, modes);
  });

  for (const [index, [mode, options]] of Object.entries(MODES).entries()) {
    test(`an assertion that ${name}: mode ${mode} does what wouldFail says`, async () => {
      const reasons = expected[index] ?? [];
      const came = await outcome(validatorOf(CLIENTS, options), await make());
      assert.equal(came === undefined, reasons.length === 0);
      assert.ok(came === undefined || reasons.includes(came), came);
    });
  }
}

test('the event of a failure has no wouldFail', async () => {
  const events: AuthenticationEvent[] = [];
  const validator = validatorOf([CLIENT], { onAuthentication: (event) => events.push(event) });
  await outcome(validator, await signAssertion('client', { claims: { exp: 1 } }));
  assert.equal(events[0]?.wouldFail, undefined);
});

/** Options that weaken the profile, and what the error says. */
const WEAKER: readonly (readonly [ClientAssertionOptions, RegExp])[] = [
  [{ audience: 'compatible' }, /audience must be 'issuer-string'/],
  [{ audience: 'issuer' }, /audience must be 'issuer-string'/],
  [{ algorithms: ['RS256'] }, /algorithms may have only PS256, ES256, EdDSA, Ed25519/],
  [{ algorithms: ['PS256', 'ES384'] }, /algorithms may have only/],
  [{ clockTolerance: 61 }, /clockTolerance must be from 10 to 60/],
  [{ clockTolerance: 9.9 }, /clockTolerance must be from 10 to 60/],
  [{ clockTolerance: 0 }, /clockTolerance must be from 10 to 60/],
  [{ ignoreTrailingSlash: true }, /ignoreTrailingSlash may not be true/],
  [{ acceptGrantTypeAsAssertionType: true }, /acceptGrantTypeAsAssertionType may not be true/],
];

for (const [options, message] of WEAKER) {
  test(`with profile fapi2, ${JSON.stringify(options)} is a ConfigurationError`, () => {
    assert.throws(() => validatorOf([], { profile: 'fapi2', ...options }), {
      name: 'ConfigurationError',
      message,
    });
  });
}

for (const options of [
  { audience: 'issuer-string' },
  { algorithms: ['PS256'] },
  { clockTolerance: 10 },
  { requireTyp: true },
] as const satisfies ClientAssertionOptions[]) {
  test(`with profile fapi2, ${JSON.stringify(options)} is accepted`, () => {
    assert.ok(validatorOf([], { profile: 'fapi2', ...options }));
  });
}
