import { Buffer } from 'node:buffer';
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { algorithmsOf, KeyError } from './algorithms.js';
import { refusePrivateKey } from './pem.js';
import type { VerificationKey } from './verification-key.js';

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

function parseCertificate(value: string): X509Certificate {
  const text = value.trim();
  refusePrivateKey(text);
  const label = /^-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text)?.[1];
  const isPem = label !== undefined;
  if (isPem && label !== 'CERTIFICATE') {
    throw new KeyError(`the PEM is not a CERTIFICATE but a ${label}`);
  }
  const base64 = text.replace(/\s/g, '');
  if (!isPem && !BASE64.test(base64)) throw new KeyError('the certificate is not base64');
  try {
    return new X509Certificate(isPem ? text : Buffer.from(base64, 'base64'));
  } catch {
    throw new KeyError('the value is not an X.509 certificate in base64 DER or PEM');
  }
}

function publicKeyOf(certificate: X509Certificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch {
    throw new KeyError('the key of the certificate cannot be read');
  }
}

function seconds(date: string): number {
  const time = Date.parse(date);
  if (Number.isNaN(time))
    throw new KeyError('the validity period of the certificate is unreadable');
  return Math.floor(time / 1000);
}

/**
 * The public key of a certificate. No chain is built and no authority trusted: the certificate is
 * pinned by being configured.
 *
 * @param value base64 of the DER, or PEM
 * @throws {KeyError}
 */
export function keyFromCertificate(value: string): VerificationKey {
  const certificate = parseCertificate(value);
  const thumbprint = (hash: string) => createHash(hash).update(certificate.raw).digest('base64url');
  const keyObject = publicKeyOf(certificate);
  return {
    keyObject,
    algorithms: algorithmsOf(keyObject),
    x5t: thumbprint('sha1'),
    x5tS256: thumbprint('sha256'),
    notBefore: seconds(certificate.validFrom),
    notAfter: seconds(certificate.validTo),
  };
}
