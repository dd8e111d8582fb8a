import 'reflect-metadata';
import { type KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
const DAY = 86_400_000;

const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

function subtleAlgorithm(key: KeyObject): { name: string; hash?: string; namedCurve?: string } {
  if (key.asymmetricKeyType === 'rsa') return RSA;
  if (key.asymmetricKeyType === 'ed25519') return { name: 'Ed25519' };
  const namedCurve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'P-256';
  return { name: 'ECDSA', hash: 'SHA-256', namedCurve };
}

/** When a certificate is valid. Default: from yesterday until tomorrow. */
export interface Validity {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A self-signed certificate as a client would make it. */
export async function clientCertificate(
  { privateKey, publicKey }: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
  { notBefore = new Date(Date.now() - DAY), notAfter = new Date(Date.now() + DAY) }: Validity = {},
): Promise<{ readonly pem: string; readonly base64: string; readonly der: Buffer }> {
  const algorithm = subtleAlgorithm(publicKey);
  const { subtle } = webcrypto;
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=client',
    keys: {
      privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
      publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
    },
    signingAlgorithm: algorithm,
    notBefore,
    notAfter,
  });
  const der = Buffer.from(certificate.rawData);
  return { pem: certificate.toString('pem'), base64: der.toString('base64'), der };
}
