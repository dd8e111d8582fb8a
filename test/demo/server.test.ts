import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ALGORITHMS } from '../../lib/shared/jose.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { postAs } from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';

const pair = keyPair('ES256');
const machine = { clientId: 'machine', pair };
const server = await startTokenServer([
  {
    client_id: 'machine',
    jwks: { keys: [pair.publicJwk] },
    grant_types: ['client_credentials'],
    scope: 'api.read api.write',
  },
]);
after(() => server.stop());

type Json = Record<string, unknown>;
const json = async (response: Response) => (await response.json()) as Json;

test('both metadata documents exist and are equal (RFC 8414 §3, OpenID Connect Discovery §4)', async () => {
  const [oauth, openid] = await Promise.all(
    ['oauth-authorization-server', 'openid-configuration'].map(async (name) =>
      json(await fetch(`${server.url}/.well-known/${name}`)),
    ),
  );
  assert.deepEqual(oauth, openid);
  assert.equal(oauth?.['issuer'], server.url);
  for (const endpoint of ['token', 'introspection', 'revocation']) {
    assert.ok(String(oauth?.[`${endpoint}_endpoint`]).startsWith(server.url));
    assert.deepEqual(oauth?.[`${endpoint}_endpoint_auth_methods_supported`], [
      'private_key_jwt',
      'client_secret_jwt',
      'client_secret_basic',
      'client_secret_post',
      ...(endpoint === 'introspection' ? [] : ['none']),
    ]);
    const listed = oauth?.[`${endpoint}_endpoint_auth_signing_alg_values_supported`] as string[];
    // ML-DSA is listed only if this Node can verify it.
    const isOfEveryNode = (alg: string) => !alg.startsWith('ML-DSA');
    assert.deepEqual(listed.filter(isOfEveryNode), ALGORITHMS.filter(isOfEveryNode));
  }
  assert.equal(oauth?.['pushed_authorization_request_endpoint'], `${server.url}/par`);
  assert.deepEqual(oauth?.['code_challenge_methods_supported'], ['S256']);
  assert.equal(oauth?.['authorization_response_iss_parameter_supported'], true);
});

test('the JWK Set has only public keys (RFC 7517 §5)', async () => {
  const { keys } = (await (await fetch(`${server.url}/jwks`)).json()) as { keys: Json[] };
  assert.deepEqual(keys.map(({ alg }) => alg).sort(), ['ES256', 'RS256']);
  for (const key of keys) {
    assert.equal(key['use'], 'sig');
    assert.ok(!('d' in key) && !('p' in key));
  }
});

test('of 50 simultaneous copies of one assertion exactly one is accepted (RFC 7523 §3)', async () => {
  const assertion = await signAssertion('machine', { pair, claims: { aud: server.url } });
  const form = assertionForm(assertion, { grant_type: 'client_credentials' });
  const responses = await Promise.all(
    Array.from({ length: 50 }, () => server.post('/token', form)),
  );
  const statuses = responses.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, ...Array<number>(49).fill(401)]);
  const refused = responses.find(({ status }) => status === 401);
  assert.equal((await json(refused as Response))['error'], 'invalid_client');
  const events = await server.events('authentication', 50);
  assert.equal(events.filter(({ reason }) => reason === 'replayed').length, 49);
});

test('each endpoint for clients authenticates them', async () => {
  for (const path of ['/token', '/par', '/introspect', '/revoke']) {
    const response = await server.post(path, { client_id: 'machine', token: 'x' });
    assert.equal(response.status, 401, path);
    assert.equal((await json(response))['error'], 'invalid_client', path);
    assert.equal(response.headers.get('cache-control'), 'no-store', path);
  }
});

const MALFORMED: readonly (readonly [
  string,
  string,
  Record<string, string> | undefined,
  number,
])[] = [
  ['a body of 1 MB', `token=${'x'.repeat(1_000_000)}`, undefined, 413],
  ['10,000 parameters', 'a=1&'.repeat(10_000), undefined, 413],
  ['a broken compression', 'token=x', { 'content-encoding': 'gzip' }, 400],
  ['an unknown compression', 'token=x', { 'content-encoding': 'zip' }, 415],
  ['client_id twice', 'client_id=a&client_id=b&client_secret=c', undefined, 400],
  ['a broken Basic header', 'token=x', { authorization: 'Basic %%%' }, 401],
  ['percent signs that encode nothing', 'client_id=%&client_secret=%zz', undefined, 401],
  ['parameters named like prototypes', '__proto__=a&constructor=b&toString=c', undefined, 401],
];

for (const [what, body, headers = {}, status] of MALFORMED) {
  test(`${what} at any endpoint for clients gets ${status}, as JSON`, async () => {
    for (const path of ['/token', '/par', '/introspect', '/revoke']) {
      const response = await fetch(server.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body,
      });
      assert.equal(response.status, status, path);
      const expected = status === 401 ? 'invalid_client' : 'invalid_request';
      assert.equal((await json(response))['error'], expected, path);
    }
  });
}

test('a body of another type is not read, so its assertion is ignored', async () => {
  const assertion = await signAssertion('machine', { pair, claims: { aud: server.url } });
  const form = assertionForm(assertion, { grant_type: 'client_credentials' });
  for (const [type, body] of [
    ['application/json', JSON.stringify(Object.fromEntries(form))],
    ['text/plain', form.toString()],
  ] as const) {
    const response = await fetch(`${server.url}/token`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    assert.equal(response.status, 401, type);
  }
});

test('a parameter that comes twice is refused (RFC 6749 §3.2)', async () => {
  const assertion = await signAssertion('machine', { pair, claims: { aud: server.url } });
  const form = assertionForm(assertion, { grant_type: 'client_credentials' });
  form.append('grant_type', 'client_credentials');
  const response = await server.post('/token', form);
  assert.equal(response.status, 400);
  assert.equal((await json(response))['error'], 'invalid_request');
});

test('other methods and paths are refused without a 5xx', async () => {
  for (const path of ['/token', '/par', '/introspect', '/revoke']) {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 405, path);
    assert.equal(response.headers.get('allow'), 'POST', path);
  }
  assert.equal((await fetch(`${server.url}/nothing`)).status, 404);
  assert.equal((await fetch(`${server.url}/%`)).status, 404);
  assert.equal((await fetch(`${server.url}/traces`)).status, 404, 'traces are off by default');
});

test('the log has one line for each authentication, and nothing secret', async () => {
  const before = (await server.events('authentication', 0)).length;
  const sent: string[] = [];
  for (const path of ['/token', '/introspect']) {
    const assertion = await signAssertion('machine', { pair, claims: { aud: server.url } });
    sent.push(assertion);
    await server.post(
      path,
      assertionForm(assertion, { grant_type: 'client_credentials', token: 't' }),
    );
  }
  const response = await postAs(server, machine, '/token', { grant_type: 'client_credentials' });
  const { access_token } = await json(response);
  sent.push(String(access_token));

  const events = (await server.events('authentication', before + 3)).slice(before);
  assert.equal(events.length, 3);
  for (const event of events) {
    assert.equal(event['outcome'], 'success');
    assert.equal(event['clientId'], 'machine');
    assert.equal(event['alg'], 'ES256');
  }
  const log = server.lines().join('\n');
  for (const text of sent) {
    assert.ok(!log.includes(text.slice(text.lastIndexOf('.') + 1)), 'a signature is in the log');
  }
});

test('helmet sets its headers', async () => {
  const { headers } = await fetch(`${server.url}/jwks`);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('content-security-policy'), "default-src 'none'");
  assert.equal(headers.get('x-powered-by'), null);
});
