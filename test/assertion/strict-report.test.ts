import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthenticationEvent, Reason } from '../../lib/index.js';
import { ISSUER, signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { CLIENT, clientWith, jwkSecret } from '../support/attacks.js';
import { keyPair } from '../support/keys.js';
import { outcome, requestWith, validatorOf } from '../support/validator.js';

const TYP = 'client-authentication+jwt';

const REPORTS: readonly (readonly [typ: string | undefined, aud: unknown, Reason[]])[] = [
  [TYP, ISSUER, []],
  [`application/${TYP}`, [ISSUER], []],
  [undefined, ISSUER, ['typ_not_allowed']],
  ['JWT', [ISSUER], ['typ_not_allowed']],
  [undefined, TOKEN_ENDPOINT, ['typ_not_allowed', 'audience_mismatch']],
  ['JWT', [ISSUER, TOKEN_ENDPOINT], ['typ_not_allowed', 'audience_mismatch']],
  ['JWT', [ISSUER, ISSUER], ['typ_not_allowed', 'audience_mismatch']],
  [undefined, `${ISSUER}/`, ['typ_not_allowed', 'audience_mismatch']],
  [undefined, 'https://old.example', ['typ_not_allowed', 'audience_mismatch']],
];

for (const [typ, aud, expected] of REPORTS) {
  const name = `typ ${typ} and aud ${JSON.stringify(aud)}`;

  test(`${name}: strict mode would have refused for [${expected}]`, async () => {
    const events: AuthenticationEvent[] = [];
    const compatible = validatorOf([CLIENT], {
      additionalAudiences: ['https://old.example'],
      ignoreTrailingSlash: true,
      onAuthentication: (event) => events.push(event),
    });
    const make = () => signAssertion('client', { header: { typ }, claims: { aud } });
    const { authentication } = await compatible.validate(requestWith(await make()));
    assert.deepEqual(authentication.strictFailures, expected);
    assert.deepEqual(events[0]?.strictFailures, expected);

    // The report is what strict mode does: its reason is the first of them.
    const strict = validatorOf([CLIENT], { audience: 'strict' });
    assert.equal(await outcome(strict, await make()), expected[0]);
  });
}

test('strict mode has nothing to report of what it accepts', async () => {
  const strict = validatorOf([CLIENT], { audience: 'strict' });
  const assertion = await signAssertion('client', { header: { typ: TYP } });
  const { authentication } = await strict.validate(requestWith(assertion));
  assert.deepEqual(authentication.strictFailures, []);
});

test('a failure has no report: what strict mode would add is of no use then', async () => {
  const events: AuthenticationEvent[] = [];
  const validator = validatorOf([CLIENT], { onAuthentication: (event) => events.push(event) });
  await outcome(validator, await signAssertion('client', { claims: { exp: 1 } }));
  assert.equal(events[0]?.strictFailures, undefined);
});

test('the clients to warn before the switch can be listed', async () => {
  const toWarn = new Map<string, readonly Reason[]>();
  const clients = ['ready', 'without-typ', 'with-endpoint'].map((clientId) =>
    clientWith(clientId, [jwkSecret(keyPair('ES256'))]),
  );
  const validator = validatorOf(clients, {
    onAuthentication: ({ clientId = '', strictFailures = [] }) => {
      if (strictFailures.length > 0) toWarn.set(clientId, strictFailures);
    },
  });
  const authenticate = async (clientId: string, typ: string | undefined, aud: string) =>
    outcome(validator, await signAssertion(clientId, { header: { typ }, claims: { aud } }));
  await authenticate('ready', TYP, ISSUER);
  await authenticate('without-typ', undefined, ISSUER);
  await authenticate('with-endpoint', 'JWT', TOKEN_ENDPOINT);
  await authenticate('nobody', undefined, TOKEN_ENDPOINT);
  assert.deepEqual(
    [...toWarn],
    [
      ['without-typ', ['typ_not_allowed']],
      ['with-endpoint', ['typ_not_allowed', 'audience_mismatch']],
    ],
  );
});
