import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Algorithm } from '../shared/jose.js';
import { safeText } from '../shared/safe.js';

/** The message is a sentence for the person who configured the key. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

/** Safe to show in an error: short, without control characters. */
export const shown = (value: unknown): string =>
  // JSON escapes some of the control characters only.
  safeText(JSON.stringify(Object(value) === value ? '[object]' : String(value).slice(0, 40))) ?? '';

const RSASSA_PSS = ['PS256', 'PS384', 'PS512'] as const;
const RSA: readonly Algorithm[] = ['RS256', 'RS384', 'RS512', ...RSASSA_PSS];

const CURVES: Readonly<Record<string, readonly Algorithm[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
};

/** RFC 7518 §3.3 and §3.5. */
const MINIMUM_RSA_BITS = 2048;

/** Larger keys make signatures more expensive to verify, and clients choose their own keys. */
export const MAXIMUM_RSA_BITS = 8192;
const MAXIMUM_EXPONENT_BYTES = 4;

/** RFC 7518 §3.2: an HMAC key must be at least as long as the hash. */
const HMAC_BYTES: readonly (readonly [Algorithm, number])[] = [
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
];

export const tooManyRsaBits = (bits: number): KeyError =>
  new KeyError(`the RSA key has ${bits} bits: use one of at most ${MAXIMUM_RSA_BITS}`);

export const exponentTooLong = (): KeyError =>
  new KeyError("the RSA key's public exponent has more than 32 bits: use 65537");

const ROCA_PRIMES: readonly number[] = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const ROCA_GENERATOR = 65_537;

function remaindersOfPowers(prime: number): ReadonlySet<number> {
  const remainders = new Set<number>();
  for (let power = 1; !remainders.has(power); power = (power * ROCA_GENERATOR) % prime) {
    remainders.add(power);
  }
  return remainders;
}

const ROCA_REMAINDERS = ROCA_PRIMES.map(
  (prime) => [BigInt(prime), remaindersOfPowers(prime)] as const,
);

/** ROCA, CVE-2017-15361: a power of 65537 modulo many small primes; so is one in 2^27 others. */
const isRocaModulus = (modulus: bigint): boolean =>
  ROCA_REMAINDERS.every(([prime, remainders]) => remainders.has(Number(modulus % prime)));

const numberIn = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex') || '0'}`);

function checkRsaNumbers(key: KeyObject): void {
  // asymmetricKeyDetails would convert the exponent to a bigint before its size is checked.
  const { n = '', e = '' } = key.export({ format: 'jwk' });
  const [modulusBytes, exponentBytes] = [Buffer.from(n, 'base64url'), Buffer.from(e, 'base64url')];
  const bits = modulusBytes.length * 8 - (Math.clz32(modulusBytes[0] ?? 0xff) - 24);
  if (bits < MINIMUM_RSA_BITS) {
    throw new KeyError(`the RSA key has ${bits} bits: use one of at least ${MINIMUM_RSA_BITS}`);
  }
  if (bits > MAXIMUM_RSA_BITS) throw tooManyRsaBits(bits);
  if (exponentBytes.length > MAXIMUM_EXPONENT_BYTES) throw exponentTooLong();
  const exponent = numberIn(exponentBytes);
  if (exponent < 3n || exponent % 2n === 0n) {
    throw new KeyError(`the RSA key's public exponent is ${exponent}: it must be odd and > 1`);
  }
  if (isRocaModulus(numberIn(modulusBytes))) {
    throw new KeyError('the RSA key can be factored (ROCA): make another key');
  }
}

function rsaAlgorithms(key: KeyObject): readonly Algorithm[] {
  checkRsaNumbers(key);
  return RSA;
}

/** X.690 §8.1. */
function contentOf(der: Buffer, offset: number): readonly [start: number, end: number] {
  const first = der[offset + 1] ?? 0;
  if (first < 0x80) return [offset + 2, offset + 2 + first];
  const size = first & 0x7f;
  const start = offset + 2 + size;
  return [start, start + der.readUIntBE(offset + 2, size)];
}

const RSA_ENCRYPTION = Buffer.from('300d06092a864886f70d0101010500', 'hex');

