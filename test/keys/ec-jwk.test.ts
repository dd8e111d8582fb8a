import assert from 'node:assert/strict';
import { createECDH, createPrivateKey, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { assertClientSecrets } from '../../lib/index.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { signAssertion } from '../support/assertion.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { outcome, validatorOf } from '../support/validator.js';

const COORDINATE_BYTES = { ES256: 32, ES384: 48, ES512: 66 } as const;

const bytesOf = (jwk: JsonWebKey, member: string): Buffer =>
  Buffer.from(String(jwk[member]), 'base64url');

const configure = (value: JsonWebKey) =>
  assertClientSecrets({ clientId: 'client', secrets: [{ type: 'JsonWebKey', value }] });

const accepts = async (pair: KeyPair, value: JsonWebKey) => {
  const validator = validatorOf([{ clientId: 'client', secrets: [{ type: 'JsonWebKey', value }] }]);
  return outcome(validator, await signAssertion('client', { pair }));
};

/** The smallest private keys whose x begins with a zero, as that of one key in 256 does. */
const LEADING_ZERO = {
  ES256: { curve: 'prime256v1', crv: 'P-256', d: 379 },
  ES384: { curve: 'secp384r1', crv: 'P-384', d: 197 },
  ES512: { curve: 'secp521r1', crv: 'P-521', d: 1 },
} as const;

function pairWithLeadingZero(alg: keyof typeof LEADING_ZERO): KeyPair {
  const { curve, crv, d } = LEADING_ZERO[alg];
  const size = COORDINATE_BYTES[alg];
  const number = Buffer.alloc(size);
  number.writeUInt32BE(d, size - 4);
  const ecdh = createECDH(curve);
  ecdh.setPrivateKey(number);
  const point = ecdh.getPublicKey().subarray(1);
  const publicJwk = {
    kty: 'EC',
    crv,
    x: point.subarray(0, size).toString('base64url'),
    y: point.subarray(size).toString('base64url'),
  };
  const privateJwk = { ...publicJwk, d: number.toString('base64url') };
  return {
    alg,
    privateKey: createPrivateKey({ key: privateJwk, format: 'jwk' }),
    publicKey: createPublicKey({ key: publicJwk, format: 'jwk' }),
    publicJwk,
  };
}

for (const [alg, size] of Object.entries(COORDINATE_BYTES)) {
  test(`${alg}: a key verifies with its coordinates at full size, or without leading zeros (RFC 7518 §6.2.1.2)`, async () => {
    const pair = pairWithLeadingZero(alg as keyof typeof LEADING_ZERO);
    const x = bytesOf(pair.publicJwk, 'x');
    assert.equal(x[0], 0);
    assert.equal(x.length, size);
    assert.equal(await accepts(pair, pair.publicJwk), undefined);
    const short = x.subarray(x.findIndex((byte) => byte !== 0)).toString('base64url');
    assert.equal(await accepts(pair, { ...pair.publicJwk, x: short }), undefined);
  });

  const { publicJwk } = newKeyPair(alg);
  const flipped = bytesOf(publicJwk, 'y').map((byte, index) =>
    index === size - 1 ? byte ^ 1 : byte,
  );
  const long = Buffer.concat([Buffer.of(1), bytesOf(publicJwk, 'x')]);
  const offCurve = /the point of the JWK, x and y, is not on its curve P-\d+/;
  for (const [what, [members, message]] of Object.entries<[object, RegExp]>({
    'a y that is off the curve': [{ y: Buffer.from(flipped).toString('base64url') }, offCurve],
    'coordinates of another curve': [{ x: 'A'.repeat(40), y: 'A'.repeat(40) }, offCurve],
    'both coordinates zero': [{ x: 'AA', y: 'AA' }, offCurve],
    'a coordinate that is too long': [
      { x: long.toString('base64url') },
      new RegExp(`the member x has ${size + 1} bytes: P-\\d+ needs ${size}`),
    ],
    'a coordinate that is far too long': [{ y: 'A'.repeat(4000) }, /the member y has 3000 bytes/],
    'x beyond the field': [{ x: Buffer.alloc(size, 0xff).toString('base64url') }, offCurve],
    'no x': [{ x: undefined }, /the JWK of type "EC" has no member x/],
    'a y that is null': [{ y: null }, /the JWK of type "EC" has no member y/],
    'an empty y': [{ y: '' }, /the member y of the JWK is not base64url/],
    'a y that is a number': [{ y: 5 }, /the member y of the JWK is not base64url/],
    'a y that is a list': [{ y: [publicJwk['y']] }, /the member y of the JWK is not base64url/],
  })) {
    test(`${alg}: a JWK with ${what} is no public key, and the error says why`, () => {
      assert.throws(() => configure({ ...publicJwk, ...members } as JsonWebKey), {
        name: 'SecretError',
        message,
      });
    });
  }

  test(`${alg}: a coordinate with a zero too many is the same coordinate`, async () => {
    const pair = newKeyPair(alg);
    const padded = (member: string) =>
      Buffer.concat([Buffer.alloc(1), bytesOf(pair.publicJwk, member)]).toString('base64url');
    const value = { ...pair.publicJwk, x: padded('x'), y: padded('y') };
    assert.equal(await accepts(pair, value), undefined);
  });
}

/** The point of P-256 whose x is zero: its y is the root of b (SP 800-186 §3.2.1.3). */
function yAtZero(): string {
  const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  let [y, power, exponent] = [1n, b, (p + 1n) / 4n];
  for (; exponent > 0n; exponent /= 2n) {
    if (exponent % 2n === 1n) y = (y * power) % p;
    power = (power * power) % p;
  }
  return Buffer.from(y.toString(16).padStart(64, '0'), 'hex').toString('base64url');
}

test('a missing coordinate is not zero, although the curve has a point with zero', () => {
  const jwk = { kty: 'EC', crv: 'P-256', y: yAtZero() };
  configure({ ...jwk, x: 'AA' });
  for (const x of ['', undefined, null, 0, []]) {
    assert.throws(() => configure({ ...jwk, x }), { name: 'SecretError' });
  }
});
