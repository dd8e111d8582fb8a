import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestObjectError, validateRequestObject } from '../lib/index.js';
import { assertionForm, type Differences, ISSUER, signAssertion } from './support/assertion.js';
import { CLIENT } from './support/attacks.js';
import { newKeyPair } from './support/keys.js';
import { tokenEndpoint } from './support/token-endpoint.js';

/** A request object, valid but for the differences. */
const requestObject = ({ claims = {}, ...rest }: Differences = {}) =>
  signAssertion('client', {
    header: { typ: 'oauth-authz-req+jwt' },
    claims: { sub: undefined, client_id: 'client', response_type: 'code', ...claims },
    ...rest,
  });

const validate = async (request: string | Promise<string>, strict = false) =>
  validateRequestObject({ request: await request, client: CLIENT, issuer: ISSUER, strict });

test('the claims that are not about the JWT are the authorization request (RFC 9101 §6.3)', async () => {
  const { parameters } = await validate(requestObject({ claims: { scope: 'openid' } }));
  assert.deepEqual(parameters, { client_id: 'client', response_type: 'code', scope: 'openid' });
});

for (const [name, differences, reason] of [
  ['of another client', { claims: { iss: 'other' } }, 'request_object_issuer_mismatch'],
  [
    'with another client_id inside',
    { claims: { client_id: 'x' } },
    'request_object_client_mismatch',
  ],
  ['for another server', { claims: { aud: 'https://other.example' } }, 'audience_mismatch'],
  ['with request inside', { claims: { request: 'x' } }, 'request_object_nested'],
  ['with request_uri inside', { claims: { request_uri: 'urn:x' } }, 'request_object_nested'],
  ['that has expired', { claims: { exp: 1 } }, 'expired'],
  ['without exp', { claims: { exp: undefined } }, 'expiration_invalid'],
  ['of another key', { pair: newKeyPair('ES256') }, 'signature_invalid'],
  ['that is an access token', { header: { typ: 'at+jwt' } }, 'typ_not_allowed'],
  ['with the sub of an assertion', { claims: { sub: 'client' } }, 'request_object_subject_present'],
] as const satisfies readonly (readonly [string, Differences, string])[]) {
  test(`a request object ${name} is refused (RFC 9101)`, async () => {
    await assert.rejects(validate(requestObject(differences)), (error) => {
      assert.ok(error instanceof RequestObjectError);
      assert.equal(error.error, 'invalid_request_object');
      assert.equal(error.reason, reason);
      return true;
    });
  });
}

test('strict mode requires the typ (RFC 9101 §10.8)', async () => {
  await validate(requestObject({ header: {} }));
  await assert.rejects(validate(requestObject({ header: {} }), true), {
    reason: 'typ_not_allowed',
  });
  await validate(requestObject(), true);
});

test('a client assertion is no request object, nor the reverse', async (t) => {
  await assert.rejects(validate(signAssertion()), RequestObjectError);
  await assert.rejects(validate(signAssertion('client', { claims: { client_id: 'client' } })), {
    reason: 'request_object_subject_present',
  });
  const endpoint = await tokenEndpoint([CLIENT]);
  t.after(() => endpoint.close());
  for (const header of [{ typ: 'oauth-authz-req+jwt' }, {}]) {
    const { status } = await endpoint.post(assertionForm(await requestObject({ header })));
    assert.equal(status, 401);
  }
});
