import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { JsonWebKey } from '../../lib/keys/secret.js';

/** A key pair and the public half as a client would register it. */
export interface KeyPair {
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicJwk: JsonWebKey;
}

const CURVES = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;

function generate(alg: string): { privateKey: KeyObject; publicKey: KeyObject } {
  if (alg === 'EdDSA' || alg === 'Ed25519') return generateKeyPairSync('ed25519');
  if (alg.startsWith('ES')) {
    return generateKeyPairSync('ec', { namedCurve: CURVES[alg as keyof typeof CURVES] });
  }
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

/** A new key pair. */
export function newKeyPair(alg: string, members: Record<string, unknown> = {}): KeyPair {
  const { privateKey, publicKey } = generate(alg);
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), ...members } as JsonWebKey;
  return { alg, privateKey, publicKey, publicJwk };
}

const pairs = new Map<string, KeyPair>();

/** The key pair that tests share where it does not matter which one it is. */
export function keyPair(alg: string): KeyPair {
  const known = pairs.get(alg) ?? newKeyPair(alg);
  pairs.set(alg, known);
  return known;
}
