import { Buffer } from 'node:buffer';
import { type KeyObject, X509Certificate } from 'node:crypto';
import { algorithmsOf, KeyError } from '../../keys/algorithms.js';
import { keyFromCertificate } from '../../keys/pem.js';
import type { Algorithm } from '../../shared/jose.js';
import { isSameKey } from './key-material.js';
import { mistakeInCertificate } from './key-mistakes.js';
import { pemBlocks, textOf, unwrapped } from './key-text.js';

const BASE64 = /^[A-Za-z0-9+/]+=*$/;

interface CertificateHeader {
  readonly x5t?: string | undefined;
  readonly 'x5t#S256'?: string | undefined;
  readonly x5c?: readonly string[] | undefined;
}

/** The certificate of a key, and how to use it. */
export interface CertificateOptions {
  /**
   * The certificate of the key: PEM, optionally with its chain; base64 of DER; or DER. Default: the
   * certificate in the PEM of the key. The header gets its thumbprints as `x5t` and `x5t#S256`.
   */
  readonly certificate?: string | Uint8Array | undefined;
  /** Whether the header also contains the certificate and its chain. Default false. */
  readonly x5c?: boolean | undefined;
}

export interface SignerCertificate {
  readonly publicKey: KeyObject;
  readonly header: CertificateHeader;
  /** In seconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

function chainOf(value: string | Uint8Array): readonly string[] {
  const outer = typeof value === 'string' ? value : textOf(value);
  const text = typeof outer === 'string' ? unwrapped(outer) : outer;
  if (typeof text !== 'string') return [text.toString('base64')];
  const chain = pemBlocks(text)
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ base64 }) => base64);
  if (chain.length > 0 && chain.every((base64) => BASE64.test(base64))) return chain;
  const compact = text.replace(/\s/g, '');
  if (BASE64.test(compact)) return [compact];
  throw new KeyError(
    mistakeInCertificate(text) ??
      'the certificate is neither PEM nor base64: give the content of its file',
  );
}

function belongs(base64: string, alg: Algorithm, publicKey: KeyObject | undefined): boolean {
  try {
    const certified = new X509Certificate(Buffer.from(base64, 'base64')).publicKey;
    return publicKey === undefined
      ? algorithmsOf(certified).includes(alg)
      : isSameKey(certified, publicKey);
  } catch {
    return false;
  }
}

/** `beside`: base64 certificates from the PEM of the key. */
export function certificateOf(
  { certificate, x5c = false }: CertificateOptions,
  alg: Algorithm,
  publicKey: KeyObject | undefined,
  beside: readonly string[] = [],
): SignerCertificate | undefined {
  const chain = certificate === undefined ? beside : chainOf(certificate);
  if (chain.length === 0) {
    if (!x5c) return undefined;
    throw new KeyError('x5c sends the certificate in the header: give the certificate');
  }
  const own = chain.find((each) => belongs(each, alg, publicKey));
  if (own === undefined) {
    // Throws the precise reason if the certificate is unreadable.
    keyFromCertificate(chain[0] ?? '');
    throw new KeyError(
      'the certificate belongs to another key, and so does every certificate of its chain',
    );
  }
  const { keyObject, x5t, x5tS256, notBefore, notAfter } = keyFromCertificate(own);
  const ordered = [own, ...chain.filter((each) => each !== own)];
  return {
    publicKey: keyObject,
    header: { x5t, 'x5t#S256': x5tS256, ...(x5c && { x5c: ordered }) },
    notBefore: notBefore ?? Number.NEGATIVE_INFINITY,
    notAfter: notAfter ?? Number.POSITIVE_INFINITY,
  };
}
