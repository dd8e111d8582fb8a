import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import type { JsonWebKey } from '../../../lib/keys/secret.js';
import { signAssertion, validClaims } from '../../support/assertion.js';
import {
  clientAt,
  fetchingEndpoint,
  jwksHost,
  namedKey,
  signNamed,
  statusOf,
} from '../../support/jwks-host.js';
import { keyPair } from '../../support/keys.js';

const good = namedKey('good');
const privateJwk = {
  ...keyPair('ES256').privateKey.export({ format: 'jwk' }),
  kid: 'bad',
} as JsonWebKey;
const weakJwk = {
  ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }),
  kid: 'bad',
} as JsonWebKey;
const symmetricJwk: JsonWebKey = {
  kty: 'oct',
  kid: 'bad',
  k: Buffer.alloc(32, 1).toString('base64url'),
};

const PUBLISHED = 'private_key_published';
const REFUSED = 'secret_refused';

for (const [what, jwk, message, code] of [
  ['private', privateJwk, /private key \(member d\): publish the public half, and/, PUBLISHED],
  [
    'private signing (as WebCrypto exports it)',
    { ...privateJwk, key_ops: ['sign'], ext: true },
    /private key \(member d\): publish the public half, and/,
    PUBLISHED,
  ],
  ['private encryption', { ...privateJwk, use: 'enc' }, /private key \(member d\)/, PUBLISHED],
  ['private unknown', { kty: 'LATTICE', kid: 'bad', priv: 'AA' }, /\(member priv\)/, PUBLISHED],
  ['symmetric', symmetricJwk, /a symmetric key is published/, PUBLISHED],
  ['weak', weakJwk, /1024 bits/, REFUSED],
  [
    'malformed',
    { kty: 'EC', kid: 'bad', crv: 'P-256', x: 'AA', y: 'AA' },
    /x and y, is not on its curve P-256/,
    REFUSED,
  ],
  [
    'unknown-curve',
    { kty: 'EC', kid: 'bad', crv: 'secp256k1', x: 'AA', y: 'AA' },
    /secp256k1/,
    REFUSED,
  ],
] as const) {
  test(`a ${what} key in a published set is refused and reported, and the other keys are used`, async (t) => {
    const host = await jwksHost(t, [jwk, good.publicJwk]);
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
    assert.equal(await statusOf(endpoint, signNamed(good)), 200);
    const [warning, ...others] = endpoint.events[0]?.warnings ?? [];
    assert.equal(warning?.code, code);
    assert.equal(warning?.secret, 'JwksUri');
    assert.match(warning?.message ?? '', message);
    assert.deepEqual(others, []);
  });

  test(`a set whose only key is ${what} is not used`, async (t) => {
    const host = await jwksHost(t, [jwk]);
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
    assert.equal(await statusOf(endpoint, signNamed(good)), 401);
    const [event] = endpoint.events;
    assert.equal(event?.reason, 'secret_refused');
    assert.deepEqual(
      event?.warnings.map((warning) => warning.code),
      [code],
    );
    assert.match(event?.warnings[0]?.message ?? '', message);
  });
}

test('a published symmetric key is never accepted, because anyone can read it', async (t) => {
  const host = await jwksHost(t, [symmetricJwk, good.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  const assertion = await new SignJWT(validClaims())
    .setProtectedHeader({ alg: 'HS256', kid: 'bad' })
    .sign(Buffer.alloc(32, 1));
  assert.equal(await statusOf(endpoint, assertion), 401);
});

test('a published private key is never accepted, because anyone can read it', async (t) => {
  const host = await jwksHost(t, [privateJwk, good.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  const pair = keyPair('ES256');
  const assertion = signAssertion('client', { pair, header: { kid: 'bad' } });
  assert.equal(await statusOf(endpoint, assertion), 401);
});

for (const [members, accepted] of [
  [{ use: 'sig' }, true],
  [{ key_ops: ['verify'] }, true],
  [{ alg: 'ES256' }, true],
  [{ use: 'enc' }, false],
  [{ key_ops: ['encrypt'] }, false],
  [{ key_ops: ['sign'] }, false],
  [{ use: 'sig', key_ops: ['deriveKey'] }, false],
] as const) {
  test(`a key with ${JSON.stringify(members)} is ${accepted ? 'used' : 'not for signatures'} (RFC 7517 §4.2, §4.3)`, async (t) => {
    const pair = namedKey('1');
    const other = namedKey('other');
    const host = await jwksHost(t, [{ ...pair.publicJwk, ...members }, other.publicJwk]);
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
    assert.equal(await statusOf(endpoint, signNamed(pair)), accepted ? 200 : 401);
  });
}

test('keys of unknown types are ignored without a warning (RFC 7517 §5)', async (t) => {
  const host = await jwksHost(t, [{ kty: 'LATTICE', alg: 'LT-44', pub: 'AA' }, good.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signNamed(good)), 200);
  assert.deepEqual(endpoint.events[0]?.warnings, []);
});

test('text from a fetched set is shortened before it is reported', async (t) => {
  const hostile = { kty: 'EC', crv: 'P-256\nINFO all is well', kid: 'k'.repeat(2000) };
  const host = await jwksHost(t, [...Array.from({ length: 20 }, () => hostile), good.publicJwk]);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  assert.equal(await statusOf(endpoint, signNamed(good)), 200);
  const messages = endpoint.events[0]?.warnings.map(({ message }) => message) ?? [];
  assert.equal(messages.length, 5);
  for (const message of messages) {
    assert.ok(message.length < 250, message);
    assert.doesNotMatch(message, /\n/);
  }
});
