import { webcrypto } from 'node:crypto';
import type { CryptoKey } from 'jose';
import type { KeyMaterial } from '../../lib/client/index.js';
import type { KeyPair } from './keys.js';

export const PASSPHRASE = 'correct horse battery staple';

type SubtleAlgorithm = Parameters<typeof webcrypto.subtle.importKey>[2];

/** What WebCrypto calls an algorithm of JWS. */
export function subtleAlgorithm(alg: string): SubtleAlgorithm {
  const hash = `SHA-${alg.slice(2)}`;
  if (alg.startsWith('RS')) return { name: 'RSASSA-PKCS1-v1_5', hash };
  if (alg.startsWith('PS')) return { name: 'RSA-PSS', hash };
  if (alg.startsWith('HS')) return { name: 'HMAC', hash };
  if (alg.startsWith('Ed')) return { name: 'Ed25519' };
  return { name: 'ECDSA', namedCurve: alg === 'ES512' ? 'P-521' : `P-${alg.slice(2)}` };
}

/** The private key as a CryptoKey. */
export function privateCryptoKey(pair: KeyPair, extractable: boolean): Promise<CryptoKey> {
  const pkcs8 = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', pkcs8, subtleAlgorithm(pair.alg), extractable, [
    'sign',
  ]);
}

/** The private key in PEM. */
export const pem = ({ privateKey }: KeyPair, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8'): string =>
  privateKey.export({ type: type as 'pkcs8', format: 'pem' }).toString();

/** The private key in PEM, encrypted with PASSPHRASE. */
export const encryptedPem = (
  { privateKey }: KeyPair,
  type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8',
): string =>
  privateKey
    .export({
      type: type as 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: PASSPHRASE,
    })
    .toString();

/** The private key as a JWK. */
export const privateJwk = ({ privateKey }: KeyPair) =>
  privateKey.export({ format: 'jwk' }) as { kty: string; [member: string]: unknown };

/** Every form in which a private key of this type comes, by its name; encrypted ones with passphrase. */
export async function keyForms(pair: KeyPair): Promise<Record<string, KeyMaterial>> {
  const json = JSON.stringify(privateJwk(pair));
  const forms: Record<string, KeyMaterial> = {
    'PKCS#8 PEM': pem(pair),
    'PKCS#8 PEM as the bytes of a file': Buffer.from(pem(pair)),
    'encrypted PKCS#8 PEM': encryptedPem(pair),
    JWK: privateJwk(pair),
    'JSON of a JWK': json,
    'single-quoted JSON of a JWK': json.replaceAll('"', "'"),
    KeyObject: pair.privateKey,
    CryptoKey: await privateCryptoKey(pair, true),
  };
  const traditional = { rsa: 'pkcs1', ec: 'sec1' } as const;
  const type = traditional[pair.privateKey.asymmetricKeyType as keyof typeof traditional];
  if (type !== undefined) {
    forms[`${type.toUpperCase()} PEM`] = pem(pair, type);
    forms[`encrypted ${type.toUpperCase()} PEM`] = encryptedPem(pair, type);
  }
  return forms;
}
