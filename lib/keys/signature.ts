import { Buffer } from 'node:buffer';
import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import type { Algorithm } from '../shared/jose.js';
import type { CompactJws } from './compact-jws.js';

export interface VerificationKey {
  readonly keyObject: KeyObject;
  /** Those that fit the key's type, curve, size and `alg`. */
  readonly algorithms: readonly Algorithm[];
  readonly kid?: string | undefined;
  readonly x5t?: string | undefined;
  readonly x5tS256?: string | undefined;
  /** In seconds since the epoch, like `notAfter`. */
  readonly notBefore?: number | undefined;
  readonly notAfter?: number | undefined;
}

/** Of keys at hand, and again of fetched keys. */
export const MAX_TRIES = 8;

export function certificateState(
  { notBefore, notAfter }: VerificationKey,
  now: number,
): 'valid' | 'early' | 'expired' {
  if (notBefore !== undefined && notBefore > now) return 'early';
  // RFC 5280 §4.1.2.5: notAfter is inclusive.
  return notAfter !== undefined && notAfter < now ? 'expired' : 'valid';
}

// node:crypto instead of jose's verify: both end in the same OpenSSL call on the thread pool, but
// jose's overhead is up to a third of an RS256 check (bench/RESULTS.md).

type VerifyKey = Parameters<typeof verify>[2];

interface Verification {
  readonly digest: string | null;
  /** Two numbers of the curve's size (RFC 7518 §3.4). */
  readonly size?: number;
  readonly keyOf: (key: KeyObject) => VerifyKey;
}

const plain = (key: KeyObject): VerifyKey => key;

const pss = (key: KeyObject): VerifyKey => ({
  key,
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
});

const ecdsa = (key: KeyObject): VerifyKey => ({ key, dsaEncoding: 'ieee-p1363' });

const VERIFICATIONS: Readonly<Record<Algorithm, Verification>> = {
  RS256: { digest: 'sha256', keyOf: plain },
  RS384: { digest: 'sha384', keyOf: plain },
  RS512: { digest: 'sha512', keyOf: plain },
  PS256: { digest: 'sha256', keyOf: pss },
  PS384: { digest: 'sha384', keyOf: pss },
  PS512: { digest: 'sha512', keyOf: pss },
  ES256: { digest: 'sha256', keyOf: ecdsa, size: 64 },
  ES384: { digest: 'sha384', keyOf: ecdsa, size: 96 },
  ES512: { digest: 'sha512', keyOf: ecdsa, size: 132 },
  EdDSA: { digest: null, keyOf: plain },
  Ed25519: { digest: null, keyOf: plain },
  'ML-DSA-44': { digest: null, keyOf: plain },
  'ML-DSA-65': { digest: null, keyOf: plain },
  'ML-DSA-87': { digest: null, keyOf: plain },
  HS256: { digest: 'sha256', keyOf: plain },
  HS384: { digest: 'sha384', keyOf: plain },
  HS512: { digest: 'sha512', keyOf: plain },
};

const bytesOfModulus = ({ asymmetricKeyDetails }: KeyObject): number =>
  Math.ceil((asymmetricKeyDetails?.modulusLength ?? 0) / 8);

function verifyHmac(digest: string, data: Buffer, key: KeyObject, signature: Buffer): boolean {
  const expected = createHmac(digest, key).update(data).digest();
  return expected.length === signature.length && timingSafeEqual(expected, signature);
}

/** RFC 7515 §5.2. HMAC runs synchronously, because it costs less than the thread pool. */
export function verifySignature(
  { header, signingInput, signature }: CompactJws,
  { keyObject }: VerificationKey,
): boolean | Promise<boolean> {
  const { digest, size, keyOf } = VERIFICATIONS[header['alg'] as Algorithm];
  // OpenSSL accepts a PSS signature without its leading zero bytes, RFC 8017 §8.1.2 does not.
  const length = keyOf === pss ? bytesOfModulus(keyObject) : size;
  if (length !== undefined && signature.length !== length) return false;
  const data = Buffer.from(signingInput, 'latin1');
  if (keyObject.type === 'secret') return verifyHmac(digest ?? '', data, keyObject, signature);
  return new Promise((resolve) => {
    verify(digest, data, keyOf(keyObject), signature, (error, valid) =>
      resolve(error === null && valid),
    );
  });
}
