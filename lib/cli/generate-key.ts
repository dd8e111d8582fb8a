import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

/** The algorithms that `keygen` makes keys for. */
export const KEY_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

/** One of them. */
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** Generates a private key, with the size and curve that belong to the algorithm. */
export async function generatePrivateKey(alg: KeyAlgorithm): Promise<KeyObject> {
  switch (alg) {
    case 'ES256':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
    case 'ES384':
      return (await generate('ec', { namedCurve: 'P-384' })).privateKey;
    case 'ES512':
      return (await generate('ec', { namedCurve: 'P-521' })).privateKey;
    case 'EdDSA':
      return (await generate('ed25519')).privateKey;
    default:
      return (await generate('rsa', { modulusLength: 2048 })).privateKey;
  }
}
