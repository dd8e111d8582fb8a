import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { assertClientSecrets, type Secret } from '../../lib/index.js';
import { clientCertificate } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';

const FIELD = 2n ** 255n - 19n;
const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SIGN = 2n ** 255n;

/** The spellings that no other point has; 0 and 1 may also be written as more than the field. */
const POINTS: Readonly<Record<string, bigint>> = {
  '0': 0n,
  '1': 1n,
  '-1': FIELD - 1n,
  'order 8': ORDER_8,
  'its negative': FIELD - ORDER_8,
  '0 beyond the field': FIELD,
  '1 beyond the field': FIELD + 1n,
};

const encode = (bits: bigint): Buffer =>
  Buffer.from(bits.toString(16).padStart(64, '0'), 'hex').reverse();

const R_VALUES = Object.values(POINTS).flatMap((y) => [encode(y), encode(y + SIGN)]);

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const spki = (point: Buffer): Buffer => Buffer.concat([SPKI_PREFIX, point]);
const spkiPem = (point: Buffer): string =>
  `-----BEGIN PUBLIC KEY-----\n${spki(point).toString('base64')}\n-----END PUBLIC KEY-----\n`;

/** For how many of 64 messages somebody without a private key guesses a signature. */
function countForged(point: Buffer): number {
  const key = createPublicKey({ key: spki(point), format: 'der', type: 'spki' });
  const isForged = (message: Buffer) =>
    R_VALUES.some((r) => verify(null, message, key, Buffer.concat([r, Buffer.alloc(32)])));
  return Array.from({ length: 64 }, (_, i) => Buffer.from(`message ${i}`)).filter(isForged).length;
}

/** Some releases from Node 24 on verify nothing with a key of small order: 1 shows which. */
const REFUSED_BY_NODE = countForged(encode(1n)) === 0;

const pair = keyPair('EdDSA');
const certificate = await clientCertificate(pair);

/** A certificate is pinned, so that its own signature does not count. */
function certificateFor(point: Buffer): string {
  const der = Buffer.from(certificate.der);
  const own = Buffer.from(String(pair.publicJwk['x']), 'base64url');
  point.copy(der, der.indexOf(own));
  return der.toString('base64');
}

for (const [name, y] of Object.entries(POINTS)) {
  for (const [sign, bits] of [
    ['+', y],
    ['-', y + SIGN],
  ] as const) {
    test(`an Ed25519 key of small order, y = ${name}, x ${sign}, is refused in every form`, () => {
      const point = encode(bits);
      const x = point.toString('base64url');
      const forms: readonly Secret[] = [
        { type: 'JsonWebKey', value: { kty: 'OKP', crv: 'Ed25519', x } },
        { type: 'JsonWebKeySet', value: { keys: [{ kty: 'OKP', crv: 'Ed25519', x }] } },
        { type: 'PublicKeyPem', value: spkiPem(point) },
        { type: 'X509CertificateBase64', value: certificateFor(point) },
      ];
      for (const secret of forms) {
        assert.throws(() => assertClientSecrets({ clientId: 'client', secrets: [secret] }), {
          name: 'SecretError',
          message: /the Ed25519 key is a point of small order, for which anyone can sign/,
        });
      }
    });
  }

  test(`with y = ${name} anyone can sign, unless this Node refuses all such keys`, () => {
    assert.equal(countForged(encode(y)) > 0, !REFUSED_BY_NODE);
  });
}

test('an ordinary Ed25519 key is of large order', () => {
  assert.equal(countForged(Buffer.from(String(pair.publicJwk['x']), 'base64url')), 0);
  assertClientSecrets({
    clientId: 'client',
    secrets: [{ type: 'JsonWebKey', value: pair.publicJwk }],
  });
});
