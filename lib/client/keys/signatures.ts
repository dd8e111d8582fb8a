import { constants, createHmac, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Algorithm } from '../../shared/algorithms.js';

/** Signs bytes, in the form that JWS has. */
export type Sign = (data: Uint8Array) => Uint8Array | Promise<Uint8Array>;

type SignKey = Parameters<typeof sign>[2];

const PSS = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};

/** How a key signs. The encoding matters to ECDSA alone. */
const signKey = (alg: Algorithm, key: KeyObject): SignKey =>
  alg.startsWith('PS') ? { key, ...PSS } : { key, dsaEncoding: 'ieee-p1363' };

const signOnThreadPool = promisify(sign);

/**
 * Signs with a key of this process (RFC 7518 §3, RFC 8037 §3.1): on the thread pool, by node:crypto
 * and not by WebCrypto, on the way to which ECDSA and EdDSA spend half of their time. HMAC is done
 * at once, since it costs less than the way to the thread pool.
 *
 * @param key one that `alg` fits
 */
export function signer(alg: Algorithm, key: KeyObject): Sign {
  const hash = `sha${alg.slice(2)}`;
  if (key.type === 'secret') return (data) => createHmac(hash, key).update(data).digest();
  const digest = alg.startsWith('Ed') ? null : hash;
  const privateKey = signKey(alg, key);
  return (data) => signOnThreadPool(digest, data, privateKey);
}
