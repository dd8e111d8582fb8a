import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { secretsFromMetadata } from '../../../lib/clients/metadata.js';
import {
  type AssertionClient,
  assertClientSecrets,
  CLIENT_ASSERTION_TYPE,
  ClientAssertionValidator,
  RemoteJwkSets,
  SecretError,
  validateRequestObject,
} from '../../../lib/index.js';
import { ISSUER, seconds } from '../../support/assertion.js';
import {
  clientAt,
  fetchingEndpoint,
  jwksHost,
  namedKey,
  signNamed,
  statusOf,
} from '../../support/jwks-host.js';
import { remoteOptions } from '../../support/remote-host.js';

const URI = 'https://client.example/jwks.json';

test('jwks_uri of client metadata is a JwksUri secret (RFC 7591 §2)', () => {
  const secret = { type: 'JwksUri', value: URI, description: 'jwks_uri' };
  for (const token_endpoint_auth_method of [undefined, 'private_key_jwt']) {
    const metadata = { client_id: 'client', jwks_uri: URI, token_endpoint_auth_method };
    assert.deepEqual(secretsFromMetadata(metadata), [secret]);
  }
});

for (const [value, message] of [
  [URI, undefined],
  ['https://client.example:8443/jwks.json?tenant=1', undefined],
  ['http://localhost:3000/jwks.json', undefined],
  ['http://127.0.0.1:3000/jwks.json', undefined],
  ['http://client.example/jwks.json', /the URL is not https/],
  ['https://user:password@client.example/', /the URL has credentials/],
  ['https://client.example/#keys', /the URL has a fragment/],
  ['client.example', /not an absolute URL/],
  [42, /not an absolute URL/],
] as const) {
  const outcome = message === undefined ? 'accepted' : 'refused';
  test(`the jwks_uri ${value} is ${outcome} when it is configured, without being fetched`, () => {
    const check = () => assertClientSecrets(clientAt(value as string));
    if (message === undefined) check();
    else {
      assert.throws(check, (error: Error) => {
        assert.ok(error instanceof SecretError);
        assert.match(error.message, /^Client "client", secret 1 of 1 \(JwksUri\): /);
        assert.match(error.message, message);
        return true;
      });
    }
  });
}

test('a request object is validated with the keys of the jwks_uri, from one cache (RFC 9101)', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const jwksUri = new RemoteJwkSets(await remoteOptions());
  const client = clientAt(host.uri);
  for (const state of ['a', 'b']) {
    const request = await new SignJWT({ client_id: 'client', state })
      .setProtectedHeader({ alg: 'ES256', kid: '1' })
      .setIssuer('client')
      .setAudience(ISSUER)
      .setExpirationTime(seconds() + 60)
      .sign(pair.privateKey);
    const { parameters } = await validateRequestObject({
      request,
      client,
      issuer: ISSUER,
      jwksUri,
    });
    assert.equal(parameters['state'], state);
  }
  const validator = new ClientAssertionValidator({ jwksUri }, () => client);
  const client_assertion = await signNamed(pair);
  const parameters = { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE };
  await validator.validate({ issuer: ISSUER, parameters });
  assert.equal(host.requests, 1);
});

test('without a cache of its own, a request object is validated with a cache for all calls', async () => {
  const pair = namedKey('1');
  const request = await new SignJWT({ client_id: 'client' })
    .setProtectedHeader({ alg: 'ES256', kid: '1' })
    .setIssuer('client')
    .setAudience(ISSUER)
    .setExpirationTime(seconds() + 60)
    .sign(pair.privateKey);
  const client = clientAt('https://127.0.0.1/jwks.json');
  await assert.rejects(validateRequestObject({ request, client, issuer: ISSUER }), {
    reason: 'jwks_uri_failed',
    actual: 'address_not_allowed',
  });
});

test('a value that is not a secret is reported, and the keys are still fetched', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const [secret] = clientAt(host.uri).secrets;
  const client = {
    clientId: 'client',
    secrets: [null, 'text', secret],
  } as unknown as AssertionClient;
  const endpoint = await fetchingEndpoint(t, [client]);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  assert.deepEqual(
    endpoint.events[0]?.warnings.map(({ code }) => code),
    ['secret_refused', 'secret_refused'],
  );
});

test('explain reports a jwks_uri that cannot be used as the check of the key', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const client = clientAt(host.uri);
  const validator = new ClientAssertionValidator({ jwksUri: await remoteOptions() }, () => client);
  const explain = async (signer: typeof pair) => {
    const client_assertion = await signNamed(signer);
    const parameters = { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE };
    const { checks } = await validator.explain({ issuer: ISSUER, parameters });
    return checks
      .filter(({ check }) => check === 'key' || check === 'signature')
      .map(({ outcome, reason }) => reason ?? outcome);
  };
  assert.deepEqual(await explain(pair), ['passed', 'passed']);
  assert.deepEqual(await explain(namedKey('1')), ['passed', 'signature_invalid']);
  assert.deepEqual(await explain(namedKey('2')), ['passed', 'signature_invalid']);
  assert.deepEqual(await explain(namedKey('2', 'RS256')), ['no_matching_key', 'skipped']);

  host.behave((_request, response) => response.writeHead(404).end());
  const fresh = new ClientAssertionValidator({ jwksUri: await remoteOptions() }, () => client);
  const client_assertion = await signNamed(pair);
  const { checks } = await fresh.explain({
    issuer: ISSUER,
    parameters: { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE },
  });
  const key = checks.find(({ check }) => check === 'key');
  assert.deepEqual([key?.reason, key?.actual], ['jwks_uri_failed', 'status_not_ok']);
});

test('a negative maxStale is refused when the sets are made', () => {
  const message = 'maxStale must be a finite number of at least 0';
  assert.throws(() => new RemoteJwkSets({ maxStale: -1 }), { name: 'TypeError', message });
});
