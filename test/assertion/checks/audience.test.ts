import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertionForm, ISSUER, signAssertion, TOKEN_ENDPOINT } from '../../support/assertion.js';
import { CLIENT } from '../../support/attacks.js';
import { tokenEndpoint } from '../../support/token-endpoint.js';
import { outcome, requestWith, validatorOf } from '../../support/validator.js';

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
  { audience: 'issuer', aud: ISSUER, typ: TYP, accepted: true },
  { audience: 'issuer', aud: [ISSUER], typ: `application/${TYP}`, accepted: true },
  { audience: 'issuer', aud: ISSUER, typ: undefined, accepted: true },
  { audience: 'issuer', aud: [ISSUER], typ: 'JWT', accepted: true },
  { audience: 'issuer', aud: [ISSUER, ISSUER], typ: undefined, accepted: false },
  { audience: 'issuer', aud: TOKEN_ENDPOINT, typ: TYP, accepted: false },
  { audience: 'issuer', aud: TOKEN_ENDPOINT, typ: undefined, accepted: false },
  { audience: 'issuer-string', aud: ISSUER, typ: undefined, accepted: true },
  { audience: 'issuer-string', aud: ISSUER, typ: TYP, accepted: true },
  { audience: 'issuer-string', aud: [ISSUER], typ: TYP, accepted: false },
  { audience: 'issuer-string', aud: TOKEN_ENDPOINT, typ: undefined, accepted: false },
] as const) {
  const name = `${JSON.stringify(aud)} with typ ${typ} is ${accepted ? 'accepted' : 'refused'}`;
  test(`${audience}: ${name} (RFC 10070 §4)`, async (t) => {
    const endpoint = await tokenEndpoint([CLIENT], { audience });
    t.after(() => endpoint.close());
    const assertion = await signAssertion('client', { claims: { aud }, header: { typ } });
    const { status } = await endpoint.post(assertionForm(assertion));
    assert.equal(status, accepted ? 200 : 401);
  });
}

test('the event of a success says what mode issuer would have refused', async (t) => {
  const endpoint = await tokenEndpoint([CLIENT]);
  t.after(() => endpoint.close());
  await endpoint.post(assertionForm(await signAssertion('client', { header: { typ: TYP } })));
  const claims = { aud: TOKEN_ENDPOINT };
  await endpoint.post(assertionForm(await signAssertion('client', { claims })));
  assert.deepEqual(
    endpoint.events.map(({ wouldFail }) => wouldFail?.issuer),
    [[], ['audience_mismatch']],
  );
});

const PAR_ENDPOINT = 'https://as.example/par';
const OLD = 'https://old.example';

for (const [aud, form] of [
  [ISSUER, 'issuer'],
  [[OLD, PAR_ENDPOINT, TOKEN_ENDPOINT, ISSUER], 'issuer'],
  [[OLD, PAR_ENDPOINT, TOKEN_ENDPOINT], 'token_endpoint'],
  [[OLD, PAR_ENDPOINT], 'endpoint'],
  [[OLD], 'additional'],
] as const) {
  test(`of ${JSON.stringify(aud)} the form is ${form}`, async () => {
    const validator = validatorOf([CLIENT], { additionalAudiences: [OLD] });
    const request = requestWith(await signAssertion('client', { claims: { aud } }));
    const { authentication } = await validator.validate({ ...request, endpoint: PAR_ENDPOINT });
    assert.equal(authentication.audienceForm, form);
  });
}

test('expected lists exactly the audiences that the server accepts', async () => {
  const { parameters } = requestWith(await signAssertion('client', { claims: { aud: 'x' } }));
  const expected = async (server: object, additionalAudiences: readonly string[] = []) => {
    const validator = validatorOf([CLIENT], { additionalAudiences });
    const { checks } = await validator.explain({ issuer: ISSUER, ...server, parameters });
    return checks.find(({ check }) => check === 'aud')?.expected;
  };
  assert.deepEqual(await expected({}), [ISSUER]);
  assert.deepEqual(await expected({ tokenEndpoint: ISSUER, endpoint: ISSUER }), [ISSUER]);
  assert.deepEqual(await expected({ tokenEndpoint: TOKEN_ENDPOINT }), [ISSUER, TOKEN_ENDPOINT]);
  assert.deepEqual(await expected({ endpoint: PAR_ENDPOINT }, [OLD]), [ISSUER, PAR_ENDPOINT, OLD]);
});

