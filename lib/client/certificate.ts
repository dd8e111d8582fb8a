import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { keyFromCertificate } from '../secrets/x509.js';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g;

/** The first byte of DER, an ASN.1 sequence: no text starts with it and a certificate does. */
const DER_SEQUENCE = 0x30;

/** Header parameters that name a certificate (RFC 7515 §4.1.6 to §4.1.8). */
export interface CertificateHeader {
  readonly x5t?: string | undefined;
  readonly 'x5t#S256'?: string | undefined;
  readonly x5c?: readonly string[] | undefined;
}

/** What a certificate says of the key that signs. */
export interface SignerCertificate {
  readonly publicKey: KeyObject;
  readonly header: CertificateHeader;
}

function textOf(value: string | Uint8Array): string {
  if (typeof value === 'string') return value;
  return Buffer.from(value).toString(value[0] === DER_SEQUENCE ? 'base64' : 'utf8');
}

/**
 * Reads the certificate of a signing key.
 *
 * @param value PEM, with the chain after it if there is one; DER; or base64 of the DER
 * @param x5c whether the header is to carry the certificate and its chain
 * @throws {KeyError}
 */
export function readCertificate(value: string | Uint8Array, x5c: boolean): SignerCertificate {
  const text = textOf(value);
  const blocks = [...text.matchAll(PEM_CERTIFICATE)].map(([, base64 = '']) => base64);
  const chain = (blocks.length > 0 ? blocks : [text]).map((base64) => base64.replace(/\s+/g, ''));
  const { keyObject, x5t, x5tS256 } = keyFromCertificate(chain[0] ?? '');
  return {
    publicKey: keyObject,
    header: { x5t, 'x5t#S256': x5tS256, ...(x5c && { x5c: chain }) },
  };
}
