import {
  type Attack,
  clientWith,
  jwkSecret,
  signedBy,
  testAttacks,
} from '../../support/attacks.js';
import { keyPair } from '../../support/keys.js';
import { rightSigner, signer } from '../../support/raw-jws.js';

const RSA = keyPair('RS256');
const P256 = keyPair('ES256');
const ED25519 = keyPair('EdDSA');

const CLIENTS = [
  clientWith('rsa', [jwkSecret(RSA)]),
  clientWith('p256', [jwkSecret(P256)]),
  clientWith('ed25519', [jwkSecret(ED25519)]),
];

const rsa = (hash: string) => signer(hash, RSA.privateKey);
const ORDER_OF_P256 = Buffer.from(
  'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  'hex',
);
const zeros = (length: number) => Buffer.alloc(length);
const one = Buffer.concat([zeros(31), Buffer.of(1)]);
const es256 = rightSigner(P256);

const WRONG_SIGNATURE: readonly Attack[] = [
  ...Object.entries({
    'r and s zero (CVE-2022-21449)': Buffer.concat([zeros(32), zeros(32)]),
    'r zero': Buffer.concat([zeros(32), one]),
    's zero': Buffer.concat([one, zeros(32)]),
    'r and s the order of the curve': Buffer.concat([ORDER_OF_P256, ORDER_OF_P256]),
    'r and s one': Buffer.concat([one, one]),
    'one byte': Buffer.of(0),
    'a kilobyte': zeros(1024),
  }).map(([name, signature]) => ({
    name: `ES256 with ${name}`,
    reason: 'signature_invalid' as const,
    assertion: signedBy('p256', 'ES256', () => signature),
  })),
  {
    name: 'ES256 as DER (RFC 7518 §3.4)',
    reason: 'signature_invalid',
    assertion: signedBy('p256', 'ES256', signer('sha256', P256.privateKey, { dsaEncoding: 'der' })),
  },
  {
    name: 'ES256 with its last byte missing',
    reason: 'signature_invalid',
    assertion: signedBy('p256', 'ES256', (input) => es256(input).subarray(0, 63)),
  },
  {
    name: 'ES256 with a zero byte more',
    reason: 'signature_invalid',
    assertion: signedBy('p256', 'ES256', (input) => Buffer.concat([es256(input), zeros(1)])),
  },
  {
    name: 'ES256 padded to the size of ES384',
    reason: 'signature_invalid',
    assertion: signedBy('p256', 'ES256', (input) => {
      const signature = es256(input);
      return Buffer.concat([
        zeros(16),
        signature.subarray(0, 32),
        zeros(16),
        signature.subarray(32),
      ]);
    }),
  },
  {
    name: 'EdDSA with all zeros',
    reason: 'signature_invalid',
    assertion: signedBy('ed25519', 'EdDSA', () => zeros(64)),
  },
  {
    name: 'EdDSA with the order added to S (RFC 8032 §5.1.7)',
    reason: 'signature_invalid',
    assertion: signedBy('ed25519', 'EdDSA', (input) => withOrderAdded(rightSigner(ED25519)(input))),
  },
  {
    name: 'RS256 with all zeros',
    reason: 'signature_invalid',
    assertion: signedBy('rsa', 'RS256', () => zeros(256)),
  },
  {
    name: 'RS256 with a leading zero byte',
    reason: 'signature_invalid',
    assertion: signedBy('rsa', 'RS256', (input) => Buffer.concat([zeros(1), rsa('sha256')(input)])),
  },
  {
    name: 'the signature of another assertion',
    reason: 'signature_invalid',
    assertion: signedBy('p256', 'ES256', () => es256('another')),
  },
];

/** The same signature by another number: S + L, which a careful verifier refuses. */
function withOrderAdded(signature: Buffer): Buffer {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const littleEndian = Buffer.from(signature.subarray(32)).reverse().toString('hex');
  const sum = (BigInt(`0x${littleEndian}`) + order).toString(16).padStart(64, '0');
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(sum, 'hex').reverse()]);
}

await testAttacks(WRONG_SIGNATURE, { clients: CLIENTS });
