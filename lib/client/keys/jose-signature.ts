import { Buffer } from 'node:buffer';
import type { Algorithm } from '../../shared/algorithms.js';

/** The sizes of signatures, where the key does not say (RFC 7518 §3.2, §3.4; RFC 8032 §5.1.6). */
const BYTES: Readonly<Record<string, number>> = {
  ES256: 64,
  ES384: 96,
  ES512: 132,
  EdDSA: 64,
  Ed25519: 64,
  HS256: 32,
  HS384: 48,
  HS512: 64,
};

/** RSA signatures are as long as the key, which has 2048 bits or more (RFC 7518 §3.3). */
const LEAST_RSA_BYTES = 256;

const SEQUENCE = 0x30;
const INTEGER = 0x02;

interface Element {
  readonly content: Buffer;
  readonly rest: Buffer;
}

/** Reads one DER element; undefined where there is none of this tag. */
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

/** A positive DER integer as a number of fixed size. */
function fixedSize(integer: Buffer, size: number): Buffer | undefined {
  let start = 0;
  while (integer[start] === 0) start += 1;
  const digits = integer.subarray(start);
  if (digits.length === 0 || digits.length > size) return undefined;
  return Buffer.concat([Buffer.alloc(size - digits.length), digits]);
}

function fromDer(signature: Buffer, size: number): Buffer | undefined {
  const sequence = readElement(signature, SEQUENCE);
  if (sequence === undefined || sequence.rest.length > 0) return undefined;
  const r = readElement(sequence.content, INTEGER);
  const s = r === undefined ? undefined : readElement(r.rest, INTEGER);
  if (r === undefined || s === undefined || s.rest.length > 0) return undefined;
  const numbers = [fixedSize(r.content, size), fixedSize(s.content, size)];
  return numbers.every((number) => number !== undefined) ? Buffer.concat(numbers) : undefined;
}

/**
 * A signature in the form that JWS has: for ECDSA the two numbers one after the other, each of the
 * curve's size (RFC 7518 §3.4). Key services and HSMs often return an ASN.1 DER sequence of them
 * instead (RFC 3279 §2.2.3), which is converted; other signatures are left as they are.
 *
 * @returns undefined where the bytes are neither
 */
export function joseSignature(alg: Algorithm, signature: Uint8Array): Uint8Array | undefined {
  const size = BYTES[alg];
  if (size === undefined) return signature.length >= LEAST_RSA_BYTES ? signature : undefined;
  if (signature.length === size) return signature;
  if (!alg.startsWith('ES')) return undefined;
  const { buffer, byteOffset, byteLength } = signature;
  return fromDer(Buffer.from(buffer, byteOffset, byteLength), size / 2);
}
