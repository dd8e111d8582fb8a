import type { CryptoKey } from 'jose';
import { KeyError } from '../../keys/algorithms.js';
import { type Algorithm, isAlgorithm } from '../../shared/algorithms.js';

interface KeyAlgorithm {
  readonly name: string;
  readonly hash?: { readonly name: string };
  readonly namedCurve?: string;
  readonly modulusLength?: number;
}

const CURVES: Readonly<Record<string, Algorithm>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
};

const PREFIXES: Readonly<Record<string, string>> = {
  'RSASSA-PKCS1-v1_5': 'RS',
  'RSA-PSS': 'PS',
  HMAC: 'HS',
};

/**
 * Which algorithms a CryptoKey signs with: unlike other keys it is made for one of them.
 *
 * @throws {KeyError}
 */
export function algorithmsOfCryptoKey(key: CryptoKey): readonly Algorithm[] {
  const { name, hash, namedCurve, modulusLength } = key.algorithm as KeyAlgorithm;
  if (modulusLength !== undefined && modulusLength < 2048) {
    throw new KeyError(`the RSA key has ${modulusLength} bits: use one of at least 2048`);
  }
  if (name === 'Ed25519') return ['EdDSA', 'Ed25519'];
  const prefix = PREFIXES[name];
  const alg = prefix === undefined ? CURVES[namedCurve ?? ''] : `${prefix}${hash?.name.slice(4)}`;
  if (isAlgorithm(alg)) return [alg];
  const kind = [name, hash?.name ?? namedCurve].filter(Boolean).join(' with ');
  throw new KeyError(
    `CryptoKeys of ${kind} are not supported: use RSA, ECDSA, Ed25519 or HMAC with SHA-256 or longer`,
  );
}
