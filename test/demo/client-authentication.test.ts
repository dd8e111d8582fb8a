import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { assertionForm, seconds, signAssertion } from '../support/assertion.js';
import { postAs } from '../support/authorization.js';
import { type KeyPair, keyPair, newKeyPair } from '../support/keys.js';
import { type ClientEntry, startTokenServer } from '../support/token-server.js';

const pair = keyPair('ES256');
const jwks = { keys: [pair.publicJwk] };
const secret = randomBytes(16).toString('hex');
const awkward = 'per%cent +plus:colon/ümlaut';
const m2m = { grant_types: ['client_credentials'], scope: 'api' };

const CLIENTS: readonly ClientEntry[] = [
  { client_id: 'keys', jwks, ...m2m },
  { client_id: 'keys-and-secret', jwks, client_secret: secret, ...m2m },
  {
    client_id: 'jwt-secret',
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_jwt',
    ...m2m,
  },
  { client_id: 'any', client_secret: secret, ...m2m },
  {
    client_id: 'basic',
    client_secret: awkward,
    token_endpoint_auth_method: 'client_secret_basic',
    jwks,
    ...m2m,
  },
  {
    client_id: 'post',
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_post',
    ...m2m,
  },
  { client_id: 'expired', client_secret: secret, client_secret_expires_at: seconds() - 1, ...m2m },
  { client_id: 'never', client_secret: secret, client_secret_expires_at: 0, ...m2m },
  {
    client_id: 'only-ps256',
    jwks: { keys: [pair.publicJwk, keyPair('PS256').publicJwk] },
    token_endpoint_auth_signing_alg: 'PS256',
    ...m2m,
  },
  {
    client_id: 'rolling',
    secrets: [
      { type: 'JsonWebKey', value: keyPair('ES384').publicJwk, expiration: '2020-01-01T00:00:00Z' },
      { type: 'JsonWebKey', value: pair.publicJwk, description: 'the new one' },
    ],
    ...m2m,
  },
];
const server = await startTokenServer(CLIENTS);
after(() => server.stop());

const grant = { grant_type: 'client_credentials' };
const basic = (clientId: string, clientSecret: string) =>
  fetch(`${server.url}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(
        `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`,
      ).toString('base64')}`,
    },
    body: new URLSearchParams(grant),
  });
const post = (client_id: string, client_secret: string) =>
  server.post('/token', { ...grant, client_id, client_secret });
const sign = (clientId: string, by: KeyPair = pair) =>
  postAs(server, { clientId, pair: by }, '/token', grant);

const ATTEMPTS: readonly (readonly [string, () => Promise<Response>, number])[] = [
  ['a client with keys, by an assertion', () => sign('keys'), 200],
  [
    'a client with keys, by an assertion with another key',
    () => sign('keys', newKeyPair('ES256')),
    401,
  ],
  [
    'a client with keys and a secret, by the secret in the form',
    () => post('keys-and-secret', secret),
    401,
  ],
  [
    'a client with keys and a secret, by the secret in the header',
    () => basic('keys-and-secret', secret),
    401,
  ],
  ['a client with keys and a secret, by an assertion', () => sign('keys-and-secret'), 200],
  [
    'a client of client_secret_jwt, by the plain secret in the form',
    () => post('jwt-secret', secret),
    401,
  ],
  [
    'a client of client_secret_jwt, by the plain secret in the header',
    () => basic('jwt-secret', secret),
    401,
  ],
  ['a client of no stated method, by the header', () => basic('any', secret), 200],
  ['a client of no stated method, by the form', () => post('any', secret), 200],
  ['a client of client_secret_basic, by the header', () => basic('basic', awkward), 200],
  ['a client of client_secret_basic, by the form', () => post('basic', awkward), 401],
  ['a client of client_secret_basic, by the keys of its request objects', () => sign('basic'), 401],
  ['a client of client_secret_post, by the form', () => post('post', secret), 200],
  ['a client of client_secret_post, by the header', () => basic('post', secret), 401],
  ['a wrong secret', () => post('any', `${secret}0`), 401],
  ['a client without a secret, by an empty one', () => post('keys', ''), 401],
  ['an unknown client, by a secret', () => post('nobody', secret), 401],
  ['an unknown client, by an assertion', () => sign('nobody'), 401],
  ['a secret that has expired (RFC 7591 §3.2.1)', () => post('expired', secret), 401],
  ['a secret that never expires (RFC 7591 §3.2.1)', () => post('never', secret), 200],
  ['an alg that is not the one of the client', () => sign('only-ps256'), 401],
  ['the new one of two secrets', () => sign('rolling'), 200],
  ['the expired one of two secrets', () => sign('rolling', keyPair('ES384')), 401],
];

for (const [what, attempt, status] of ATTEMPTS) {
  test(`${what}: ${status}`, async () => {
    const response = await attempt();
    assert.equal(response.status, status);
    const { error } = (await response.json()) as { error?: string };
    assert.equal(error, status === 200 ? undefined : 'invalid_client');
  });
}

test('two methods in one request are refused (RFC 6749 §2.3)', async () => {
  const assertion = await signAssertion('keys', { pair, claims: { aud: server.url } });
  const form = assertionForm(assertion, { ...grant, client_secret: secret });
  const response = await server.post('/token', form);
  assert.equal(response.status, 400);
  assert.equal(((await response.json()) as { error: string }).error, 'invalid_request');
});

test('the answer has WWW-Authenticate if the caller used the Authorization header (RFC 6749 §5.2)', async () => {
  assert.match((await basic('any', 'wrong')).headers.get('www-authenticate') ?? '', /^Basic /);
  assert.equal((await post('any', 'wrong')).headers.get('www-authenticate'), null);
});

test('a changed CLIENTS_FILE takes effect at once, and a broken one is ignored', async () => {
  const next = newKeyPair('ES256');
  const changed = [
    { client_id: 'keys', jwks: { keys: [next.publicJwk] }, ...m2m },
    ...CLIENTS.slice(1),
  ];
  await server.writeClients(changed);
  assert.equal((await sign('keys')).status, 401);
  assert.equal((await sign('keys', next)).status, 200);

  for (const broken of [
    '[{',
    [{ client_id: 'keys', secrets: [{ type: 'JsonWebKey', value: {} }] }],
  ]) {
    await server.writeClients(broken);
    assert.equal((await sign('keys', next)).status, 200);
  }
  const kept = (await server.events('clients_file', 3)).slice(-2);
  assert.deepEqual(
    kept.map(({ outcome }) => outcome),
    ['kept_last_good', 'kept_last_good'],
  );
  assert.match(String(kept[1]?.['message']), /Client "keys", secret 1 of 1/);

  await server.writeClients(CLIENTS);
  assert.equal((await sign('keys')).status, 200);
});

test('a client_secret never reaches the log', async () => {
  await post('any', secret);
  await post(secret, 'the-two-swapped');
  await server.events('authentication', 1);
  assert.ok(!server.lines().join('\n').includes(secret));
});
