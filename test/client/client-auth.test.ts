import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeJwt } from 'jose';
import { type ClientMetadata, clockSkew } from 'openid-client';
import {
  AssertionService,
  type AssertionServiceOptions,
  CLIENT_ASSERTION_TYPE,
  clientAssertion,
} from '../../lib/client/index.js';
import { ISSUER, seconds } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';

/** The parameters that authenticate one request. */
async function authenticate(
  client: ClientMetadata,
  options: Partial<AssertionServiceOptions> = {},
): Promise<URLSearchParams> {
  const key = keyPair('ES256').privateKey;
  const assertions = new AssertionService({ clientId: 'client', key, ...options });
  const body = new URLSearchParams({ grant_type: 'client_credentials' });
  await clientAssertion(assertions)({ issuer: ISSUER }, client, body, new Headers());
  return body;
}

test('each request gets the client_id and an assertion for the issuer (RFC 7521 §4.2)', async () => {
  const body = await authenticate({ client_id: 'client' });
  assert.equal(body.get('client_id'), 'client');
  assert.equal(body.get('client_assertion_type'), CLIENT_ASSERTION_TYPE);
  assert.equal(decodeJwt(body.get('client_assertion') ?? '').aud, ISSUER);
  assert.equal(body.get('grant_type'), 'client_credentials');
});

test('the clock skew of openid-client applies to the assertion', async () => {
  const body = await authenticate({ client_id: 'client', [clockSkew]: 1000 });
  const { iat = 0 } = decodeJwt(body.get('client_assertion') ?? '');
  assert.ok(Math.abs(iat - seconds() - 1000) <= 1);
});

test('anything but an AssertionService is refused at once', () => {
  const createClientToken = async () => '';
  for (const wrong of [
    undefined,
    null,
    { key: keyPair('ES256').privateKey },
    { clientId: 'client' },
    { createClientToken },
    { clientId: 7, createClientToken },
    { clientId: 'client', createClientToken: 'a.b.c' },
  ]) {
    assert.throws(() => clientAssertion(wrong as unknown as AssertionService), {
      name: 'TypeError',
      message: 'clientAssertion needs an AssertionService, or the result of assertionFrom',
    });
  }
});

test('a service for another client is refused', async () => {
  await assert.rejects(authenticate({ client_id: 'other' }), {
    name: 'TypeError',
    message: 'The assertions are for the client client, the configuration for other',
  });
});

test('a service for another server is refused', async () => {
  await assert.rejects(
    authenticate({ client_id: 'client' }, { issuer: 'https://other.example' }),
    /is for https:\/\/other\.example, not https:\/\/as\.example/,
  );
});
