import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import express from 'express';
import { allowInsecureRequests, clientCredentialsGrant, discovery } from 'openid-client';
import {
  AssertionService,
  type AssertionServiceOptions,
  clientAssertion,
  KeyRing,
  publishJwks,
} from '../../lib/client/index.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { openIdProvider } from '../support/openid-provider.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** oidc-provider keeps a JWK Set for a minute, at least. */
const PUBLISH_BEFORE = 90;

/** Without the dispatcher by which oidc-provider refuses to connect to loopback. */
const fetchFromLoopback: typeof fetch = (input, { headers, signal } = {}) =>
  fetch(input, { ...(headers && { headers }), ...(signal && { signal }) });

/** openid-client, signing with `key`. */
const configure = (issuer: string, key: AssertionServiceOptions['key']) =>
  discovery(
    new URL(issuer),
    'client',
    undefined,
    clientAssertion(new AssertionService({ clientId: 'client', key })),
    { execute: [allowInsecureRequests] },
  );

test('a provider with jwks_uri sees three rotations under load and refuses nothing', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() });
  t.after(() => mock.timers.reset());

  let keys = [newKeyPair('ES256').privateKey];
  const ring = new KeyRing({
    keys: () => keys,
    reloadEvery: 5,
    publishBefore: PUBLISH_BEFORE,
    publishAfter: 0,
  });
  const app = express();
  app.use('/jwks.json', publishJwks(ring));
  const client = await listen(app);
  t.after(() => client.close());
  const provider = await openIdProvider(
    {
      client_id: 'client',
      jwks_uri: `${client.url}/jwks.json`,
      token_endpoint_auth_signing_alg: 'ES256',
    },
    () => ({ fetch: fetchFromLoopback }),
  );
  t.after(() => provider.close());
  const config = await configure(provider.issuer, ring);
  // Keys that it does not know make the provider fetch the JWK Set, as often as it does that at all.
  const stranger = await configure(provider.issuer, newKeyPair('ES256').privateKey);

  const signers: string[] = [];
  let requests = 0;
  /** Eight requests at a time, every seven seconds, and one of somebody else. */
  const load = async (duration: number) => {
    for (let passed = 0; passed < duration; passed += 7 * SECOND) {
      await Promise.all(Array.from({ length: 8 }, () => clientCredentialsGrant(config)));
      requests += 8;
      await assert.rejects(clientCredentialsGrant(stranger), { error: 'invalid_client' });
      mock.timers.tick(7 * SECOND);
    }
    signers.push(ring.kid ?? '');
  };

  await load(2 * MINUTE);
  for (let rotation = 0; rotation < 3; rotation += 1) {
    keys = [newKeyPair('ES256').privateKey];
    await load(4 * MINUTE + rotation * 20 * SECOND);
  }
  assert.equal(new Set(signers).size, 4, 'each new key came to sign');
  assert.equal(provider.assertions.length, requests, 'none was refused');
  const ids = new Set(provider.assertions.map(({ claims }) => claims['jti']));
  assert.equal(ids.size, requests, 'none was used twice');
  const used = new Set(provider.assertions.map(({ header }) => header['kid']));
  assert.deepEqual([...used].sort(), [...signers].sort());
  assert.equal((await ring.publicJwks()).keys.length, 1, 'the old keys are gone');
});

test('a provider refuses a key that signs before it was published', async (t) => {
  const ring = new KeyRing({ keys: [newKeyPair('ES256').privateKey] });
  const client = await listen((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [newKeyPair('ES256', { kid: 'other' }).publicJwk] }));
  });
  t.after(() => client.close());
  const provider = await openIdProvider(
    {
      client_id: 'client',
      jwks_uri: `${client.url}/jwks.json`,
    },
    () => ({ fetch: fetchFromLoopback }),
  );
  t.after(() => provider.close());
  const config = await configure(provider.issuer, ring);
  await assert.rejects(clientCredentialsGrant(config), { error: 'invalid_client' });
});
