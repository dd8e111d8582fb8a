import { Buffer } from 'node:buffer';
import { createPublicKey } from 'node:crypto';

const ALL = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'ML-DSA-44',
  'ML-DSA-65',
  'ML-DSA-87',
  'HS256',
  'HS384',
  'HS512',
] as const;

/**
 * The `alg` of an assertion (RFC 7518 §3.1, RFC 8037, RFC 9864, and ML-DSA for JOSE).
 *
 * @useDeclaredType
 */
export type Algorithm = (typeof ALL)[number];

/** Says why a key cannot be used; the message is a sentence for the person who configured it. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

/** A value from a secret as an error may show it: short, and without control characters. */
export const shown = (value: unknown): string =>
  JSON.stringify(Object(value) === value ? '[object]' : String(value).slice(0, 40));

/** The object identifier and the size in bytes of each ML-DSA public key (FIPS 204, RFC 9881). */
const ML_DSA: Readonly<Record<string, readonly [oid: number, bytes: number]>> = {
  'ML-DSA-44': [0x11, 1312],
  'ML-DSA-65': [0x12, 1952],
  'ML-DSA-87': [0x13, 2592],
};

const derLength = (length: number): Buffer => Buffer.of(0x82, length >> 8, length & 0xff);

/** The DER of an ML-DSA public key (RFC 9881 §4). */
function mlDsaSpki(oid: number, publicKey: Buffer): Buffer {
  const algorithm = Buffer.concat([Buffer.from('300b06096086480165030403', 'hex'), Buffer.of(oid)]);
  const bits = Buffer.concat([
    Buffer.of(0x03),
    derLength(publicKey.length + 1),
    Buffer.of(0),
    publicKey,
  ]);
  const content = Buffer.concat([algorithm, bits]);
  return Buffer.concat([Buffer.of(0x30), derLength(content.length), content]);
}

function canRead(oid: number, bytes: number): boolean {
  try {
    const key = mlDsaSpki(oid, Buffer.alloc(bytes));
    createPublicKey({ key, format: 'der', type: 'spki' });
    return true;
  } catch {
    return false;
  }
}

/** Node can verify ML-DSA if its OpenSSL can; the feature is tried, whatever the version is. */
const SUPPORTED: ReadonlySet<string> = new Set(
  ALL.filter((alg) => {
    const parameters = ML_DSA[alg];
    return parameters === undefined || canRead(...parameters);
  }),
);

/**
 * The public key of an ML-DSA JWK.
 *
 * @throws {KeyError} if this Node cannot verify ML-DSA, or the key has the wrong size
 */
export function mlDsaPublicKey(alg: unknown, publicKey: Buffer) {
  const parameters = Object.hasOwn(ML_DSA, String(alg)) ? ML_DSA[String(alg)] : undefined;
  if (parameters === undefined) {
    throw new KeyError(
      `the AKP key has the alg ${shown(alg)}: use ${Object.keys(ML_DSA).join(', ')}`,
    );
  }
  if (!SUPPORTED.has(String(alg))) throw new KeyError(cannotVerify(String(alg)));
  const [oid, bytes] = parameters;
  if (publicKey.length !== bytes) {
    throw new KeyError(`the member pub has ${publicKey.length} bytes: ${alg} takes ${bytes}`);
  }
  return createPublicKey({ key: mlDsaSpki(oid, publicKey), format: 'der', type: 'spki' });
}

const cannotVerify = (alg: string): string =>
  `this Node (${process.version}, OpenSSL ${process.versions.openssl}) cannot verify ${alg}: use Node 24.6 or newer`;

/** The algorithms that this Node can verify. */
export const ALGORITHMS: readonly Algorithm[] = ALL.filter((alg) => SUPPORTED.has(alg));

/** Tells whether a string is an algorithm that this Node can verify. */
export const isAlgorithm = (value: unknown): value is Algorithm => SUPPORTED.has(value as string);

/** What to choose instead of a value that is no algorithm here. */
export const insteadOfAlgorithm = (value: unknown): string =>
  (ALL as readonly unknown[]).includes(value)
    ? cannotVerify(String(value))
    : `choose from ${ALGORITHMS.join(', ')}`;

const isEdDsa = (alg: unknown): boolean => alg === 'EdDSA' || alg === 'Ed25519';

/** Whether two names stand for one algorithm: Ed25519 has two, an old and a new (RFC 9864 §2.2). */
export const isSameAlgorithm = (a: unknown, b: unknown): boolean =>
  a === b || (isEdDsa(a) && isEdDsa(b));
