import { Buffer } from 'node:buffer';
import { constants, createHmac, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { JsonWebKey } from '../../keys/secret.js';
import type { Algorithm } from '../../shared/jose.js';
import type { SignerCertificate } from './certificate.js';

export type Header = Readonly<Record<string, unknown>>;

/** A header together with its serialized form. */
export interface WrittenHeader {
  readonly parameters: Header;
  readonly segment: string;
}

export interface KeyParts {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
  /** Undefined if unknown, and for symmetric keys. */
  readonly publicJwk: JsonWebKey | undefined;
  readonly certificate: SignerCertificate | undefined;
  readonly sign: (header: WrittenHeader, claims: object) => Promise<string>;
}

/** The signature has the JWS format. */
export type Sign = (data: Uint8Array) => Uint8Array | Promise<Uint8Array>;

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export const writeHeader = (parameters: Header): WrittenHeader => ({
  parameters,
  segment: segment(parameters),
});

const base64url = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64url');

/** A compact JWS of claims (RFC 7515 §5.1). */
export async function compactJws(
  header: WrittenHeader,
  claims: object,
  sign: Sign,
): Promise<string> {
  const signingInput = `${header.segment}.${segment(claims)}`;
  const signature = await sign(Buffer.from(signingInput, 'latin1'));
  return `${signingInput}.${base64url(signature)}`;
}

const PSS = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};

const signOnThreadPool = promisify(sign);

/** WebCrypto's overhead is half the cost of an ECDSA signature. HMAC runs synchronously. */
export function signer(alg: Algorithm, key: KeyObject): Sign {
  const hash = `sha${alg.slice(2)}`;
  if (key.type === 'secret') return (data) => createHmac(hash, key).update(data).digest();
  // EdDSA and ML-DSA do their own hashing.
  const digest = /^(RS|PS|ES)/.test(alg) ? hash : null;
  const privateKey = alg.startsWith('PS')
    ? { key, ...PSS }
    : { key, dsaEncoding: 'ieee-p1363' as const };
  return (data) => signOnThreadPool(digest, data, privateKey);
}
