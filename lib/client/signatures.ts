import { constants, createHmac, type KeyObject, sign } from 'node:crypto';
import type { Algorithm } from '../secrets/algorithms.js';

/** Signs bytes, in the form that JWS has. */
export type Sign = (data: Uint8Array) => Uint8Array | Promise<Uint8Array>;

type SignKey = Parameters<typeof sign>[2];

const PSS = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};

function signKey(alg: Algorithm, key: KeyObject): SignKey {
  if (alg.startsWith('PS')) return { key, ...PSS };
  if (alg.startsWith('ES')) return { key, dsaEncoding: 'ieee-p1363' };
  return key;
}

/**
 * Signs with a key of this process (RFC 7518 §3, RFC 8037 §3.1): on the thread pool, by node:crypto
 * and not by WebCrypto, on the way to which ECDSA and EdDSA spend half of their time. HMAC is done
 * at once, since it costs less than the way to the thread pool.
 *
 * @param key one that `alg` fits
 */
export function signer(alg: Algorithm, key: KeyObject): Sign {
  const digest = alg.startsWith('Ed') ? null : `sha${alg.slice(2)}`;
  if (digest !== null && key.type === 'secret') {
    return (data) => createHmac(digest, key).update(data).digest();
  }
  const privateKey = signKey(alg, key);
  return (data) =>
    new Promise((resolve, reject) => {
      sign(digest, data, privateKey, (error, signature) =>
        error === null ? resolve(signature) : reject(error),
      );
    });
}
