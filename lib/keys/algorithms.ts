import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import type { Algorithm } from '../shared/algorithms.js';
import { isSmallOrderPoint } from './ed25519.js';
import { isRocaModulus } from './roca.js';

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
const EDDSA = ['EdDSA', 'Ed25519'] as const;

const CURVES: Readonly<Record<string, readonly Algorithm[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
};

/** RFC 7518 §3.3 and §3.5. */
const MINIMUM_RSA_BITS = 2048;

/**
 * Each bit of modulus and exponent makes a signature dearer to check, and a client chooses its own
 * keys: with these a check costs a few times that of an ordinary key, and not a hundred times.
 */
const MAXIMUM_RSA_BITS = 8192;
const MAXIMUM_RSA_EXPONENT = 2n ** 32n;

/** RFC 7518 §3.2: an HMAC key has at least the size of the hash. */
const HMAC_BYTES: readonly (readonly [Algorithm, number])[] = [
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
];

/** Says why a key cannot be used; the message is a sentence for whoever configured it. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

/** A value from a secret as an error may show it: short, and without control characters. */
export const shown = (value: unknown): string =>
  JSON.stringify(Object(value) === value ? '[object]' : String(value).slice(0, 40));

function modulusOf(key: KeyObject): bigint {
  const { n = '' } = key.export({ format: 'jwk' });
  return BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
}

function rsaAlgorithms(key: KeyObject): readonly Algorithm[] {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MINIMUM_RSA_BITS) {
    throw new KeyError(
      `the RSA key has ${modulusLength} bits: use one of at least ${MINIMUM_RSA_BITS}`,
    );
  }
  if (modulusLength > MAXIMUM_RSA_BITS) {
    throw new KeyError(
      `the RSA key has ${modulusLength} bits: use one of at most ${MAXIMUM_RSA_BITS}`,
    );
  }
  if (publicExponent > MAXIMUM_RSA_EXPONENT) {
    throw new KeyError("the RSA key's public exponent has more than 32 bits: use 65537");
  }
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    throw new KeyError(
      `the RSA key's public exponent is ${publicExponent}: it must be odd and > 1`,
    );
  }
  if (isRocaModulus(modulusOf(key))) {
    throw new KeyError('the RSA key is of the kind that can be factored (ROCA): make another one');
  }
  return RSA;
}

function ed25519Algorithms(key: KeyObject): readonly Algorithm[] {
  const { x = '' } = key.export({ format: 'jwk' });
  if (isSmallOrderPoint(Buffer.from(x, 'base64url'))) {
    throw new KeyError('the Ed25519 key is a point of small order, for which anybody can sign');
  }
  return EDDSA;
}

function hmacAlgorithms(key: KeyObject): readonly Algorithm[] {
  const size = key.symmetricKeySize ?? 0;
  const algorithms = HMAC_BYTES.filter(([, bytes]) => size >= bytes).map(([alg]) => alg);
  if (algorithms.length === 0) {
    throw new KeyError(`the shared secret has ${size} bytes: HS256 needs at least 32`);
  }
  return algorithms;
}

/**
 * Which algorithms a key can verify.
 *
 * @throws {KeyError} where the key is too weak or of a kind that no algorithm takes
 */
export function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  if (key.type === 'secret') return hmacAlgorithms(key);
  if (key.asymmetricKeyType === 'rsa') return rsaAlgorithms(key);
  if (key.asymmetricKeyType === 'ed25519') return ed25519Algorithms(key);
  if (key.asymmetricKeyType === 'ec') {
    const curve = key.asymmetricKeyDetails?.namedCurve ?? 'unnamed';
    const algorithms = CURVES[curve];
    if (algorithms !== undefined) return algorithms;
    throw new KeyError(`the curve ${curve} is not supported: use P-256, P-384 or P-521`);
  }
  throw new KeyError(
    `keys of type ${key.asymmetricKeyType} are not supported: use RSA, EC or Ed25519`,
  );
}
