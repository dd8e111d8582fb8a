import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { compactVerify } from 'jose';
import { algorithmsOf, KeyError } from '../../keys/algorithms.js';
import { keyFromJwk, refuseSecretJwk } from '../../keys/jwk.js';
import { keysFromPem } from '../../keys/pem.js';
import type { JsonWebKey } from '../../keys/secret.js';
import { type Algorithm, isAlgorithm } from '../../shared/jose.js';
import { type CertificateOptions, certificateOf } from './certificate.js';
import { compactJws, type KeyParts } from './jws.js';
import { chooseKid, publicJwkOf } from './key-material.js';
import { textOf, unwrapped } from './key-text.js';

/**
 * A key in a key management service or hardware module. The key never enters this process.
 * @example
 * ```ts
 * const key: RemoteSigner = {
 *   alg: 'ES256',
 *   kid: 'client-2027',
 *   async sign(data) {
 *     const { Signature } = await kms.sign({
 *       KeyId: 'alias/client',
 *       Message: data,
 *       MessageType: 'RAW',
 *       SigningAlgorithm: 'ECDSA_SHA_256',
 *     });
 *     if (Signature === undefined) throw new Error('The key service has returned no signature');
 *     return Signature;
 *   },
 * };
 * ```
 */
export interface RemoteSigner extends CertificateOptions {
  /** The algorithm of the key. */
  readonly alg: Algorithm;
  /**
   * The `kid` of the header; false for none. Default: the `kid` of `publicJwk`, otherwise its
   * thumbprint (RFC 7638); none without `publicJwk`.
   */
  readonly kid?: string | false | undefined;
  /**
   * Signs. If your service expects a digest, hash the data with the hash of `alg`.
   * @param data the bytes to sign, not hashed
   * @returns the signature; for ECDSA either in JWS format or as DER, which is converted
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /**
   * The public half of the key, for a `KeyRing` to publish: a JWK, or the PEM or DER that key
   * services return. With it or the certificate, signatures are verified until the first one is
   * right.
   */
  readonly publicJwk?: JsonWebKey | string | Uint8Array | undefined;
}

/** Key types of vaults for keys in hardware; the public half is an ordinary key. */
const HARDWARE_KEY_TYPES: Readonly<Record<string, string>> = { 'RSA-HSM': 'RSA', 'EC-HSM': 'EC' };

function plainJwk(jwk: JsonWebKey): JsonWebKey {
  const members = Object.entries(jwk).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value,
  ]);
  return { ...Object.fromEntries(members), kty: HARDWARE_KEY_TYPES[jwk.kty] ?? jwk.kty };
}

interface PublicHalf {
  readonly key: KeyObject;
  readonly algorithms: readonly Algorithm[];
  readonly jwk: JsonWebKey;
}

function fromJwk(given: JsonWebKey): PublicHalf {
  const jwk = plainJwk(given);
  refuseSecretJwk(jwk);
  const { keyObject, algorithms } = keyFromJwk(jwk);
  return { key: keyObject, algorithms, jwk };
}

function fromDer(der: Buffer): PublicHalf {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    throw new KeyError('the DER is not a public key (SubjectPublicKeyInfo)');
  }
  return { key, algorithms: algorithmsOf(key), jwk: publicJwkOf(key) };
}

function fromText(outer: string | Buffer): PublicHalf {
  const text = typeof outer === 'string' ? unwrapped(outer) : outer;
  if (typeof text !== 'string') return fromDer(text);
  if (text.startsWith('{')) return fromJwk(JSON.parse(text));
  const [key, ...others] = keysFromPem(text);
  if (key === undefined || others.length > 0) throw new KeyError('it has several public keys');
  const { keyObject, algorithms } = key;
  return { key: keyObject, algorithms, jwk: publicJwkOf(keyObject) };
}

function publicHalfOf({ alg, publicJwk }: RemoteSigner): PublicHalf | undefined {
  if (publicJwk === undefined) return undefined;
  try {
    const isBytes = publicJwk instanceof Uint8Array;
    const half =
      isBytes || typeof publicJwk === 'string'
        ? fromText(isBytes ? textOf(publicJwk) : publicJwk)
        : fromJwk(publicJwk);
    if (half.algorithms.includes(alg)) return half;
    throw new KeyError(`alg ${alg} does not fit it: use ${half.algorithms.join(' or ')}`);
  } catch (error) {
    throw new KeyError(`publicJwk is wrong: ${(error as Error).message}`);
  }
}

