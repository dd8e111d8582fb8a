import { Buffer } from 'node:buffer';
import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import type { Algorithm } from '../secrets/algorithms.js';
import type { Candidate } from '../secrets/select-key.js';
import type { VerificationKey } from '../secrets/verification-key.js';
import type { CompactJws } from './compact-jws.js';

// node:crypto and not jose's verify: both end in the same OpenSSL call on the thread pool, and the
// way there costs as much as a third of an RS256 check (bench/RESULTS.md).

type VerifyKey = Parameters<typeof verify>[2];

const PSS = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};

/** The size of an ECDSA signature: two numbers of the curve's size (RFC 7518 §3.4). */
const ECDSA_SIGNATURE_BYTES: Readonly<Record<string, number>> = {
  ES256: 64,
  ES384: 96,
  ES512: 132,
};

function verifyKey(alg: Algorithm, key: KeyObject): VerifyKey {
  if (alg.startsWith('PS')) return { key, ...PSS };
  if (alg.startsWith('ES')) return { key, dsaEncoding: 'ieee-p1363' };
  return key;
}

function verifyHmac(digest: string, data: Buffer, key: KeyObject, signature: Buffer): boolean {
  const expected = createHmac(digest, key).update(data).digest();
  return expected.length === signature.length && timingSafeEqual(expected, signature);
}

/**
 * Whether the key made the signature, under the header's `alg` (RFC 7515 §5.2). Public keys are
 * used on the thread pool; HMAC is done at once, since it costs less than the way there.
 *
 * @param key one whose `algorithms` include the header's `alg`
 */
export function verifySignature(
  jws: CompactJws,
  { keyObject }: VerificationKey,
): boolean | Promise<boolean> {
  const alg = jws.header['alg'] as Algorithm;
  const data = Buffer.from(jws.signingInput, 'latin1');
  const { signature } = jws;
  const size = ECDSA_SIGNATURE_BYTES[alg];
  if (size !== undefined && signature.length !== size) return false;

  const digest = alg.startsWith('Ed') ? null : `sha${alg.slice(2)}`;
  if (keyObject.type === 'secret') return verifyHmac(digest ?? '', data, keyObject, signature);
  return new Promise((resolve) => {
    verify(digest, data, verifyKey(alg, keyObject), signature, (error, valid) =>
      resolve(error === null && valid),
    );
  });
}

/** The first of the candidates whose key made the signature. */
export async function findSigner(
  jws: CompactJws,
  candidates: readonly Candidate[],
): Promise<Candidate | undefined> {
  for (const candidate of candidates) {
    if (await verifySignature(jws, candidate.key)) return candidate;
  }
  return undefined;
}
