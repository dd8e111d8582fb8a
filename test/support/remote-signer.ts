import { constants, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { RemoteSigner } from '../../lib/client/index.js';
import type { Algorithm } from '../../lib/shared/jose.js';
import { keyPair } from './keys.js';

const signData = promisify(sign);

/** A key service that holds the shared key of an algorithm, and the data that it was asked to sign. */
export interface KeyService extends RemoteSigner {
  readonly signed: string[];
}

/** A key service; its ECDSA signatures are in the encoding that is named. */
export function keyService(alg: Algorithm, dsaEncoding: 'der' | 'ieee-p1363' = 'der'): KeyService {
  const { privateKey: key } = keyPair(alg);
  const digest = alg.startsWith('Ed') ? null : `sha${alg.slice(2)}`;
  const pss = {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  };
  const signed: string[] = [];
  return {
    alg,
    kid: 'remote',
    signed,
    sign(data) {
      signed.push(Buffer.from(data).toString());
      return signData(digest, data, { key, dsaEncoding, ...(alg.startsWith('PS') && pss) });
    },
  };
}
