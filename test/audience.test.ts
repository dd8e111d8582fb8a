import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertionForm, ISSUER, signAssertion, TOKEN_ENDPOINT } from './support/assertion.js';
import { CLIENT } from './support/attacks.js';
import { tokenEndpoint } from './support/token-endpoint.js';

const TYP = 'client-authentication+jwt';

for (const { audience, aud, typ, accepted } of [
  { audience: 'compatible', aud: ISSUER, typ: undefined, accepted: true },
  {
    audience: 'compatible',
    aud: [ISSUER, 'https://other.example'],
    typ: undefined,
    accepted: true,
  },
  { audience: 'compatible', aud: TOKEN_ENDPOINT, typ: 'JWT', accepted: true },
  { audience: 'compatible', aud: TOKEN_ENDPOINT, typ: TYP, accepted: false },
  { audience: 'compatible', aud: [ISSUER, TOKEN_ENDPOINT], typ: TYP, accepted: false },
  { audience: 'compatible', aud: `${ISSUER}/`, typ: undefined, accepted: false },
  { audience: 'compatible', aud: [ISSUER, 1], typ: undefined, accepted: false },
  { audience: 'strict', aud: ISSUER, typ: TYP, accepted: true },
  { audience: 'strict', aud: [ISSUER], typ: `application/${TYP}`, accepted: true },
  { audience: 'strict', aud: ISSUER, typ: undefined, accepted: false },
  { audience: 'strict', aud: TOKEN_ENDPOINT, typ: TYP, accepted: false },
] as const) {
  const name = `${JSON.stringify(aud)} with typ ${typ} is ${accepted ? 'accepted' : 'refused'}`;
  test(`${audience}: ${name} (draft-ietf-oauth-rfc7523bis §4)`, async (t) => {
    const endpoint = await tokenEndpoint([CLIENT], { audience });
    t.after(() => endpoint.close());
    const assertion = await signAssertion('client', { claims: { aud }, header: { typ } });
    const { status } = await endpoint.post(assertionForm(assertion));
    assert.equal(status, accepted ? 200 : 401);
  });
}

test('a success tells what strict mode would have refused', async (t) => {
  const endpoint = await tokenEndpoint([CLIENT]);
  t.after(() => endpoint.close());
  await endpoint.post(assertionForm(await signAssertion('client', { header: { typ: TYP } })));
  const claims = { aud: TOKEN_ENDPOINT };
  await endpoint.post(assertionForm(await signAssertion('client', { claims })));
  assert.deepEqual(
    endpoint.events.map(({ strictFailures }) => strictFailures),
    [[], ['typ_not_allowed', 'audience_mismatch']],
  );
});
