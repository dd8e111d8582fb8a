import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { privateCryptoKey, subtleAlgorithm } from './key-forms.js';
import type { KeyPair } from './keys.js';

const DAY = 86_400_000;

x509.cryptoProvider.set(webcrypto);

/** When a certificate is valid. Default: from yesterday until tomorrow. */
export interface Validity {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A self-signed certificate of a key pair. */
export async function clientCertificate(
  pair: KeyPair,
  { notBefore = new Date(Date.now() - DAY), notAfter = new Date(Date.now() + DAY) }: Validity = {},
): Promise<{ readonly pem: string; readonly base64: string; readonly der: Buffer }> {
  const algorithm = subtleAlgorithm(pair.alg) as { name: string; namedCurve: string };
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=client',
    keys: {
      privateKey: await privateCryptoKey(pair, true),
      publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
    },
    signingAlgorithm: { hash: 'SHA-256', ...algorithm },
    notBefore,
    notAfter,
  });
  const der = Buffer.from(certificate.rawData);
  return { pem: certificate.toString('pem'), base64: der.toString('base64'), der };
}

/** The certificate in PEM. */
export const certificateOf = async (pair: KeyPair): Promise<string> =>
  (await clientCertificate(pair)).pem;
