import {
  constants,
  createHmac,
  type KeyObject,
  type SignKeyObjectInput,
  sign as signWith,
} from 'node:crypto';
import { validClaims } from './assertion.js';
import { type KeyPair, keyPair } from './keys.js';

/** Signs a signing input, rightly or in a way that no library would. */
export type Signer = (signingInput: string) => Buffer;

/** A part of a JWS: JSON as text, bytes, or a value to be made JSON of. */
export type Part = string | Uint8Array | object;

const bytesOf = (part: Part): Uint8Array =>
  part instanceof Uint8Array
    ? part
    : Buffer.from(typeof part === 'string' ? part : JSON.stringify(part));

/** Base64url of a part. */
export const encoded = (part: Part): string => Buffer.from(bytesOf(part)).toString('base64url');

/** Signs with a private key and a hash, such as `sha256`; null for Ed25519. */
export const signer =
  (hash: string | null, key: KeyObject, more: Partial<SignKeyObjectInput> = {}): Signer =>
  (input) =>
    signWith(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363', ...more });

/** Signs with HMAC. */
export const hmacSigner =
  (hash: string, secret: string | Uint8Array): Signer =>
  (input) =>
    createHmac(hash, secret).update(input).digest();

/** RSASSA-PSS with a salt of so many bytes. */
export const pssSigner = (hash: string, key: KeyObject, saltLength: number): Signer =>
  signer(hash, key, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

/** How the algorithm of a key pair is meant to be signed with. */
export function rightSigner({ alg, privateKey }: KeyPair): Signer {
  if (alg.startsWith('Ed')) return signer(null, privateKey);
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('PS')) return pssSigner(hash, privateKey, Number(alg.slice(2)) / 8);
  return signer(hash, privateKey);
}

/** A compact JWS of whatever parts. */
export function rawJws(header: Part, payload: Part, sign: Signer): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${sign(input).toString('base64url')}`;
}

/** An assertion of `client`, signed with its ES256 key, whose parts are exactly as they are given. */
export const rawAssertion = (
  header: Part = { alg: 'ES256' },
  payload: Part = validClaims(),
  sign: Signer = rightSigner(keyPair('ES256')),
): string => rawJws(header, payload, sign);

/** The JSON of valid claims with some text put before its closing brace. */
export const claimsText = (more: string, without: readonly string[] = []): string => {
  const claims = validClaims();
  for (const name of without) delete claims[name];
  return `${JSON.stringify(claims).slice(0, -1)},${more}}`;
};
