import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { privateCryptoKey, subtleAlgorithm } from './key-forms.js';
import type { KeyPair } from './keys.js';

const DAY = 86_400_000;

x509.cryptoProvider.set(webcrypto);

/** A self-signed certificate of a key pair, in PEM. */
export async function certificateOf(pair: KeyPair): Promise<string> {
  const algorithm = subtleAlgorithm(pair.alg) as { name: string; namedCurve: string };
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=client',
    keys: {
      privateKey: await privateCryptoKey(pair, true),
      publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
    },
    signingAlgorithm: { hash: 'SHA-256', ...algorithm },
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + DAY),
  });
  return certificate.toString('pem');
}