/** Node exports the numbers of plain RSA keys only. */
export function asPlainRsa(key: KeyObject): KeyObject {
  const spki = key.export({ format: 'der', type: 'spki' });
  const [start] = contentOf(spki, 0);
  const [, algorithmEnd] = contentOf(spki, start);
  const content = Buffer.concat([RSA_ENCRYPTION, spki.subarray(algorithmEnd)]);
  const header = Buffer.of(0x30, 0x82, content.length >> 8, content.length & 0xff);
  const der = Buffer.concat([header, content]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

/** An RSASSA-PSS key may prescribe its hash and salt (RFC 4055 §3.1). */
function rsaPssAlgorithms(key: KeyObject): readonly Algorithm[] {
  checkRsaNumbers(asPlainRsa(key));
  const { hashAlgorithm, mgf1HashAlgorithm, saltLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (hashAlgorithm === undefined) return RSASSA_PSS;
  const algorithms = RSASSA_PSS.filter((alg) => {
    const bits = alg.slice(2);
    // RFC 7518 §3.5: the salt is as long as the hash. The key gives the minimum.
    return (
      hashAlgorithm === `sha${bits}` &&
      mgf1HashAlgorithm === hashAlgorithm &&
      saltLength <= Number(bits) / 8
    );
  });
  if (algorithms.length > 0) return algorithms;
  throw new KeyError(
    `the RSASSA-PSS key is for ${hashAlgorithm}, MGF1 with ${mgf1HashAlgorithm} and a salt of ${saltLength} bytes, which no alg has: use one without parameters`,
  );
}

/** RFC 8032 §5.1. */
const P = 2n ** 255n - 19n;

/** The y coordinate of the points of order 8. Points of order 1, 2 and 4 have 1, -1 and 0. */
const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;

const SMALL_ORDER: readonly bigint[] = [0n, 1n, P - 1n, ORDER_8, P - ORDER_8];

/** With a point of small order, in any encoding (RFC 8032 §5.1.3), anyone can forge signatures. */
function ed25519Algorithms(key: KeyObject): readonly Algorithm[] {
  const { x = '' } = key.export({ format: 'jwk' });
  const bits = numberIn(Buffer.from(x, 'base64url').reverse());
  // The first bit is the sign of x. The other bits may exceed the field, which OpenSSL accepts.
  if (SMALL_ORDER.includes((bits & (2n ** 255n - 1n)) % P)) {
    throw new KeyError('the Ed25519 key is a point of small order, for which anyone can sign');
  }
  return ['EdDSA', 'Ed25519'];
}

function ecAlgorithms(key: KeyObject): readonly Algorithm[] {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? 'unnamed';
  const algorithms = CURVES[curve];
  if (algorithms !== undefined) return algorithms;
  throw new KeyError(`the curve ${curve} is not supported: use P-256, P-384 or P-521`);
}

function hmacAlgorithms(key: KeyObject): readonly Algorithm[] {
  const size = key.symmetricKeySize ?? 0;
  const algorithms = HMAC_BYTES.filter(([, bytes]) => size >= bytes).map(([alg]) => alg);
  if (algorithms.length === 0) {
    throw new KeyError(`the shared secret has ${size} bytes: HS256 needs at least 32`);
  }
  return algorithms;
}

const ALGORITHMS_OF: Readonly<Record<string, (key: KeyObject) => readonly Algorithm[]>> = {
  rsa: rsaAlgorithms,
  'rsa-pss': rsaPssAlgorithms,
  ec: ecAlgorithms,
  ed25519: ed25519Algorithms,
  'ml-dsa-44': () => ['ML-DSA-44'],
  'ml-dsa-65': () => ['ML-DSA-65'],
  'ml-dsa-87': () => ['ML-DSA-87'],
};

export function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  if (key.type === 'secret') return hmacAlgorithms(key);
  const type = String(key.asymmetricKeyType);
  const algorithms = ALGORITHMS_OF[type];
  if (algorithms !== undefined) return algorithms(key);
  throw new KeyError(`keys of type ${type} are not supported: use RSA, EC or Ed25519`);
}
