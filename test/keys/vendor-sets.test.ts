import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { AuthenticationEvent, Secret } from '../../lib/index.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { signAssertion } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { clientAt, fetchingEndpoint, jwksHost, statusOf } from '../support/jwks-host.js';
import { newKeyPair } from '../support/keys.js';
import { outcome, validatorOf } from '../support/validator.js';

// The published key sets of well-known vendors as people meet them, made with keys of our own.

const RSA = newKeyPair('RS256');
const OLD = newKeyPair('RS256');
const EC = newKeyPair('ES256');
const certificate = await clientCertificate(RSA);

const jwkOf = (type: string, options: object = {}): JsonWebKey =>
  generateKeyPairSync(type as 'rsa', options as { modulusLength: 1024 }).publicKey.export({
    format: 'jwk',
  }) as JsonWebKey;

const SMALL = jwkOf('rsa', { modulusLength: 1024 });
const X25519 = jwkOf('x25519');
const ED448 = jwkOf('ed448');
const SECP256K1 = jwkOf('ec', { namedCurve: 'secp256k1' });

/** Every member that .NET's JsonWebKey has, as its serializers print what is not set. */
const DOTNET = {
  alg: null,
  crv: null,
  d: null,
  dp: null,
  dq: null,
  k: null,
  keyid: null,
  key_ops: [],
  oth: [],
  p: null,
  q: null,
  qi: null,
  use: null,
  x: null,
  x5c: [],
  x5t: null,
  'x5t#S256': null,
  x5u: null,
  y: null,
};

interface Set {
  readonly keys: readonly unknown[];
  readonly header?: Record<string, unknown>;
  /** The keys that the operator is told of. */
  readonly refused?: readonly RegExp[];
}

const SETS: Readonly<Record<string, Set>> = {
  'X25519 beside RSA': { keys: [X25519, { ...RSA.publicJwk, kid: 'a' }] },
  'an encryption key by its alg alone': {
    keys: [{ ...OLD.publicJwk, alg: 'RSA-OAEP-256' }, RSA.publicJwk],
  },
  'RSA of 1024 bits beside RSA of 2048': {
    keys: [{ ...SMALL, kid: 'old' }, RSA.publicJwk],
    refused: [/key "old": the RSA key has 1024 bits/],
  },
  'ES256K, Ed448 and an EC key without y beside RSA': {
    keys: [
      { ...SECP256K1, alg: 'ES256K', kid: '1' },
      { ...ED448, kid: '2' },
      { ...EC.publicJwk, y: undefined, kid: '3' },
      RSA.publicJwk,
    ],
    refused: [
      /key "1": the curve "secp256k1" is not supported/,
      /key "2": the curve "Ed448" is not supported/,
      /key "3": the JWK of type "EC" has no member y/,
    ],
  },
  'keys without use, alg and kid': { keys: [EC.publicJwk, OLD.publicJwk, RSA.publicJwk] },
  'x5c beside a wrong x5t': {
    keys: [{ ...RSA.publicJwk, kid: 'a', x5t: 'wrong', x5c: [certificate.base64] }],
    header: { kid: 'a' },
  },
  'two keys with one kid during a roll-over': {
    keys: [
      { ...OLD.publicJwk, kid: 'same' },
      { ...RSA.publicJwk, kid: 'same' },
    ],
    header: { kid: 'same' },
  },
  'nulls and empty lists, as .NET prints them': {
    keys: [{ ...DOTNET, ...RSA.publicJwk, kid: 'a' }],
    header: { kid: 'a' },
  },
  'a key type that nobody knows here': { keys: [{ kty: 'LATTICE', pub: 'AA' }, RSA.publicJwk] },
  'entries that are no keys': { keys: [null, 5, 'text', [], {}, RSA.publicJwk] },
};

const messagesOf = ({ warnings }: AuthenticationEvent) => warnings.map(({ message }) => message);

function assertRefused(event: AuthenticationEvent | undefined, refused: readonly RegExp[]): void {
  const messages = event === undefined ? [] : messagesOf(event);
  assert.equal(messages.length, refused.length, messages.join('\n'));
  refused.forEach((message, index) => {
    assert.match(messages[index] ?? '', message);
  });
}

for (const [name, { keys, header = {}, refused = [] }] of Object.entries(SETS)) {
  for (const form of ['an object', 'JSON'] as const) {
    test(`a configured set, ${form}, with ${name} verifies (RFC 7517 §5)`, async () => {
      const events: AuthenticationEvent[] = [];
      const value = { keys } as { keys: { kty: string }[] };
      const secret: Secret = {
        type: 'JsonWebKeySet',
        value: form === 'JSON' ? JSON.stringify(value) : value,
      };
      const validator = validatorOf([{ clientId: 'client', secrets: [secret] }], {
        onAuthentication: (event) => events.push(event),
      });
      const assertion = await signAssertion('client', { pair: RSA, header });
      assert.equal(await outcome(validator, assertion), undefined);
      assertRefused(events[0], refused);
    });
  }

  test(`a published set with ${name} verifies (RFC 7517 §5)`, async (t) => {
    const host = await jwksHost(t, keys as readonly JsonWebKey[]);
    const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
    const assertion = signAssertion('client', { pair: RSA, header });
    assert.equal(await statusOf(endpoint, assertion), 200);
    assertRefused(endpoint.events[0], refused);
  });
}

test('a single JWK as .NET prints it verifies', async () => {
  for (const pair of [RSA, EC]) {
    const value = { ...DOTNET, ...pair.publicJwk };
    const secrets: Secret[] = [
      { type: 'JsonWebKey', value },
      { type: 'JsonWebKey', value: JSON.stringify(value) },
    ];
    for (const secret of secrets) {
      const validator = validatorOf([{ clientId: 'client', secrets: [secret] }]);
      assert.equal(await outcome(validator, await signAssertion('client', { pair })), undefined);
    }
  }
});
