import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import {
  runTokenServer,
  runWithClients,
  startTokenServerProcess,
} from '../support/token-server.js';

const WRONG_SETTINGS: readonly (readonly [string, Record<string, string>, RegExp])[] = [
  ['no CLIENTS_FILE', { CLIENTS_FILE: '' }, /^CLIENTS_FILE is not set: /],
  ['a CLIENTS_FILE that is not there', {}, /^CLIENTS_FILE \/no\/such\.json: .*ENOENT/],
  ['a PORT that is no number', { PORT: '3000a' }, /^PORT is "3000a": /],
  ['a PORT out of range', { PORT: '65536' }, /^PORT is "65536": .* 65535/],
  ['an ISSUER that is no URL', { ISSUER: 'as.example' }, /^ISSUER is "as\.example": /],
  ['an ISSUER with a query', { ISSUER: 'https://as.example/?a' }, /^ISSUER .* without query/],
  ['an unknown AUDIENCE', { AUDIENCE: 'loose' }, /^AUDIENCE is "loose": .*"issuer-string"/],
  ['a MAX_LIFETIME of none', { MAX_LIFETIME: '0' }, /^MAX_LIFETIME is "0": /],
  [
    'an unknown PROFILE',
    { PROFILE: 'fapi1' },
    /^PROFILE is "fapi1": it must be "fapi2" or not set/,
  ],
  ['an unclear flag', { ALLOW_LOCAL_NETWORK: 'yes' }, /^ALLOW_LOCAL_NETWORK is "yes": /],
  [
    'ADDITIONAL_AUDIENCES with a stricter AUDIENCE',
    { AUDIENCE: 'issuer', ADDITIONAL_AUDIENCES: 'https://old.example' },
    /^ADDITIONAL_AUDIENCES has an effect only with AUDIENCE=compatible/,
  ],
];

for (const [what, env, message] of WRONG_SETTINGS) {
  test(`the token server does not start with ${what}`, async () => {
    const { code, stderr } = await runTokenServer({ CLIENTS_FILE: '/no/such.json', ...env });
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });
}

test('a REDIS_URL of another kind is refused, and its password not repeated', async () => {
  const { code, stderr } = await runTokenServer({
    CLIENTS_FILE: '/no/such.json',
    REDIS_URL: 'https://user:hunter2@cache.example',
  });
  assert.equal(code, 1);
  assert.match(stderr, /^REDIS_URL must be a URL with redis/);
  assert.doesNotMatch(stderr, /hunter2/);
});

test('a port in use stops the start', async (t) => {
  const other = await listen((_request, response) => response.end());
  t.after(() => other.close());
  const { port } = new URL(other.url);
  const { code, stderr } = await runWithClients([], { PORT: port });
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^listen EADDRINUSE: .*:${port}\n$`));
});

const secret = (value: unknown, type = 'JsonWebKey') => ({ type, value, description: 'the key' });
const { privateKey } = newKeyPair('ES256');

const WRONG_CLIENTS: readonly (readonly [string, unknown, RegExp])[] = [
  ['that is not JSON', 'clients', /The file is not JSON\.$/],
  ['that is no array', { client_id: 'client' }, /The file must hold a JSON array\.$/],
  ['with a client without a client_id', [{}], /Each client must be an object with a client_id\.$/],
  [
    'with a client twice',
    [{ client_id: 'client' }, { client_id: 'client' }],
    /Client "client" is in the file twice\.$/,
  ],
  [
    'with redirect URIs of the wrong type',
    [{ client_id: 'client', redirect_uris: 'https://client.example' }],
    /Client "client": redirect_uris must be an array of absolute URIs/,
  ],
  [
    'with a redirect URI that a browser would run',
    [{ client_id: 'client', redirect_uris: ['javascript:alert(1)'] }],
    /Client "client": redirect_uris must be/,
  ],
  [
    'with a weak key',
    [{ client_id: 'client', secrets: [secret('c2VjcmV0', 'SharedSecret')] }],
    /Client "client", secret 1 of 1 \(SharedSecret, "the key"\): the shared secret has 8 bytes/,
  ],
  [
    'with a private key',
    [{ client_id: 'client', secrets: [secret(privateKey.export({ format: 'jwk' }))] }],
    /Client "client", secret 1 of 1 \(JsonWebKey, "the key"\): .* private key/,
  ],
  [
    'with a weak client_secret for client_secret_jwt',
    [
      {
        client_id: 'client',
        client_secret: 'short',
        token_endpoint_auth_method: 'client_secret_jwt',
      },
    ],
    /Client "client", secret 1 of 1 \(SharedSecret, "client_secret"\): .* HS256 needs at least 32/,
  ],
  [
    'with a wrong key for request objects',
    [
      {
        client_id: 'client',
        client_secret: randomBytes(16).toString('hex'),
        token_endpoint_auth_method: 'client_secret_basic',
        jwks: { keys: [{ kty: 'EC', crv: 'secp256k1' }] },
      },
    ],
    /Client "client", secret 1 of 1 \(JsonWebKeySet, "jwks"\): /,
  ],
];

for (const [what, clients, message] of WRONG_CLIENTS) {
  test(`the token server does not start with a CLIENTS_FILE ${what}`, async () => {
    const content = typeof clients === 'string' ? clients : JSON.stringify(clients);
    const { code, stderr } = await runWithClients(content);
    assert.equal(code, 1);
    assert.match(stderr, /^CLIENTS_FILE \S+: /);
    assert.match(stderr.trim(), message);
  });
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`on ${signal} the token server closes and exits with 0`, async () => {
    const server = await startTokenServerProcess([]);
    assert.equal((await fetch(`${server.url}/jwks`)).status, 200);
    assert.equal(await server.stop(signal), 0);
    await assert.rejects(fetch(`${server.url}/jwks`));
  });
}