/** Sizes that do not depend on the key (RFC 7518 §3.2, §3.4; RFC 8032 §5.1.6; FIPS 204 §4). */
const BYTES: Readonly<Record<string, number>> = {
  ES256: 64,
  ES384: 96,
  ES512: 132,
  EdDSA: 64,
  Ed25519: 64,
  HS256: 32,
  HS384: 48,
  HS512: 64,
  'ML-DSA-44': 2420,
  'ML-DSA-65': 3309,
  'ML-DSA-87': 4627,
};

/** As long as the key, which has at least 2048 bits (RFC 7518 §3.3). */
const LEAST_RSA_BYTES = 256;

const SEQUENCE = 0x30;
const INTEGER = 0x02;

interface Element {
  readonly content: Buffer;
  readonly rest: Buffer;
}

function readElement(der: Buffer, tag: number): Element | undefined {
  if (der.length < 2 || der[0] !== tag) return undefined;
  const first = der.readUInt8(1);
  const isLong = first === 0x81 && der.length > 2;
  if (first > 0x7f && !isLong) return undefined;
  const start = isLong ? 3 : 2;
  const end = start + (isLong ? der.readUInt8(2) : first);
  if (end > der.length) return undefined;
  return { content: der.subarray(start, end), rest: der.subarray(end) };
}

function fixedSize(integer: Buffer, size: number): Buffer | undefined {
  let start = 0;
  while (integer[start] === 0) start += 1;
  const digits = integer.subarray(start);
  if (digits.length === 0 || digits.length > size) return undefined;
  return Buffer.concat([Buffer.alloc(size - digits.length), digits]);
}

function fromDerSignature(signature: Buffer, size: number): Buffer | undefined {
  const sequence = readElement(signature, SEQUENCE);
  if (sequence === undefined || sequence.rest.length > 0) return undefined;
  const r = readElement(sequence.content, INTEGER);
  const s = r === undefined ? undefined : readElement(r.rest, INTEGER);
  if (r === undefined || s === undefined || s.rest.length > 0) return undefined;
  const numbers = [fixedSize(r.content, size), fixedSize(s.content, size)];
  return numbers.every((number) => number !== undefined) ? Buffer.concat(numbers) : undefined;
}

/** JWS: two numbers (RFC 7518 §3.4). Key services often return ASN.1 DER (RFC 3279 §2.2.3). */
function joseSignature(alg: Algorithm, signature: Uint8Array): Uint8Array | undefined {
  const size = BYTES[alg];
  if (size === undefined) return signature.length >= LEAST_RSA_BYTES ? signature : undefined;
  if (signature.length === size) return signature;
  if (!alg.startsWith('ES')) return undefined;
  const { buffer, byteOffset, byteLength } = signature;
  return fromDerSignature(Buffer.from(buffer, byteOffset, byteLength), size / 2);
}

async function signatureOf(signer: RemoteSigner, data: Uint8Array): Promise<Uint8Array> {
  const returned: unknown = await signer.sign(data);
  if (!(returned instanceof Uint8Array)) {
    throw new TypeError(
      'The remote signer must return bytes (a Uint8Array): decode base64, and wrap an ArrayBuffer.',
    );
  }
  const signature = joseSignature(signer.alg, returned);
  if (signature !== undefined) return signature;
  throw new Error(`The remote signer did not return a signature of ${signer.alg}.`);
}

async function verify(jws: string, publicKey: KeyObject): Promise<void> {
  try {
    await compactVerify(jws, publicKey);
  } catch {
    throw new Error(
      'The signature of the remote signer does not verify with its public key: does publicJwk belong to another key, or did the signer hash the data twice?',
    );
  }
}

/** Verifies each JWS until the first correct one: a wrong signature is a mistake in `sign`. */
function jwsMaker(signer: RemoteSigner, publicKey: KeyObject | undefined): KeyParts['sign'] {
  let unproved = publicKey;
  return async (header, claims) => {
    const jws = await compactJws(header, claims, (data) => signatureOf(signer, data));
    if (unproved !== undefined) await verify(jws, unproved);
    unproved = undefined;
    return jws;
  };
}

export function remoteKey(signer: RemoteSigner): KeyParts {
  const { alg, kid } = signer;
  if (!isAlgorithm(alg)) {
    throw new KeyError(`the remote signer's alg is ${JSON.stringify(alg)}: use an alg of JWS`);
  }
  const half = publicHalfOf(signer);
  const certificate = certificateOf(signer, alg, half?.key);
  return {
    alg,
    kid: chooseKid(kid, half?.jwk.kid, half?.jwk),
    publicJwk: half?.jwk,
    certificate,
    sign: jwsMaker(signer, half?.key ?? certificate?.publicKey),
  };
}
