import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { algorithmsOf, KeyError } from '../../keys/algorithms.js';
import { keyFromCertificate } from '../../keys/pem.js';
import type { JsonWebKey } from '../../keys/secret.js';
import type { Algorithm } from '../../shared/algorithms.js';
import { refuseDamagedPem } from './key-mistakes.js';
import { jwkThumbprint, publicJwkOf } from './thumbprint.js';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What is around the base64 of a PEM, and in it. */
const PEM_LINES = /-----[A-Z ]+-----|\s/g;

const BASE64 = /^[A-Za-z0-9+/=]+$/;

/** The first byte of DER, an ASN.1 sequence: no text starts with it and a certificate does. */
const DER_SEQUENCE = 0x30;

/** Header parameters that name a certificate (RFC 7515 §4.1.6 to §4.1.8). */
export interface CertificateHeader {
  readonly x5t?: string | undefined;
  readonly 'x5t#S256'?: string | undefined;
  readonly x5c?: readonly string[] | undefined;
}

/** The certificate of a key, and how it is used. */
export interface CertificateOptions {
  /**
   * The certificate of the key: PEM, with the chain after it if there is one, or base64 of DER. Its
   * thumbprints go into the header as `x5t` and `x5t#S256`.
   */
  readonly certificate?: string | Uint8Array | undefined;
  /** Whether the header carries the certificate and its chain too. Default false. */
  readonly x5c?: boolean | undefined;
}

interface SignerCertificate {
  readonly publicKey: KeyObject;
  readonly header: CertificateHeader;
}

const textOf = (value: string | Uint8Array): string =>
  Buffer.from(value).toString(value[0] === DER_SEQUENCE ? 'base64' : 'utf8');

/** The certificates of a PEM, or the one in base64, without white space. */
function chainOf(text: string): readonly string[] {
  const chain = (text.match(PEM_CERTIFICATE) ?? [text]).map((pem) => pem.replace(PEM_LINES, ''));
  if (chain.every((base64) => BASE64.test(base64))) return chain;
  refuseDamagedPem(text);
  throw new KeyError('the certificate is neither PEM nor base64: give the content of its file');
}

function readCertificate(value: string | Uint8Array, x5c: boolean): SignerCertificate {
  const chain = chainOf(textOf(value));
  const { keyObject, x5t, x5tS256 } = keyFromCertificate(chain[0] ?? '');
  return {
    publicKey: keyObject,
    header: { x5t, 'x5t#S256': x5tS256, ...(x5c && { x5c: chain }) },
  };
}

/** Whether a certificate is that of a key; where this is not visible, whether it could be. */
function belongs(certified: KeyObject, alg: Algorithm, publicJwk: JsonWebKey | undefined): boolean {
  if (publicJwk === undefined) return algorithmsOf(certified).includes(alg);
  // Not KeyObject.equals, which leaves an error in OpenSSL's queue where the types differ.
  return jwkThumbprint(publicJwkOf(certified)) === jwkThumbprint(publicJwk);
}

/**
 * Reads the certificate of a signing key.
 *
 * @param publicJwk the public half of the key, where it is known
 * @returns undefined where there is none
 * @throws {KeyError}
 */
export function certificateOf(
  { certificate, x5c = false }: CertificateOptions,
  alg: Algorithm,
  publicJwk: JsonWebKey | undefined,
): SignerCertificate | undefined {
  if (certificate === undefined) {
    if (!x5c) return undefined;
    throw new KeyError('x5c is the certificate in the header: give the certificate');
  }
  const read = readCertificate(certificate, x5c);
  if (belongs(read.publicKey, alg, publicJwk)) return read;
  throw new KeyError(
    'the certificate belongs to another key; the first of a chain must be its own',
  );
}
