import assert from 'node:assert/strict';
import { createPublicKey, type JsonWebKeyInput } from 'node:crypto';
import { test } from 'node:test';
import { assertClientSecrets, type Secret } from '../../lib/index.js';

/** The odd primes up to 167, which 2048-bit moduli of the chips were told by (CVE-2017-15361). */
const PRIMES = Array.from({ length: 165 }, (_, index) => BigInt(index + 3)).filter((candidate) => {
  for (let divisor = 2n; divisor * divisor <= candidate; divisor += 1n) {
    if (candidate % divisor === 0n) return false;
  }
  return true;
});

/** A number of 2048 bits that is odd and leaves the same remainder. */
function grown(remainder: bigint, modulus: bigint): bigint {
  const number = (2n ** 2047n / modulus + 1n) * modulus + remainder;
  return number % 2n === 0n ? number + modulus : number;
}

const productOf = (primes: readonly bigint[]): bigint =>
  primes.reduce((product, prime) => product * prime, 1n);

/** A power of 65537 modulo each of these primes. */
const powerModulo = (primes: readonly bigint[]): bigint =>
  grown(65_537n ** 100n % productOf(primes), productOf(primes));

/** The same, but for one of the primes, which divides it. */
function powerModuloAllBut(prime: bigint): bigint {
  const others = PRIMES.filter((other) => other !== prime);
  let modulus = powerModulo(others);
  while (modulus % prime !== 0n) modulus += 2n * productOf(others);
  return modulus;
}

const jwkOf = (modulus: bigint) => ({
  kty: 'RSA',
  n: Buffer.from(modulus.toString(16), 'hex').toString('base64url'),
  e: 'AQAB',
});

function pemOf(modulus: bigint): string {
  const input: JsonWebKeyInput = { key: jwkOf(modulus), format: 'jwk' };
  return createPublicKey(input).export({ type: 'spki', format: 'pem' }).toString();
}

const configure = (secret: Secret) =>
  assertClientSecrets({ clientId: 'client', secrets: [secret] });

test('an RSA key with the ROCA weakness is refused in every form', () => {
  const modulus = powerModulo(PRIMES);
  for (const secret of [
    { type: 'JsonWebKey', value: jwkOf(modulus) },
    { type: 'JsonWebKeySet', value: { keys: [jwkOf(modulus)] } },
    { type: 'PublicKeyPem', value: pemOf(modulus) },
  ] as const) {
    assert.throws(() => configure(secret), {
      name: 'SecretError',
      message: /the RSA key can be factored \(ROCA\): make another key\.$/,
    });
  }
});

test('a modulus passes if one of the 38 primes shows that it is not ROCA', () => {
  assert.equal(PRIMES.length, 38);
  for (const prime of PRIMES) {
    configure({ type: 'JsonWebKey', value: jwkOf(powerModuloAllBut(prime)) });
  }
});
