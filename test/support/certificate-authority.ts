import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;

x509.cryptoProvider.set(webcrypto);

/** A server's certificate and its key, in PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority that nobody but the tests trusts. */
export interface CertificateAuthority {
  readonly pem: string;
  issue(...names: string[]): Promise<ServerCertificate>;
}

const generateKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const validity = () => ({
  notBefore: new Date(Date.now() - DAY),
  notAfter: new Date(Date.now() + DAY),
});

const subjectAlternative = (name: string) => ({
  type: /^[\d.]+$|:/.test(name) ? ('ip' as const) : ('dns' as const),
  value: name,
});

async function createAuthority(): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Test authority',
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    pem: root.toString('pem'),
    async issue(...names) {
      const serverKeys = await generateKeys();
      const certificate = await x509.X509CertificateGenerator.create({
        subject: 'CN=Test server',
        issuer: root.subject,
        publicKey: serverKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...validity(),
        extensions: [new x509.SubjectAlternativeNameExtension(names.map(subjectAlternative))],
      });
      const key = KeyObject.from(serverKeys.privateKey).export({ type: 'pkcs8', format: 'pem' });
      return { cert: certificate.toString('pem'), key: key.toString() };
    },
  };
}

let authority: Promise<CertificateAuthority> | undefined;

/** The one authority of a test run. */
export function certificateAuthority(): Promise<CertificateAuthority> {
  authority ??= createAuthority();
  return authority;
}
