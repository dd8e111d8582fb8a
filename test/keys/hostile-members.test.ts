import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainAssertion } from '../../lib/explain.js';
import { importSecret } from '../../lib/keys/import.js';
import { importJwkSet } from '../../lib/keys/jwk.js';
import { ISSUER, validClaims } from '../support/assertion.js';
import { jwkSecret } from '../support/attacks.js';
import { keyPair } from '../support/keys.js';
import { hmacSigner, rawJws } from '../support/raw-jws.js';
import { requestWith } from '../support/validator.js';

// Sets and documents of strangers: a member of any type is a refused key and never an error of ours,
// which would be answered with 503.

function nested(depth: number): unknown {
  let value: unknown = 'verify';
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

/** Values that have no text, or whose text cannot be made. */
const VALUES: Readonly<Record<string, unknown>> = {
  'an object whose toString is a number': { toString: 1 },
  'an object whose valueOf throws nothing useful': { valueOf: null, toString: null },
  'an array of such an object': [{ toString: 1 }],
  'arrays 12,000 deep': nested(12_000),
  'an array of arrays 12,000 deep and a text': [nested(12_000), 'sign'],
  'a number': 1e308,
  true: true,
  'a lone surrogate': '\ud800',
  'the name of a member of every object': '__proto__',
  'the name of a method of every object': 'constructor',
};

const MEMBERS = [
  'kty',
  'crv',
  'alg',
  'use',
  'key_ops',
  'kid',
  'x',
  'y',
  'n',
  'e',
  'x5c',
  'x5t',
  'd',
];
const KEYS = ['ES256', 'RS256', 'EdDSA'].map((alg) => keyPair(alg).publicJwk);
const GOOD = keyPair('ES384').publicJwk;

for (const [what, value] of Object.entries(VALUES)) {
  test(`a JWK whose members are ${what} is refused or works, and does not break its set`, () => {
    for (const key of [...KEYS, { kty: 'OKP', crv: 'X25519', x: 'a'.repeat(43) }]) {
      for (const member of MEMBERS) {
        const jwk = { ...key, [member]: value };
        const { keys, refused } = importJwkSet({ keys: [jwk, GOOD] }, 50);
        assert.ok(keys.length + refused.length >= 1, member);
        assert.ok(
          keys.some(({ algorithms }) => algorithms.includes('ES384')),
          member,
        );
        try {
          importSecret({ type: 'JsonWebKey', value: jwk as { kty: string } });
        } catch (error) {
          assert.equal((error as Error).name, 'KeyError', `${member}: ${error}`);
        }
      }
    }
  });
}

const WEAK = { kty: 'RSA', n: 'AQAB', e: 'AQAB' };

test('only the keys that a set has for signatures count, and as many as are allowed', () => {
  const others = [{ kty: 'LATTICE' }, { ...GOOD, use: 'enc' }, 'text', WEAK];
  const keys = [...others.slice(0, 3), GOOD, GOOD];
  assert.equal(importJwkSet({ keys }, 2).keys.length, 2);
  assert.throws(() => importJwkSet({ keys }, 1), {
    name: 'KeyError',
    message: 'the JWK Set has more than 1 keys',
  });
});

test('of the keys of a set that are refused, five are reported, secret ones first', () => {
  const set = {
    keys: [...Array.from({ length: 5 }, () => WEAK), { kty: 'oct', k: 'AA', kid: 'a' }],
  };
  const { keys, refused } = importJwkSet(set, 50);
  assert.deepEqual(keys, []);
  assert.deepEqual(
    refused.map(({ isPrivate }) => isPrivate),
    [true, false, false, false, false],
  );
  assert.match(refused[0]?.message ?? '', /key "a": a symmetric key is published \(member k\)/);
  assert.match(refused[1]?.message ?? '', /key without a kid: the RSA key has 17 bits/);
});

for (const alg of [{ toString: 1 }, [{ toString: 1 }], ['HS256'], null, 5]) {
  test(`an assertion whose alg is ${JSON.stringify(alg)} is explained`, async () => {
    const payload = JSON.stringify({ ...validClaims(), aud: ISSUER });
    const assertion = rawJws({ alg }, payload, hmacSigner('sha256', 'x'.repeat(32)));
    const secrets = [jwkSecret(keyPair('ES256'))];
    const { accepted, checks } = await explainAssertion({
      ...requestWith(assertion),
      client: { clientId: 'client', secrets },
    } as never);
    assert.equal(accepted, false);
    const failed = checks.filter(({ outcome }) => outcome === 'failed');
    assert.ok(
      failed.some(({ reason }) => reason?.startsWith('algorithm')),
      JSON.stringify(failed),
    );
  });
}