test('if typ is the reason why only the issuer is accepted, the event says so', async () => {
  const header = { typ: 'client-authentication+jwt' };
  const assertion = await signAssertion('client', { header, claims: { aud: TOKEN_ENDPOINT } });
  const expected = async (audience: 'compatible' | 'issuer') => {
    const validator = validatorOf([CLIENT], { audience });
    const { checks } = await validator.explain(requestWith(assertion));
    return checks.find(({ check }) => check === 'aud')?.expected;
  };
  const why = `${ISSUER} alone, because typ is client-authentication+jwt`;
  assert.deepEqual(await expected('compatible'), why);
  assert.deepEqual(await expected('issuer'), `${ISSUER} alone`);
});

for (const audience of ['compatible', 'issuer', 'issuer-string'] as const) {
  test(`ignoreTrailingSlash lets aud differ by one final slash in mode ${audience}`, async () => {
    const statusOf = async (aud: string, ignoreTrailingSlash: boolean) => {
      const validator = validatorOf([CLIENT], { audience, ignoreTrailingSlash });
      return outcome(validator, await signAssertion('client', { claims: { aud } }));
    };
    assert.equal(await statusOf(`${ISSUER}/`, true), undefined);
    assert.equal(await statusOf(`${ISSUER}/`, false), 'audience_mismatch');
    assert.equal(await statusOf(`${ISSUER}//`, true), 'audience_mismatch');
    assert.equal(await statusOf(`${ISSUER}/x`, true), 'audience_mismatch');
  });
}

for (const [typ, options, expected] of [
  [undefined, { requireTyp: true }, 'typ_not_allowed'],
  ['JWT', { requireTyp: true }, 'typ_not_allowed'],
  [TYP, { requireTyp: true }, undefined],
  ['profile+jwt', {}, 'typ_not_allowed'],
  ['profile+jwt', { additionalTypes: ['profile+jwt'] }, undefined],
  ['Application/PROFILE+jwt', { additionalTypes: ['profile+jwt'], requireTyp: true }, undefined],
  ['at+jwt', { additionalTypes: ['profile+jwt'] }, 'typ_not_allowed'],
] as const) {
  test(`typ ${typ} with ${JSON.stringify(options)}: ${expected ?? 'accepted'} (RFC 10070 §4)`, async () => {
    const validator = validatorOf([CLIENT], options);
    assert.equal(
      await outcome(validator, await signAssertion('client', { header: { typ } })),
      expected,
    );
  });
}

for (const [audience, aud] of [
  ['issuer', 1],
  ['issuer', [null]],
  ['issuer-string', {}],
] as const) {
  test(`${audience}, ignoreTrailingSlash: an aud of ${JSON.stringify(aud)} is no audience`, async () => {
    const validator = validatorOf([CLIENT], { audience, ignoreTrailingSlash: true });
    const claims = { aud: aud as unknown as string };
    const result = validator.validate(requestWith(await signAssertion('client', { claims })));
    await assert.rejects(result, { reason: 'audience_mismatch' });
  });
}

for (const [audience, expected] of [
  ['issuer', `${ISSUER} alone`],
  ['issuer-string', `${ISSUER} as a string`],
] as const) {
  test(`${audience}: the operator learns which aud came and what was expected`, async () => {
    const validator = validatorOf([CLIENT], { audience });
    const claims = { aud: TOKEN_ENDPOINT };
    const result = validator.validate(requestWith(await signAssertion('client', { claims })));
    await assert.rejects(result, { expected, actual: TOKEN_ENDPOINT });
  });
}

test('issuer: the issuer in a list is reported as the form issuer', async () => {
  const validator = validatorOf([CLIENT], { audience: 'issuer' });
  const claims = { aud: [ISSUER] };
  const request = requestWith(await signAssertion('client', { claims }));
  assert.equal((await validator.validate(request)).authentication.audienceForm, 'issuer');
});
